"""Gain control before transients: quiet samples before an onset are amplified for coding and attenuated after decoding.

A transform spreads its quantization noise over the whole window, and what comes before an onset is heard as pre-echo.
The encoder therefore amplifies the quiet stretch towards the onset's loudness, and the decoder attenuates it again,
together with the noise in it. Both work on samples, outside of transform and network.

Source: the gain control tool of Bosi et al. 1997 (MPEG-2 AAC, scalable sampling rate profile), here in a single band.
"""

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.dsp.spans import Spans
from formats.grid import GAIN_BLOCK, HOP, SEGMENT
from formats.payload.side_info import gain_rise

SEGMENT_BLOCKS = SEGMENT * HOP // GAIN_BLOCK
"""Gain blocks of a segment. A stretch never leaves its segment, so that it does not depend on the chunks' length."""

LOOKBACK = 90
"""Most blocks before an onset that are amplified, 102 ms; longer stretches gained nothing (training/LOG.md)."""

LOOKAHEAD = 6
"""Blocks within which an onset reaches its peak: 7 ms."""

ONSET_JUMP, PEAK_JUMP = 6.0, 18.0
"""Decibels by which an onset's first block, and its peak, must exceed the loudest of the four blocks before it."""

EXPONENT_STEP = 6.02
"""Decibels of an exponent step: a factor of two."""

MAX_EXPONENT = 4
"""Largest exponent that is chosen, 24 dB; with more, the rise of the gain becomes audible."""

MIN_BLOCKS = 5
"""Fewest blocks in a stretch."""

SILENCE_FLOOR = -110.0
"""Decibels (0 is full scale) that the loudest block of a stretch must exceed; below it there is nothing to protect."""


