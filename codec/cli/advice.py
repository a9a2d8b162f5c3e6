"""Advice after an error: the library's texts name no option of the command, so the command adds it."""

from __future__ import annotations

from formats.errors import CutError, DamagedError


def advised(text: str, error: type[Exception] | None, *, salvageable: bool = False) -> str:
    """Return an error's text with advice on what to type.

    Args:
        text: text of the error.
        error: class of the error.
        salvageable: whether a damaged file could be salvaged and the user did not ask for it.
    """
    if "header is damaged" in text or "ends in its header" in text:  # without a header nothing can be salvaged
        salvageable = False
    from codec.files import TargetExistsError
    from codec.runtime.models import MissingModelError

    advice = {
        CutError: "--accept-cut encodes what is there",
        TargetExistsError: "--force overwrites it",
        MissingModelError: "--model FOLDER takes it from there",
        DamagedError: "aez decode --salvage keeps the rest" if salvageable else "",
    }
    for kind, line in advice.items():
        if line and error is not None and issubclass(error, kind):
            return f"{text}; {line}"
    return text
