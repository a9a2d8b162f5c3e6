"""Windows of a source for the encoder: mid and side at 44.1 kHz, with their digital silence and gain control."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from codec.audio.resample import Resampler, resampled_length
from codec.dsp.gain_control import GainControl
from codec.dsp.mdct import Float
from codec.dsp.silence import SilenceFinder
from codec.pipeline.chunks import Window, Windower, source_samples
from formats.grid import CHUNK, SAMPLE_RATE, SEGMENT

if TYPE_CHECKING:
    from codec.audio.source import AudioSource
    from codec.pipeline.workers import Progress

BLOCK = 1 << 16
"""Samples of a source block."""


class SourceWindows:
    """Iterates over the windows of a source, once.

    Attributes:
        samples: samples per channel read so far; complete when the iteration has ended.
    """

    def __init__(self, source: AudioSource, context: int, progress: Progress | None) -> None:
        """Prepare to read.

        Args:
            source: source to be read front to back.
            context: frames of context on either side of a chunk.
            progress: called as the source is read.
        """
        self.samples = 0
        self._source, self._progress = source, progress
        self._resampler = Resampler(source.sample_rate, SAMPLE_RATE, 2)
        self._silence = SilenceFinder(source.sample_rate)
        self._gain_control = GainControl()
        self._windower = Windower(context)

    def __iter__(self) -> Iterator[Window]:
        return map(self._described, self._cut())

    def _cut(self) -> Iterator[Window]:
        """Yield windows as they become complete."""
        for block in self._source.blocks(BLOCK):
            self._silence.push(block)
            self.samples += block.shape[1]
            yield from self._push(self._resampler.push(_mid_side(block)))
            if self._progress:
                expected = self._source.expected
                self._progress(min(1.0, self.samples / expected) if expected else None)
        yield from self._push(self._resampler.finish())
        yield from self._windower.push(self._gain_control.finish())
        yield from self._windower.finish(resampled_length(self.samples, self._source.sample_rate, SAMPLE_RATE))

    def _push(self, mid_side: Float) -> Iterator[Window]:
        """Yield the windows that become complete with this block at 44.1 kHz."""
        return self._windower.push(self._gain_control.push(mid_side))

    def _described(self, window: Window) -> Window:
        """The window with the silence and the gain control of its chunk."""
        rate, segments = self._source.sample_rate, CHUNK // SEGMENT
        return replace(
            window,
            silence=self._silence.within(
                *(source_samples(index * CHUNK, rate) for index in (window.index, window.index + 1))
            ),
            gain_control=self._gain_control.within(window.index * segments, (window.index + 1) * segments),
        )


def _mid_side(block: Float) -> Float:
    """Mid and side [2, N] of a block [C, N]; side is zero where C is 1."""
    left, right = block[0], block[-1]
    out = np.empty((2, block.shape[1]), np.float32)
    np.add(left, right, out=out[0])
    np.subtract(left, right, out=out[1])
    out *= np.float32(0.5)
    return out
