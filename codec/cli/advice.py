"""What an error's text lacks: the library names no option of the command, and no file that it was handed opened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from formats.errors import AezError, CodedError, CutError, DamagedError, ForeignError, FormatError

NAMING_A_MODEL = "--model NAME or FOLDER names it"
"""What helps where a file's model is none that is installed."""


def advised(text: str, error: type[Exception] | None, *, salvageable: bool = False) -> str:
    """Return an error's text with advice on what to type.

    Args:
        text: text of the error.
        error: class of the error.
        salvageable: whether a damaged file could be salvaged and the user did not ask for it.
    """
    if "header is damaged" in text or "ends in its header" in text:  # without a header nothing can be salvaged
        salvageable = False
    from codec.audio.source import ChannelsError
    from codec.files import TargetExistsError
    from codec.runtime.models import MissingModelError

    advice = {
        ChannelsError: "--downmix mixes them to stereo",
        CutError: "--accept-cut encodes what is there",
        CodedError: "aez peel makes it smaller, and aez decode turns it into audio",
        ForeignError: "aez encode makes one of a song",
        TargetExistsError: "--force overwrites it",
        MissingModelError: NAMING_A_MODEL,
        DamagedError: "aez decode --salvage keeps the rest" if salvageable else "",
    }
    for kind, line in advice.items():
        if line and error is not None and issubclass(error, kind):
            return f"{text}; {line}"
    return text


def keeping(warning: str) -> str:
    """Return a warning with advice on what to type where a limit has left out pictures."""
    from codec.audio.tags.choice import LIMITED

    return f"{warning}; --cover-limit 16 keeps what fits, --cover FILE replaces it" if LIMITED in warning else warning


def typed(command: str, *words: str) -> str:
    """Return a command line that a shell takes as it is: names with spaces and the like are quoted.

    Args:
        command: what follows aez: a command, and options of it.
        words: names.
    """
    import shlex

    return f"aez {command} {shlex.join(words)}"


@contextlib.contextmanager
def about(name: str, *, salvageable: bool = False) -> Iterator[None]:
    """Put a source's name in front of errors about what is in it, which do not name it; add advice.

    Args:
        name: of the source, in messages.
        salvageable: as for `advised`.
    """
    from codec.runtime.models import MissingModelError, OtherModelError

    try:
        yield
    except DamagedError as error:
        text = advised(str(error), type(error), salvageable=salvageable)
        raise DamagedError(f"{name}: {text}", error.chunk) from None
    except (FormatError, MissingModelError, OtherModelError) as error:
        raise type(error)(f"{name}: {error}") from None


def failure(error: AezError | OSError) -> str:
    """Return the text of an error about a file that the caller names."""
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return advised(str(error), type(error))
