"""Gain control before transients: quiet samples before an onset are amplified for coding and attenuated after decoding.

A transform spreads its quantization noise over the whole window, and what comes before an onset is heard as pre-echo.
The encoder therefore amplifies the quiet stretch towards the onset's loudness, and the decoder attenuates it again,
together with the noise in it. Both work on samples, outside of transform and network.

In dense music only the upper octaves are quiet before an onset. Onsets are therefore found there, and the gain leaves
the bass as it is: with low as the one-pole lowpass of the coded signal, the decoder gives low + gain (sample - low), a
shelf whose gain changes with time. The encoder inverts it exactly.

Source: the gain control tool of Bosi et al. 1997 (MPEG-2 AAC, scalable sampling rate profile), which works in four
separate bands.
"""

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.dsp.onsets import BEFORE, LOOKAHEAD, SEGMENT_BLOCKS, Doubles, find_onsets, onset_powers, to_decibels
from codec.dsp.spans import Spans
from formats.grid import GAIN_BLOCK, GAIN_LOWPASS, HOP, SEGMENT
from formats.payload.side_info import gain_rise

LOOKBACK = 60
"""Most blocks before an onset that are amplified, 68 ms; longer stretches cost more bits than they gain."""

EXPONENT_STEP = 3.01
"""Decibels of an exponent step: the root of two."""

MIN_EXPONENT, MAX_EXPONENT = 2, 10
"""Exponents that are chosen, 6 to 30 dB; with more, the rise of the gain becomes audible."""

LENGTHS = np.array([5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, LOOKBACK])
"""Blocks of the stretches that are tried."""

HEARD = 22
"""Blocks before an onset's peak in which noise counts, 25 ms."""

NOISE_FALL = 0.34
"""Decibels by which the noise before an onset is expected to be weaker for every block that it is further away."""

SILENCE_FLOOR = -80.0
"""Decibels (0 is full scale) that the loudest block of a stretch must exceed; below it there is nothing to protect."""

_SEEN = SEGMENT * HOP + LOOKAHEAD * GAIN_BLOCK
"""Samples that decide the stretches of a segment: its own, and those that decide its end."""

POLE = 1 / GAIN_LOWPASS
"""Share of a new sample in the lowpass."""

_ROW = 250
"""Samples that the decoder's lowpass computes at a time."""


def find_stretches(power: Doubles) -> list[tuple[int, int, int]]:
    """Choose the stretches of a segment that are amplified: each as (first block, blocks, exponent).

    Before an onset it is the one that leaves the least noise. It ends where the onset begins, or at a later block up to
    the peak: what is amplified as well is then the beginning of the sound.

    Shape:
        power: mean squares of the segment's 1764 blocks and of the LOOKAHEAD blocks after it, from `onset_powers`.
    """
    decibels = to_decibels(power)
    onsets, peak = find_onsets(power, decibels)
    if not len(onsets):
        return []
    ends = onsets[:, None] + np.arange(LOOKAHEAD)
    until_peak = decibels[ends].argmax(1)[:, None] - np.arange(LOOKAHEAD)
    possible = (until_peak >= 0) & (ends <= SEGMENT_BLOCKS)
    exponents = np.zeros((*ends.shape, len(LENGTHS)), np.int64)
    exponents[possible] = _largest_exponents(decibels, ends[possible], peak[ends[possible] - 4])
    noise = _noise_left()[exponents, np.arange(len(LENGTHS)), until_peak[..., None]]
    noise[exponents == 0] = np.inf
    found: list[tuple[int, int, int]] = []
    done = 0
    for stops, left, chosen in zip(ends, noise, exponents, strict=True):
        if stops[0] < done:
            continue
        left[stops[:, None] - LENGTHS < done] = np.inf
        place, length = divmod(int(left.argmin()), len(LENGTHS))
        stop, blocks = int(stops[place]), int(LENGTHS[length])
        if left[place, length] < np.inf and decibels[stop - blocks : stop].max() > SILENCE_FLOOR:
            found.append((stop - blocks, blocks, int(chosen[place, length])))
            done = stop
    return found


def _largest_exponents(decibels: Doubles, ends: NDArray[np.int64], peak: Doubles) -> NDArray[np.int64]:
    """Exponents with which no block of a stretch becomes louder than the peak after it, 0 where that is too small.

    Shape:
        decibels: of the segment's blocks; ends, peak: [n], the block behind each stretch, and decibels -> [n, 12], by
        length
    """
    known = np.concatenate([np.full(LOOKBACK, np.inf), decibels])
    before = sliding_window_view(known, LOOKBACK)[ends, ::-1].T  # the last block first
    room = np.maximum(peak - before, 1e-3).astype(np.float32, order="C")
    most = (room[:, None] * _limits()).min(0).T  # a minimum over rows takes less time than one within them
    exponents: NDArray[np.int64] = np.minimum(most, MAX_EXPONENT).astype(np.int64)
    exponents[exponents < MIN_EXPONENT] = 0
    return exponents


