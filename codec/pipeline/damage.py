"""Damaged and lost chunks of a file, and their times in the song."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from codec.clock import clock
from formats.errors import DamagedError, FormatError
from formats.grid import HOP, SAMPLE_RATE

if TYPE_CHECKING:
    from formats import Header


class Loss(NamedTuple):
    """Lost chunks `first` to `last` of a file, which are the seconds `start` to `end` of the song."""

    first: int
    last: int
    start: float
    end: float

    def __str__(self) -> str:
        chunks = f"chunk {self.first}" if self.first == self.last else f"chunks {self.first} to {self.last}"
        return f"{chunks}, {clock(self.start)} to {clock(self.end)}"


def loss(first: int, last: int, header: Header, samples: int | None) -> Loss:
    """The loss of chunks `first` to `last` of a song of `samples` samples per channel, None if not known."""
    start, end = (header.chunk_start(index) * HOP / SAMPLE_RATE for index in (first, last + 1))
    if samples is not None:
        end = min(end, samples / header.sample_rate)
    return Loss(first, last, min(start, end), end)


def losses(ranges: Iterable[tuple[int, int]], header: Header, samples: int | None) -> tuple[Loss, ...]:
    """Losses of ascending ranges of chunks (first, last); adjacent ranges are merged."""
    merged: list[tuple[int, int]] = []
    for first, last in ranges:
        if merged and merged[-1][1] >= first - 1:
            first = merged.pop()[0]
        merged.append((first, last))
    return tuple(loss(first, last, header, samples) for first, last in merged)


def located(error: FormatError, header: Header, samples: int | None = None) -> FormatError:
    """The same error, with the time of its chunk in its text if it names a chunk."""
    if not isinstance(error, DamagedError) or error.chunk is None:
        return error
    place = loss(error.chunk, error.chunk, header, samples)
    return DamagedError(f"{error} ({clock(place.start)} to {clock(place.end)})", error.chunk)
