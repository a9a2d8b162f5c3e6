"""Onsets in the upper octaves, block by block, for gain control."""

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from formats.grid import GAIN_BLOCK, HOP, SEGMENT

Doubles = NDArray[np.float64]

SEGMENT_BLOCKS = SEGMENT * HOP // GAIN_BLOCK
"""Gain blocks of a segment. A stretch never leaves its segment, so that it does not depend on the chunks' length."""

LOOKAHEAD = 6
"""Blocks within which an onset reaches its peak: 7 ms."""

ONSET_JUMP, PEAK_JUMP = 3.0, 7.0
"""Decibels by which a sharp onset's first block, and its peak, must exceed the loudest of the four blocks before it.

A block's decibels are those of its upper octaves, see `onset_powers`."""

MEAN_BLOCKS = 12
"""Blocks before and after a gradual onset whose mean powers are compared, 14 ms."""

MEAN_JUMP = 5.0
"""Decibels by which the mean power after a gradual onset must exceed that before it.

This is less than a sharp onset needs, because means fluctuate less than blocks."""

QUIETEST_PEAK = -60.0
"""Decibels (0 is full scale) that an onset must reach; the periods of very deep bass leave quieter ones."""

COMB = 6
"""Samples between those of the difference in which onsets are found.

It is largest at 3.7 kHz, 6 dB down at 1.8 kHz and 55 dB at 100 Hz, and zero at 7.35 and 14.7 kHz."""

BEFORE = 2 * COMB
"""Samples before a block that its difference takes; none after it, so that an onset is not seen too early."""


def onset_powers(samples: Float) -> Doubles:
    """Mean squares of blocks in the upper octaves, channels summed: [C, BEFORE + 50 n] -> [n].

    They are those of a second difference of samples that are COMB apart, scaled so that white noise keeps its power.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        high = samples[:, BEFORE:] + samples[:, :-BEFORE]
        for _ in range(2):
            high -= samples[:, COMB:-COMB]
        blocks = high.reshape(len(samples), -1, GAIN_BLOCK)
        power = np.einsum("cbn,cbn->b", blocks, blocks) / np.float32(6 * GAIN_BLOCK)
    return np.asarray(np.minimum(np.nan_to_num(power, nan=np.inf), np.finfo(np.float32).max), np.float64)


def to_decibels(power: Doubles) -> Doubles:
    """Decibels of powers, no less than -130."""
    return np.asarray(10 * np.log10(power + 1e-13))


def find_onsets(power: Doubles, decibels: Doubles) -> tuple[NDArray[np.int64], Doubles]:
    """First blocks of a segment's onsets, and how loud it becomes within LOOKAHEAD blocks from any block on.

    Shape:
        power, decibels: [1770], of the segment's 1764 blocks and the LOOKAHEAD after it, from `onset_powers` and
        `to_decibels` -> [n] in 4...1764, ascending, and [1761], in decibels, of blocks 4...1764
    """
    # For blocks k = 4 ... SEGMENT_BLOCKS: the loudest of the four blocks before k, and the peak from k on.
    before = _sliding_max(decibels[:SEGMENT_BLOCKS], 4)
    peak = _sliding_max(decibels[4:], LOOKAHEAD)[: len(before)]
    sharp = (decibels[4 : SEGMENT_BLOCKS + 1] - before >= ONSET_JUMP) & (peak - before >= PEAK_JUMP)
    return np.flatnonzero((sharp | _gradual_onsets(power)) & (peak >= QUIETEST_PEAK)) + 4, peak


def _gradual_onsets(power: Doubles) -> NDArray[np.bool_]:
    """Which of blocks 4...1764 are gradual onsets: at no block as near does the mean power rise as much.

    Next to a sharp onset there may be one too. Then the stretch before the first of the two ends where it should.
    """
    total = np.cumsum(np.concatenate([[0.0], power]))
    sums = np.maximum(total[MEAN_BLOCKS:] - total[:-MEAN_BLOCKS], 1e-12)  # of the blocks from each one on
    rise = sums[MEAN_BLOCKS:] / sums[:-MEAN_BLOCKS]  # at blocks from MEAN_BLOCKS on
    found = np.zeros(SEGMENT_BLOCKS - 3, np.bool_)
    steepest = rise == _sliding_max(np.pad(rise, MEAN_BLOCKS), 2 * MEAN_BLOCKS + 1)
    found[MEAN_BLOCKS - 4 :][: len(rise)] = steepest & (rise >= 10 ** (MEAN_JUMP / 10))
    return found


def _sliding_max(values: Doubles, width: int) -> Doubles:
    """Maxima of `width` consecutive values: [n] -> [n - width + 1]."""
    known = 1
    while known < width:  # of `known` consecutive values, which two that overlap make of more
        more = min(known, width - known)
        values = np.maximum(values[:-more], values[more:])
        known += more
    return values