@cache
def _limits() -> Float:
    """Exponents of a stretch for each decibel by which a block may be amplified: [60, 12, 1], the last block first.

    They are infinite outside of the stretch.
    """
    share = _shares().T[..., None]
    share[0] = 1  # where the last block begins
    limits = np.full(share.shape, np.inf, np.float32)
    limits[share > 0] = 1 / (EXPONENT_STEP * share[share > 0])
    return limits


def _shares() -> Doubles:
    """Share of the exponent in the middle of each block of stretches of LENGTHS: [12, 60], the last block first."""
    lengths = LENGTHS[:, None]
    rise = np.array([[gain_rise(blocks)] for blocks in LENGTHS.tolist()])
    share: Doubles = np.clip((lengths - np.arange(LOOKBACK) - 0.5) / rise, 0, 1)
    share[:, 0] = 0.5
    return share


@cache
def _noise_left() -> Doubles:
    """Noise in the HEARD blocks before a peak: [11, 12, 6], by exponent, length, and blocks from the end to the peak.

    Without gain control it is 1 in the block before the peak.
    """
    noise = 10 ** (-NOISE_FALL * np.arange(HEARD) / 10)
    gain = 2 ** (-np.arange(MAX_EXPONENT + 1)[:, None, None] * _shares()[:, :HEARD])
    left = [noise[:shift].sum() + gain[..., : HEARD - shift] @ noise[shift:] for shift in range(LOOKAHEAD)]
    return np.stack(left, -1)


def gains(blocks: int, exponent: int) -> Float:
    """What the decoder multiplies the upper octaves of a stretch by: [50 blocks], 1 at the ends.

    Their exponent falls to -exponent / 2 over `gain_rise(blocks)` blocks and returns within the last one. The fall is
    slow so that, in a window that spans it, the noise stays near the signal everywhere.
    """
    i = np.arange(blocks * GAIN_BLOCK, dtype=np.float32) + np.float32(0.5)
    up, down = i / (gain_rise(blocks) * GAIN_BLOCK), i[::-1] / GAIN_BLOCK
    return np.asarray(np.exp2(np.float32(-exponent / 2) * np.minimum(np.minimum(up, down), np.float32(1))))


@cache
def _lowpass_rows() -> tuple[Float, Float]:
    """What the lowpass makes of a row of samples, [250, 250], and of the lowpass's value before it, [250]."""
    decay = (1 - POLE) ** np.arange(_ROW + 1)
    lag = np.arange(_ROW)[None] - np.arange(_ROW)[:, None]
    return (POLE * np.where(lag >= 0, decay[np.abs(lag)], 0)).astype(np.float32), decay[1:].astype(np.float32)


