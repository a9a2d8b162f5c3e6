"""Types of options that are numbers: argparse refuses what is out of range before anything is read or written."""

import argparse
import math
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def integer(text: str) -> int:
    """The type of an option that is any whole number.

    Raises:
        ArgumentTypeError: the text is none.
    """
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def whole(least: int) -> Callable[[str], int]:
    """Make the type of an option that is a whole number, `least` or more.

    The type raises ArgumentTypeError for every other text.
    """

    def parse(text: str) -> int:
        value = integer(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"has to be {least} or more, not {value}")
        return value

    return parse


def real(least: float = -math.inf, *, above: bool = False) -> Callable[[str], float]:
    """Make the type of an option that is a finite number, `least` or more, or `above` it.

    The type raises ArgumentTypeError for every other text.
    """

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"has to be a finite number, not {text}")
        if value < least or (above and value == least):
            bound = f"above {least:g}" if above else f"{least:g} or more"
            raise argparse.ArgumentTypeError(f"has to be {bound}, not {text}")
        return value

    return parse


positive = real(0, above=True)
"""The type of lengths and rates: a finite number above 0."""


clip_length = real(0.1)
"""The type of the length of clips that are measured, in seconds: of shorter ones, some metrics have nothing."""


def several(parse: Callable[[str], T]) -> Callable[[str], list[T]]:
    """Make the type of an option that is a list of such values, separated by commas."""
    return lambda text: [parse(part) for part in text.split(",")]
