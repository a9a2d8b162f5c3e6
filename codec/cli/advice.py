"""What to type after an error: the library's texts name no flag, so the command adds it."""

from __future__ import annotations

from formats.errors import DamagedError


def advised(text: str, error: type[Exception] | None, *, salvageable: bool = False) -> str:
    """Return an error's text with what can be typed about it.

    Args:
        text: of the error.
        error: its class.
        salvageable: whether a damaged file could be decoded with its losses, and was not asked to be.
    """
    if "header" in text:  # without it nothing can be salvaged
        salvageable = False
    from codec.files import TargetExistsError
    from codec.runtime.models import MissingModelError

    advice = {
        TargetExistsError: "--force overwrites it",
        MissingModelError: "--model FOLDER takes it from there",
        DamagedError: "aez decode --salvage keeps the rest" if salvageable else "",
    }
    for kind, line in advice.items():
        if line and error is not None and issubclass(error, kind):
            return f"{text}; {line}"
    return text