def lowpass(samples: Float, before: Float) -> Float:
    """One-pole lowpass, low[i] = low[i - 1] + POLE (sample[i] - low[i - 1]).

    Shape:
        samples: [C, N], before: [C], the value before the first sample -> [C, N]
    """
    channels, count = samples.shape
    rows = np.zeros((channels, -(-count // _ROW), _ROW), np.float32)
    rows.reshape(channels, -1)[:, :count] = samples
    own, decay = _lowpass_rows()
    out = rows @ own
    _carry(out, decay, before)
    return out.reshape(channels, -1)[:, :count]


def _carry(rows: Float, decay: Float, before: Float) -> None:
    """Add to each row [C, R, 250] what its decay [250] leaves of the value before it (first `before`), in place."""
    last, starts = float(decay[-1]), []
    for value, ends in zip(before.tolist(), rows[..., -1].tolist(), strict=True):
        for end in ends:
            starts.append(value)
            value = end + value * last
    rows += np.array(starts, np.float32).reshape(*rows.shape[:2], 1) * decay


class _Recursion(NamedTuple):
    """What `amplified` needs of a stretch's gain, which most stretches share, by its B blocks of 50 samples.

    Attributes:
        drive: [B, 50], what of a sample enters the lowpass, over `decay`.
        decay: [B, 50], how much of the lowpass before the block is left at each sample.
        carry: [B, B], to the lowpass before each block, from that before the first one and from what each block but
            the last adds to it.
        louder: [50 B], 1 / gain.
    """

    drive: Doubles
    decay: Doubles
    carry: Doubles
    louder: Doubles


@lru_cache(maxsize=128)
def _recursion(blocks: int, exponent: int) -> _Recursion:
    gain = gains(blocks, exponent).astype(np.float64)
    g = gain.reshape(blocks, GAIN_BLOCK)
    divisor = POLE + (1 - POLE) * g
    decay: Doubles = np.cumprod((1 - POLE) * g / divisor, 1, dtype=np.float64)
    carry = np.eye(blocks)
    for block in range(1, blocks):
        carry[block] += decay[block - 1, -1] * carry[block - 1]
    return _Recursion(POLE / (divisor * decay), decay, carry, 1 / gain)


_RUNNING_SUMS = np.triu(np.ones((GAIN_BLOCK, GAIN_BLOCK)))
"""The matrix by which a block of samples becomes its running sums; faster than np.cumsum."""


def amplified(samples: Float, blocks: int, exponent: int) -> Float:
    """Samples of a stretch that the decoder's shelf makes these of again: [C, 50 blocks] -> [C, 50 blocks].

    The lowpass of the result is a recursion with coefficients that change with the gain, solved here block by block; in
    float64, because what is rounded off of it becomes as loud as the rest.
    """
    of = _recursion(blocks, exponent)
    low = (samples.reshape(-1, blocks, GAIN_BLOCK) * of.drive) @ _RUNNING_SUMS
    low *= of.decay
    before = np.concatenate([samples[:, :1], low[:, :-1, -1]], 1) @ of.carry.T
    low += before[..., None] * of.decay
    flat = low.reshape(samples.shape)
    out = samples - flat
    out *= of.louder
    out += flat
    return out.astype(np.float32)


def shifted(stretches: NDArray[np.int64], segments: int) -> NDArray[np.int64]:
    """Stretches [n, 3] moved so many segments later."""
    return np.asarray(stretches + np.array([segments * SEGMENT_BLOCKS, 0, 0]))


class GainControl:
    """Applies gain control to a stream of mid and side at 44.1 kHz, whose first sample begins a segment.

    The output lags behind the input by up to a segment and LOOKAHEAD blocks.
    """

    def __init__(self) -> None:
        self._seen = np.zeros((2, BEFORE + _SEEN), np.float32)  # what was before the pending samples, and these
        self._count = 0
        self._stretches: list[NDArray[np.int64]] = []  # of each segment from `_first` on
        self._first = 0

    def push(self, block: Float) -> Float:
        """Take the next block [2, N] and return the samples that are ready, [2, M]."""
        ready, taken = [], 0
        while taken < block.shape[1]:
            part = block[:, taken : taken + _SEEN - self._count]
            pending = self._seen[:, BEFORE + self._count :]
            pending[:, : part.shape[1]] = part
            taken += part.shape[1]
            self._count += part.shape[1]
            if self._count == _SEEN:
                ready.append(self._controlled())
                kept = self._seen[:, SEGMENT * HOP :]
                self._seen[:, : kept.shape[1]] = kept
                self._count = _SEEN - SEGMENT * HOP
        if len(ready) == 1:
            return ready[0]
        return np.concatenate([np.zeros((2, 0), np.float32), *ready], 1)

    def finish(self) -> Float:
        """Return the rest of the samples; nothing may be pushed after it."""
        count = self._count
        rest = self.push(np.zeros((2, _SEEN), np.float32))
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

    def _controlled(self) -> Float:
        """Apply the gain to a copy of the pending segment, and remember its stretches."""
        found = find_stretches(onset_powers(self._seen))
        self._stretches.append(np.array(found, np.int64).reshape(-1, 3))
        samples = self._seen[:, BEFORE : BEFORE + SEGMENT * HOP].copy()
        for first, blocks, exponent in found:
            part = samples[:, first * GAIN_BLOCK : (first + blocks) * GAIN_BLOCK]
            part[:] = amplified(part, blocks, exponent)
        return samples


def apply_gain_control(samples: Float) -> Float:
    """Apply gain control to a whole mid and side [2, N], whose first sample begins a segment."""
    control = GainControl()
    return np.concatenate([control.push(samples), control.finish()], 1)


class _Stretch:
    """A stretch that is being decoded."""

    def __init__(self, blocks: int, exponent: int) -> None:
        self._gain = gains(blocks, exponent)
        self._low: Float | None = None

    def attenuate(self, samples: Float, part: slice) -> None:
        """Remove the gain from the samples [C, N] of the next part of the stretch, in place."""
        low = lowpass(samples, samples[:, 0] if self._low is None else self._low)
        self._low = low[:, -1].copy()
        samples -= low
        samples *= self._gain[part]
        samples += low


class InverseGainControl:
    """Removes the gain from the announced stretches of a decoded stream, each of which it must pass from its beginning.

    Args:
        position: sample of the coded signal at which the stream begins; negative where it begins before the song.
    """

    def __init__(self, position: int) -> None:
        self._stretches: Spans[_Stretch] = Spans(position)

    def add(self, origin: int, stretches: NDArray[np.int64]) -> None:
        """Announce the stretches [n, 3] of a chunk that begins at sample `origin` of the coded signal."""
        for first, blocks, exponent in stretches.tolist():
            self._stretches.add(origin + first * GAIN_BLOCK, blocks * GAIN_BLOCK, _Stretch(blocks, exponent))

    def apply(self, block: Float) -> Float:
        """Remove the gain in the next block [C, N], in place."""
        for overlap, part, stretch in self._stretches.advance(block.shape[1]):
            stretch.attenuate(block[:, overlap], part)
        return block
