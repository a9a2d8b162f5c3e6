"""The last stage of decoding: consecutive chunks of mid and side become the wanted part, at the rate of the output."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from codec.audio.resample import Resampler
from codec.dsp.gain_control import InverseGainControl
from codec.dsp.mdct import Float
from codec.dsp.silence import SilenceKeeper, rescaled
from codec.dsp.stereo import sum_difference
from codec.pipeline.chunk_sources import Part
from codec.pipeline.chunks import source_samples
from formats import Header
from formats.errors import FormatError
from formats.grid import HOP, SAMPLE_RATE
from formats.payload.side_info import SideInfo

BLOCK = 1 << 16
"""About the most samples in a block of output: a file may claim a rate of 1 MHz and chunks of 40 seconds."""


class Sink(Protocol):
    """Where decoded audio goes; `codec.audio.sink.AudioSink` is one."""

    clipped: int

    def write(self, block: Float) -> None:
        """Take the next samples [C, N]."""


class Overlap:
    """Adds the ends of consecutive chunks: [2, (F + 1) 700] in, finished samples [2, F 700] out."""

    def __init__(self) -> None:
        self._tail = np.zeros((2, HOP), np.float32)

    def add(self, block: Float) -> Float:
        """Add a chunk; the first call returns the 700 samples before its chunk, which belong to the one before."""
        block[:, :HOP] += self._tail
        self._tail = block[:, -HOP:].copy()
        return block[:, :-HOP]


class Output:
    """Overlaps chunks, undoes gain control, resamples, restores silence, and writes the samples of the wanted part.

    All samples are counted at the rate of the output, as those of `part` are. The last chunk is always delayed, because
    the song may end inside it, and its length may be known from the trailer alone.

    Attributes:
        ready: samples of the song that are decoded so far, those of delayed blocks included.
    """

    def __init__(self, sink: Sink, header: Header, part: Part, rate: int) -> None:
        self._sink, self._header, self._part, self._rate = sink, header, part, rate
        self._overlap = Overlap()
        self._gain_control = InverseGainControl((header.chunk_start(part.begin) - 1) * HOP)
        self._resampler = Resampler(SAMPLE_RATE, rate, header.channels)
        self._position = self.start(part.begin)
        self._silence = SilenceKeeper(self._position)
        self._delayed: list[Float] = []
        self._written = 0
        self._first = True

    @property
    def ready(self) -> int:  # noqa: D102  (described above)
        return self._position + sum(int(block.shape[1]) for block in self._delayed)

    def start(self, index: int) -> int:
        """First sample of a chunk in the song."""
        return source_samples(self._header.chunk_start(index), self._rate)

    def push(self, index: int, side_info: SideInfo | None, mid_side: Float) -> None:
        """Take the next chunk: mid and side [2, (F + 1) 700]; `side_info` is None for a gap."""
        if side_info is not None:
            self._silence.add(self.start(index), rescaled(side_info.silence, self._header.sample_rate, self._rate))
            self._gain_control.add(self._header.chunk_start(index) * HOP, side_info.gain_control)
        ready = self._gain_control.apply(self._overlap.add(mid_side))
        if self._first:  # the half window before the first chunk belongs to what is not decoded
            ready, self._first = ready[:, HOP:], False
        while self._delayed:
            self._emit(self._delayed.pop(0), self._part.to_sample)
        pieces = 1 + ready.shape[1] * self._rate // SAMPLE_RATE // BLOCK
        for piece in np.array_split(ready, pieces, axis=1):
            wave = piece[:1] if self._header.channels == 1 else sum_difference(piece)
            self._delayed.append(self._resampler.push(wave))

    def finish(self, samples: int | None) -> int:
        """Write the rest, and silence where the song is longer than its chunks -> samples written per channel.

        Args:
            samples: length of the whole song; None where it is not known.

        Raises:
            FormatError: the song's length is not known, or shorter than what was decoded.
        """
        to_sample = self._part.to_sample
        if samples is None and to_sample is None:
            raise FormatError("the file does not say how many samples it has")
        end = min(bound for bound in (samples, to_sample) if bound is not None)
        if self._written and end < self._part.from_sample + self._written:
            raise FormatError(f"the file counts {samples} samples, fewer than its chunks hold")
        for block in (*self._delayed, self._resampler.finish()):
            self._emit(block, end)
        missing = end - max(self._part.from_sample, self._position)
        if missing > 0:
            self._sink.write(np.zeros((self._header.channels, missing), np.float32))
            self._written += missing
        return self._written

    def _emit(self, block: Float, end: int | None) -> None:
        """Write the samples of the next block [C, N] that lie in the wanted part and before `end`."""
        block = self._silence.apply(np.ascontiguousarray(block))
        low, high = max(0, self._part.from_sample - self._position), block.shape[1]
        if end is not None:
            high = min(high, end - self._position)
        if high > low:
            self._sink.write(block[:, low:high])
            self._written += high - low
        self._position += block.shape[1]
