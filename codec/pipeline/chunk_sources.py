"""The part of a file to decode, and the source of its chunks: an undamaged file here, a damaged one in `salvage`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

from codec.clock import clock
from codec.pipeline.damage import Loss
from codec.pipeline.plan import DecodePlan
from formats import Chunk, Header, Reader
from formats.errors import DamagedError
from formats.grid import HOP, SAMPLE_RATE

WARM_UP = 0.25
"""Seconds that are decoded before a seek's start, so that the resampler has settled there."""


@dataclass(frozen=True)
class Gap:
    """Stands for a lost chunk; with `lost` False, for the unknown rest behind the last chunk of a file that was cut."""

    index: int
    lost: bool = True


@dataclass(frozen=True)
class Part:
    """The samples and chunks of a song that are wanted.

    Attributes:
        from_sample, to_sample: range of samples at the rate of the output; to_sample is None for the song's end.
        begin: first chunk that is synthesized.
        first, last: first and last chunk that are read, including one on either side for context; last is None for the
            song's end.
    """

    from_sample: int
    to_sample: int | None
    begin: int
    first: int
    last: int | None

    @classmethod
    def of(cls, plan: DecodePlan, header: Header, rate: int) -> Self:
        """The part of a file from a plan's start and for its duration, at a rate in Hz."""

        def chunk_at(sample: int) -> int:
            return header.chunk_at(sample * SAMPLE_RATE // (HOP * rate))

        from_sample = round(plan.start * rate)
        to_sample = None if plan.duration is None else from_sample + round(plan.duration * rate)
        begin = chunk_at(max(0, int((plan.start - WARM_UP) * rate)))
        last = None if to_sample is None else chunk_at(to_sample) + 1
        return cls(from_sample, to_sample, begin, max(0, begin - 1), last)


class ChunkSource(Protocol):
    """Iterates over the chunks of a part of a file, once, in order.

    Attributes:
        total: number of chunks of the file, if known beforehand.
    """

    total: int | None

    def __iter__(self) -> Iterator[Chunk | Gap]:
        """Yield the chunks, and a gap for each lost one."""

    def damaged(self, chunk: Chunk, error: DamagedError) -> Gap:
        """Return a gap for a chunk that cannot be unpacked, or raise the error."""

    def lost(self, gap: Gap) -> None:
        """Note a gap that lies in the wanted part."""

    def song_samples(self, ready: int) -> int | None:
        """Samples per channel of the song, once all is read and `ready` of them are decoded; None if not known."""

    def losses(self) -> tuple[Loss, ...]:
        """Lost parts of the song."""

    def notes(self) -> tuple[str, ...]:
        """Damage other than lost chunks, one line each."""


class WholeFile:
    """An undamaged file as a `ChunkSource`: damage in the chunks that are read is an error."""

    def __init__(self, reader: Reader, part: Part) -> None:
        self._reader, self._part, self._read = reader, part, 0
        self.total = reader.chunk_count if reader.coded_size is not None else None

    def __iter__(self) -> Iterator[Chunk | Gap]:
        for chunk in self._chosen():
            self._read = chunk.index + 1
            yield chunk

    def _chosen(self) -> Iterator[Chunk]:
        first, last = self._part.first, self._part.last
        if first and self.total is not None:  # the file can seek: read only what is needed
            for index in range(first, self.total if last is None else min(self.total, last + 1)):
                yield self._reader.read(index)
            return
        for chunk in self._reader:
            if chunk.index >= first:
                yield chunk
            if last is not None and chunk.index >= last:
                return

    def damaged(self, chunk: Chunk, error: DamagedError) -> Gap:
        """Raise the error."""
        raise error

    def lost(self, gap: Gap) -> None:
        """Do nothing, because there are no gaps."""

    def song_samples(self, ready: int) -> int | None:
        """The length that trailer or header state.

        Raises:
            DamagedError: the file ends before the end of the wanted part.
        """
        reader, to_sample = self._reader, self._part.to_sample
        if not reader.complete and (to_sample is None or reader.samples is None or to_sample > ready):
            lasts = clock(reader.header.chunk_start(self._read) * HOP / SAMPLE_RATE)
            raise DamagedError(f"the file ends early, after {self._read} whole chunks ({lasts}): it has no trailer")
        return reader.samples

    def losses(self) -> tuple[Loss, ...]:
        """Nothing is lost."""
        return ()

    def notes(self) -> tuple[str, ...]:
        """Nothing is damaged."""
        return ()
