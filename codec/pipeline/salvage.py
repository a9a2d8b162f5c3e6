"""What is left of a damaged file: every good chunk at its place, and gaps where chunks are lost.

A gap becomes silence. The half window on either side of it, 16 ms in which a good chunk overlaps a lost one, fades: so
nothing clicks, and no sample outside the lost chunks and these fades is touched.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from codec.audio.resample import resampled_length
from codec.dsp.mdct import Float
from codec.pipeline.chunks import source_samples
from codec.pipeline.damage import Loss, loss, losses
from formats import Chunk, Reader
from formats.errors import DamagedError, FormatError
from formats.grid import HOP, SAMPLE_RATE, frame_count

FILL = 1 << 27
"""Samples a channel of silence, 50 minutes at 44.1 kHz, that may stand for lost chunks beyond as much as was saved: a
small file that claims to be long fills no disk."""

RISE = np.sin(np.pi / 2 * (np.arange(HOP, dtype=np.float32) + 0.5) / HOP).astype(np.float32)
"""The fade at a gap, over what the transform's own window leaves."""


@dataclass(frozen=True)
class Gap:
    """A chunk that is lost; where `lost` is False, the unknown behind the last chunk of a file that was cut."""

    index: int
    lost: bool = True


def fade(block: Float, before: object, after: object) -> Float:
    """A synthesized chunk [2, (F + 1) 700] next to gaps, its ends faded in place."""
    if isinstance(before, Gap):
        block[:, :HOP] *= RISE
    if isinstance(after, Gap):
        block[:, -HOP:] *= RISE[::-1]
    return block


class Salvage:
    """Iterates over the chunks of a file from number `first` to `last` (None: to the end), a Gap for each lost one.

    Attributes, complete when it has been iterated:
        samples: length of the song, a channel; where nothing tells it, up to the end of the last good chunk.
        faults: every damage that was met.

    Raises:
        DamagedError: while iterating, where no chunk of the file is good.
    """

    def __init__(self, reader: Reader, first: int, last: int | None) -> None:
        self._reader, self._first, self._last = reader, first, last
        frames = reader.header.chunk_frames  # a chunk is filled at 44.1 kHz first, whatever the source's rate
        self._each = max(source_samples(1, reader.header.sample_rate, frames), frames * HOP)
        self._budget = FILL
        self._lost: list[tuple[int, int]] = []
        self._whole = self._good = 0
        self._read_on = True  # to the file's end
        self._unfilled: Loss | None = None
        self.samples: int | None = None
        self.faults: list[FormatError] = []

    def __iter__(self) -> Iterator[Chunk | Gap]:
        expected, stopped = self._first, False
        for chunk in self._chunks():
            self._good += 1
            self._budget += self._each
            beyond = self._last is not None and chunk.index > self._last
            until = min(chunk.index, self._last + 1) if self._last is not None else chunk.index
            if until > expected and not self._affords(expected, until):
                stopped = True
                break
            yield from map(Gap, range(expected, until))
            expected = max(expected, until)
            if beyond:
                stopped = True
                break
            self._whole = chunk.first_frame + chunk.frames
            if chunk.index >= self._first:
                yield chunk
                expected = chunk.index + 1
            if chunk.index == self._last:
                stopped = True
                break
        self._read_on = not stopped
        if self.faults and not self._good:
            raise DamagedError("no chunk of the file is undamaged: there is nothing to salvage")
        header = self._reader.header
        total = None if self._unfilled else self._total()
        if not stopped and total is not None:
            until = total if self._last is None else min(total, self._last + 1)
            if until > expected and self._affords(expected, until):
                yield from map(Gap, range(expected, until))
        self.samples = self._reader.samples
        if self._unfilled or (self.samples is None and not stopped):
            self.samples = self._whole * HOP * header.sample_rate // SAMPLE_RATE
            yield Gap(expected, lost=False)  # so that the last chunk fades

    def lose(self, index: int) -> None:
        """Count a chunk as lost: a gap that matters, or one that cannot be unpacked."""
        self._lost.append((index, index))
        if len(self._lost) > 1 and self._lost[-2][1] == index - 1:
            self._lost[-2:] = [(self._lost[-2][0], index)]

    def losses(self) -> tuple[Loss, ...]:
        """What is lost, neighbours merged; ends where the song does."""
        known = self._reader.samples if self._unfilled else self.samples
        return losses(self._lost, self._reader.header, known) + ((self._unfilled,) if self._unfilled else ())

    def notes(self) -> tuple[str, ...]:
        """Damage that is no lost chunk, a line each."""
        found = []
        try:
            self._reader.metadata  # noqa: B018
        except FormatError as error:
            found.append(f"{error}; tags and cover are lost")
        if not self._reader.complete and self.faults and (self._read_on or self._unfilled):
            known = "" if self._reader.samples is not None else ": how long it was is not known"
            found.append(f"the end of the file is missing or damaged{known}")
        if self._unfilled:
            found.append(f"what follows {self._unfilled.start:.1f} s is left out: it is too long to be filled")
        if self.faults and not found and not self._lost:
            found.append(f"{self.faults[0]}; no sound is lost")
        return tuple(found)

    def _chunks(self) -> Iterator[Chunk]:
        try:
            yield from self._reader.salvage(self.faults.append)
        except FormatError as error:  # too damaged to read on
            self.faults.append(error)

    def _affords(self, first: int, until: int) -> bool:
        self._budget -= (until - first) * self._each
        if self._budget < 0:
            self._unfilled = loss(first, until - 1, self._reader.header, self._reader.samples)
        return self._budget >= 0

    def _total(self) -> int | None:
        """Chunks of the whole song, where trailer or header tell."""
        header, samples = self._reader.header, self._reader.samples
        if samples is None:
            return None
        frames = frame_count(resampled_length(samples, header.sample_rate, SAMPLE_RATE))
        return -(-frames // header.chunk_frames)
