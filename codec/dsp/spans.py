"""Stretches listed for a stream, met block by block as it passes."""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Spans(Generic[T]):
    """What is listed of a stream ahead of the place where it stands, each with a value of its own."""

    def __init__(self, position: int) -> None:
        self._position = position
        self._ahead: list[tuple[int, int, T]] = []

    def add(self, start: int, length: int, value: T) -> None:
        """List samples [start, start + length) of the stream."""
        self._ahead.append((start, start + length, value))

    def meet(self, length: int) -> Iterator[tuple[slice, slice, T]]:
        """Go on by a block of `length` samples -> where in it each stretch lies, which part of it that is, its value.

        To be iterated to the end.
        """
        low, high = self._position, self._position + length
        for start, end, value in self._ahead:
            first, last = max(start, low), min(end, high)
            if first < last:
                yield slice(first - low, last - low), slice(first - start, last - start), value
        self._ahead = [each for each in self._ahead if each[1] > high]
        self._position = high