def find_stretches(power: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """Choose the stretches of a segment that are amplified: each as (first block, blocks, exponent).

    The stretch before an onset is the one with the largest product of exponent and length.

    Shape:
        power: mean squares of the segment's 1764 blocks and of the LOOKAHEAD blocks after it.
    """
    decibels = 10 * np.log10(power + 1e-13)
    # For blocks k = 4 ... SEGMENT_BLOCKS: the loudest of the four blocks before k, and the peak from k on.
    before = _sliding_max(decibels[:SEGMENT_BLOCKS], 4)
    peak = _sliding_max(decibels[4:], LOOKAHEAD)[: len(before)]
    onset = (decibels[4 : SEGMENT_BLOCKS + 1] - before >= ONSET_JUMP) & (peak - before >= PEAK_JUMP)
    found: list[tuple[int, int, int]] = []
    end = 0
    for k in (np.flatnonzero(onset) + 4).tolist():
        longest = min(LOOKBACK, k - end)
        if longest < MIN_BLOCKS:
            continue
        loudest = np.maximum.accumulate(decibels[k - longest : k][::-1])  # of the last 1, 2, ... blocks
        exponent = np.minimum(MAX_EXPONENT, (peak[k - 4] - loudest) // EXPONENT_STEP).astype(int)
        benefit = exponent * np.arange(1, longest + 1)
        best = MIN_BLOCKS - 1 + int(benefit[MIN_BLOCKS - 1 :].argmax())
        if exponent[best] * EXPONENT_STEP >= PEAK_JUMP and loudest[best] > SILENCE_FLOOR:
            found.append((k - best - 1, best + 1, int(exponent[best])))
            end = k
    return found


def _sliding_max(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Maxima of `width` consecutive values: [n] -> [n - width + 1]."""
    count = len(values) - width + 1
    out = values[:count].copy()
    for shift in range(1, width):
        np.maximum(out, values[shift : shift + count], out=out)
    return out


def gain_exponents(blocks: int, exponent: int) -> Float:
    """log2 of the gain of every sample of a stretch: [50 blocks], from 0 up to `exponent` and down again.

    The gain rises over `gain_rise(blocks)` blocks and falls within the last one. The rise is slow so that, in a window
    that spans it, the noise stays near the signal everywhere.
    """
    i = np.arange(blocks * GAIN_BLOCK, dtype=np.float32) + np.float32(0.5)
    up, down = i / (gain_rise(blocks) * GAIN_BLOCK), i[::-1] / GAIN_BLOCK
    return np.asarray(np.float32(exponent) * np.minimum(np.minimum(up, down), np.float32(1)))


def shifted(stretches: NDArray[np.int64], segments: int) -> NDArray[np.int64]:
    """Stretches [n, 3] moved so many segments later."""
    return np.asarray(stretches + np.array([segments * SEGMENT_BLOCKS, 0, 0]))


class GainControl:
    """Applies gain control to a stream of mid and side at 44.1 kHz, whose first sample begins a segment.

    The output lags behind the input by up to a segment and LOOKAHEAD blocks.
    """

    def __init__(self) -> None:
        self._pending = [np.zeros((2, 0), np.float32)]
        self._count = 0
        self._stretches: list[NDArray[np.int64]] = []  # of each segment from `_first` on
        self._first = 0

    def push(self, block: Float) -> Float:
        """Take the next block [2, N] and return the samples that are ready, [2, M]."""
        self._pending.append(block)
        self._count += block.shape[1]
        size = SEGMENT * HOP
        seen = size + LOOKAHEAD * GAIN_BLOCK
        if self._count < seen:
            return np.zeros((2, 0), np.float32)
        samples = np.concatenate(self._pending, 1)
        ready = []
        while samples.shape[1] >= seen:
            ready.append(self._amplified(samples[:, :seen])[:, :size])
            samples = samples[:, size:]
        self._pending, self._count = [samples], samples.shape[1]
        return ready[0] if len(ready) == 1 else np.concatenate(ready, 1)

    def finish(self) -> Float:
        """Return the rest of the samples; nothing may be pushed after it."""
        count = self._count
        rest = self.push(np.zeros((2, SEGMENT * HOP + LOOKAHEAD * GAIN_BLOCK), np.float32))
        return rest[:, :count]

    def within(self, first: int, end: int) -> NDArray[np.int64]:
        """Stretches of segments [first, end), counted from the start of the first one. Forgets earlier segments.

        Returns:
            int64 [n, 3], each as (first block, blocks, exponent).
        """
        self._stretches = self._stretches[first - self._first :]
        self._first = first
        parts = [shifted(part, n) for n, part in enumerate(self._stretches[: end - first])]
        return np.concatenate([np.zeros((0, 3), np.int64), *parts])

    def _amplified(self, samples: Float) -> Float:
        """Apply the gain to a segment and the look-ahead after it, and remember its stretches."""
        parts = samples.reshape(2, -1, GAIN_BLOCK)
        with np.errstate(over="ignore"):
            power = np.einsum("cbn,cbn->b", parts, parts) / np.float32(GAIN_BLOCK)
        found = find_stretches(np.minimum(power, np.finfo(np.float32).max).astype(np.float64))
        self._stretches.append(np.array(found, np.int64).reshape(-1, 3))
        if found:
            samples = samples.copy()
        for first, blocks, exponent in found:
            start = first * GAIN_BLOCK
            samples[:, start : start + blocks * GAIN_BLOCK] *= np.exp2(gain_exponents(blocks, exponent))
        return samples


def apply_gain_control(samples: Float) -> Float:
    """Apply gain control to a whole mid and side [2, N], whose first sample begins a segment."""
    control = GainControl()
    return np.concatenate([control.push(samples), control.finish()], 1)


class InverseGainControl:
    """Removes the gain from the announced stretches of a decoded stream.

    Args:
        position: sample of the coded signal at which the stream begins; negative where it begins before the song.
    """

    def __init__(self, position: int) -> None:
        self._stretches: Spans[tuple[int, int]] = Spans(position)

    def add(self, origin: int, stretches: NDArray[np.int64]) -> None:
        """Announce the stretches [n, 3] of a chunk that begins at sample `origin` of the coded signal."""
        for first, blocks, exponent in stretches.tolist():
            self._stretches.add(origin + first * GAIN_BLOCK, blocks * GAIN_BLOCK, (blocks, exponent))

    def apply(self, block: Float) -> Float:
        """Remove the gain in the next block [C, N], in place."""
        for overlap, part, stretch in self._stretches.advance(block.shape[1]):
            block[:, overlap] *= np.exp2(-gain_exponents(*stretch)[part])
        return block
