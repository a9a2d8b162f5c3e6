"""Numbers on the command line, in a range that the message names, with a k for a thousand; and times."""

from __future__ import annotations

import math
import re

import click


class Number(click.ParamType[float]):
    """A number from `low` to `high`.

    Args:
        low, high: the range, both included; no upper end if `high` is None.
        k: what a k behind the number multiplies it by: 1 where the unit is a thousand of something; 0 for no k.
    """

    name = "number"
    _noun = "a number"

    def __init__(self, low: float, high: float | None = None, *, k: int = 0) -> None:
        self.low, self.high, self.k = low, high, k

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; anything else is a usage error."""
        text = str(value).strip()
        factor = 1
        if self.k and re.fullmatch(r".*\d\.?k", text, re.IGNORECASE):
            text, factor = text[:-1], self.k
        number = round(factor * float(text), 6) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text, re.ASCII) else math.nan
        if not self._is_taken(number):
            span = f"of {self.low:g} or more" if self.high is None else f"from {self.low:g} to {self.high:g}"
            self.fail(f"{str(value)!r} is not {self._noun} {span}", param, ctx)
        return number

    def _is_taken(self, number: float) -> bool:
        return self.low <= number <= (math.inf if self.high is None else self.high) and math.isfinite(number)


class WholeNumber(Number):
    """A whole number from `low` to `high`."""

    name = "whole number"
    _noun = "a whole number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; anything else is a usage error."""
        return int(super().convert(value, param, ctx))

    def _is_taken(self, number: float) -> bool:
        return super()._is_taken(number) and number.is_integer()


KBPS = Number(6, 128, k=1)
"""A bit rate for encoding, in 1000 bit/s: 24 or 24k."""


class Time(click.ParamType[float]):
    """Seconds, or [h:]m:s, as a number of seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds; anything but a time of 0 or more is a usage error."""
        if not re.fullmatch(r"(\d+:)?(\d+:)?\d+(\.\d*)?|\.\d+", str(value)):
            self.fail(f"{value!r} is no time; write seconds or [h:]m:s", param, ctx)
        seconds = 0.0
        for part in str(value).split(":"):
            seconds = 60 * seconds + float(part)
        return seconds
