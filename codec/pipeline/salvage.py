"""The undamaged chunks of a damaged file at their times, with gaps where chunks are lost.

A gap becomes silence. On either side of it, the good chunk fades over the half window (16 ms) in which it overlaps the
lost one, so that nothing clicks. No sample outside the lost chunks and these fades is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from codec.dsp.mdct import Float
from codec.pipeline.chunk_sources import Gap, Part
from codec.pipeline.chunks import source_samples
from codec.pipeline.damage import Loss, loss, losses
from formats import Chunk, Reader
from formats.errors import DamagedError, FormatError, PicturesError
from formats.grid import HOP, SAMPLE_RATE

FILL = 1 << 27
"""Samples per channel of silence (50 minutes at 44.1 kHz) that may replace lost chunks, beyond as many as were saved.

It keeps a small file that claims to be long from filling the disk.
"""

FADE = np.sin(np.pi / 2 * (np.arange(HOP, dtype=np.float32) + 0.5) / HOP).astype(np.float32)
"""Fade-in after a gap, applied on top of the transform's own window: [700]."""


def fade(block: Float, before: object, after: object) -> Float:
    """Fade the ends of a synthesized chunk [2, (F + 1) 700] that lie next to gaps, in place."""
    if isinstance(before, Gap):
        block[:, :HOP] *= FADE
    if isinstance(after, Gap):
        block[:, -HOP:] *= FADE[::-1]
    return block


class Salvage:
    """A damaged file as a `codec.pipeline.chunk_sources.ChunkSource`, with a Gap for each lost chunk.

    Raises:
        DamagedError: while iterating, where no chunk of the file is good.
    """

    total: int | None = None

    def __init__(self, reader: Reader, part: Part) -> None:
        self._reader, self._part = reader, part
        self._budget = FILL
        self._lost: list[tuple[int, int]] = []
        self._whole = self._good = 0
        self._read_on = True  # whether the file was read to its end
        self._unfilled: Loss | None = None
        self._samples: int | None = None
        self._faults: list[FormatError] = []

    def __iter__(self) -> Iterator[Chunk | Gap]:
        part, expected, stopped = self._part, self._part.first, False
        for chunk in self._good_chunks():
            until = chunk.index if part.last is None else min(chunk.index, part.last + 1)
            if until > expected and not self._affords(expected, until):
                stopped = True
                break
            yield from map(Gap, range(expected, until))
            expected = max(expected, until)
            stopped = part.last is not None and chunk.index >= part.last
            if part.last is None or chunk.index <= part.last:
                self._whole = chunk.first_frame + chunk.frames
                if chunk.index >= part.first:
                    yield chunk
                    expected = chunk.index + 1
            if stopped:
                break
        self._read_on = not stopped
        if self._faults and not self._good:
            raise DamagedError("no chunk of the file is undamaged: there is nothing to salvage")
        yield from self._missing_end(expected, stopped)

    def _good_chunks(self) -> Iterator[Chunk]:
        """Every good chunk of the file, counted."""
        with suppress(FormatError):  # too damaged to read on, after faults that are noted
            for chunk in self._reader.salvage(self._faults.append):
                self._good += 1
                self._budget += self._samples_of(chunk.index, chunk.index + 1)
                yield chunk

    def _missing_end(self, expected: int, stopped: bool) -> Iterator[Gap]:
        """Yield gaps for what should follow the last good chunk; note the song's length as far as it is known."""
        total, last = self._total_chunks(), self._part.last
        if not stopped and total is not None:
            until = total if last is None else min(total, last + 1)
            if until > expected and self._affords(expected, until):
                yield from map(Gap, range(expected, until))
        self._samples = self._reader.samples
        if self._unfilled or (self._samples is None and not stopped):
            self._samples = self._whole * HOP * self._reader.header.sample_rate // SAMPLE_RATE
            yield Gap(expected, lost=False)  # so that the last chunk fades

    def damaged(self, chunk: Chunk, error: DamagedError) -> Gap:
        """Note the damage, and return a gap for a chunk whose checksum matches but whose payload is not valid."""
        self._faults.append(error)
        return Gap(chunk.index)

    def lost(self, gap: Gap) -> None:
        """Note a gap that lies in the wanted part."""
        if gap.lost:
            self._lost.append((gap.index, gap.index))

    def song_samples(self, ready: int) -> int | None:
        """Samples per channel of the song; up to the end of the last good chunk where its length is not known."""
        return self._samples

    def losses(self) -> tuple[Loss, ...]:
        """Lost parts of the song, with adjacent ones merged."""
        known = self._reader.samples if self._unfilled else self._samples
        return losses(self._lost, self._reader.header, known) + ((self._unfilled,) if self._unfilled else ())

    def notes(self) -> tuple[str, ...]:
        """Damage other than lost chunks, one line each."""
        found = []
        try:
            self._reader.metadata  # noqa: B018
        except PicturesError as error:
            found.append(f"{error}; the pictures are lost")
        except FormatError as error:
            found.append(f"{error}; tags and cover are lost")
        if not self._reader.complete and self._faults and (self._read_on or self._unfilled):
            known = "" if self._reader.samples is not None else ": how long it was is not known"
            found.append(f"the end of the file is missing or damaged{known}")
        if self._unfilled:
            found.append(f"what follows {self._unfilled.start:.1f} s is left out: it is too long to be filled")
        if self._faults and not found and not self._lost:
            found.append(f"{self._faults[0]}; no sound is lost")
        return tuple(found)

    def _affords(self, first: int, until: int) -> bool:
        self._budget -= self._samples_of(first, until)
        if self._budget < 0:
            self._unfilled = loss(first, until - 1, self._reader.header, self._reader.samples)
        return self._budget >= 0

    def _samples_of(self, first: int, until: int) -> int:
        """Samples of the chunks from `first` to below `until`, filled at 44.1 kHz whatever the song's rate."""
        header = self._reader.header
        frames = header.chunk_start(until) - header.chunk_start(first)
        return max(source_samples(frames, header.sample_rate), frames * HOP)

    def _total_chunks(self) -> int | None:
        """Chunks of the whole song; None where neither trailer nor header states its length."""
        header, samples = self._reader.header, self._reader.samples
        return None if samples is None else header.chunk_count(header.frames_for(samples))
