"""Decoded audio at another sample rate than the song's."""

from __future__ import annotations

import numpy as np

from codec.audio.resample import Resampler, resampled_length
from codec.dsp.mdct import Float
from codec.pipeline.output import Sink


class ResampledSink:
    """Takes blocks at one rate and passes them on at another, N samples as N * to_rate / from_rate, rounded half up.

    Args:
        sink: where the audio goes.
        from_rate: sample rate of what comes in, Hz.
        to_rate: sample rate of what goes out, Hz.
        channels: C of every block.
    """

    clipped = 0  # what goes out may be clipped, and the sink counts that

    def __init__(self, sink: Sink, from_rate: int, to_rate: int, channels: int) -> None:
        self._sink, self._rates, self._channels = sink, (from_rate, to_rate), channels
        self._resampler = Resampler(from_rate, to_rate, channels)
        self._taken = self._written = 0

    def write(self, block: Float) -> None:
        """Take the next samples [C, N]."""
        self._taken += block.shape[1]
        self._pass(self._resampler.push(block))

    def finish(self) -> int:
        """Write the rest -> samples written per channel."""
        rest = self._resampler.finish()
        missing = resampled_length(self._taken, *self._rates) - self._written
        self._pass(rest[:, :missing])
        missing -= min(missing, rest.shape[1])
        self._pass(np.zeros((self._channels, missing), np.float32))
        return self._written

    def _pass(self, block: Float) -> None:
        if block.shape[1]:
            self._sink.write(block)
            self._written += block.shape[1]
