"""Which part of a file is decoded, and where its chunks come from: a whole file here, a damaged one in `salvage`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, Self

from codec.clock import clock
from codec.pipeline.chunks import source_samples
from codec.pipeline.damage import Loss
from codec.pipeline.plan import DecodePlan
from formats import Chunk, Header, Reader
from formats.errors import DamagedError

WARM_UP = 0.25
"""Seconds decoded before a seek's start, so that the resampler has settled there."""


@dataclass(frozen=True)
class Gap:
    """A chunk that is lost; where `lost` is False, the unknown behind the last chunk of a file that was cut."""

    index: int
    lost: bool = True


@dataclass(frozen=True)
class Part:
    """Which samples and chunks of a song are wanted.

    Attributes:
        from_sample, to_sample: samples of the source; to_sample None: to the end.
        begin: the first chunk that is synthesized.
        first, last: the chunks that are read, one more on either side for context; last None: to the end.
    """

    from_sample: int
    to_sample: int | None
    begin: int
    first: int
    last: int | None

    @classmethod
    def of(cls, plan: DecodePlan, header: Header) -> Self:
        """What a plan's start and duration are of a file."""
        rate = header.sample_rate
        span = source_samples(1, rate, header.chunk_frames)
        from_sample = round(plan.start * rate)
        to_sample = None if plan.duration is None else from_sample + round(plan.duration * rate)
        begin = max(0, int((plan.start - WARM_UP) * rate)) // span
        last = None if to_sample is None else to_sample // span + 1
        return cls(from_sample, to_sample, begin, max(0, begin - 1), last)


class ChunkSource(Protocol):
    """Iterates over the chunks of a part of a file, once, in order.

    Attributes:
        total: chunks of the file, where that is known before.
    """

    total: int | None

    def __iter__(self) -> Iterator[Chunk | Gap]:
        """Chunks, and a gap for each lost one."""

    def damaged(self, chunk: Chunk, error: DamagedError) -> Gap:
        """What stands for a chunk that cannot be unpacked; or the error is raised."""

    def lost(self, gap: Gap) -> None:
        """Note a gap that lies in what was asked for."""

    def song_samples(self, ready: int) -> int | None:
        """Samples of the song, a channel, once all is read and `ready` of them are decoded; None: nothing tells it."""

    def losses(self) -> tuple[Loss, ...]:
        """What is lost of the song."""

    def notes(self) -> tuple[str, ...]:
        """Damage that is no lost chunk, a line each."""


class WholeFile:
    """A file that has to be whole, as far as it is read: damage is an error."""

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
        """Nothing: there are no gaps."""

    def song_samples(self, ready: int) -> int | None:
        """What trailer or header say.

        Raises:
            DamagedError: the file ends before what was asked for.
        """
        reader, to_sample = self._reader, self._part.to_sample
        if not reader.complete and (to_sample is None or reader.samples is None or to_sample > ready):
            header = reader.header
            lasts = clock(source_samples(self._read, header.sample_rate, header.chunk_frames) / header.sample_rate)
            raise DamagedError(f"the file ends early, after {self._read} whole chunks ({lasts}): it has no trailer")
        return reader.samples

    def losses(self) -> tuple[Loss, ...]:
        """Nothing is lost."""
        return ()

    def notes(self) -> tuple[str, ...]:
        """Nothing is damaged."""
        return ()
