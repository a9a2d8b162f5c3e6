"""Spans of samples that are announced for a stream and applied block by block as it passes."""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Spans(Generic[T]):
    """The spans that a stream has not passed yet, each with a value of its own.

    Args:
        position: sample at which the stream begins; negative where it begins before the song.
    """

    def __init__(self, position: int) -> None:
        self._position = position
        self._pending: list[tuple[int, int, T]] = []

    def add(self, start: int, length: int, value: T) -> None:
        """Announce samples [start, start + length) of the stream."""
        self._pending.append((start, start + length, value))

    def advance(self, length: int) -> Iterator[tuple[slice, slice, T]]:
        """Move on by a block of `length` samples.

        The iterator must be used up: only then does the stream's position move.

        Yields:
            for every span that overlaps the block, the overlap as a slice of the block, the same overlap as a slice of
            the span, and the span's value.
        """
        low, high = self._position, self._position + length
        for start, end, value in self._pending:
            first, last = max(start, low), min(end, high)
            if first < last:
                yield slice(first - low, last - low), slice(first - start, last - start), value
        self._pending = [span for span in self._pending if span[1] > high]
        self._position = high
