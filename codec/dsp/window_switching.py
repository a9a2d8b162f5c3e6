"""Long blocks: where the sound holds still it is transformed by 1400 coefficients at a time instead of 700.

Twice the resolution in frequency tells the partials of held notes apart and codes them with fewer bits. A unit of 18
frames has short blocks or 9 long ones, whose coefficients 2 k and 2 k + 1 stand at coefficient k of two frames in a
row, so that everything between transform and inverse sees the same grid. At the ends of a run of long blocks, and
wherever a segment ends, the window has the slope of short blocks, so that nothing depends on other segments.

Source: the choice of transform length by what it costs, Johnston 1988 (perceptual entropy); windows with slopes for
their neighbours, Edler 1989.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from codec.dsp import mdct
from codec.dsp.mdct import Float
from formats.grid import BAND_EDGES, COEFFICIENTS, HOP, SEGMENT, WINDOW_UNIT, WINDOW_UNITS, segment_count

LONG = 2 * HOP
"""Coefficients of a long block, each way."""

TOGETHER = 6
"""Frames whose power is taken together where block lengths are compared."""

FLOOR_RMS = 2e-5
"""Added to a band's RMS: what is not heard does not decide."""

RISE = 6.0
"""How many times a band's power may be exceeded by that of the long window around it, in the mean over bands."""

_WIDTHS = np.diff(BAND_EDGES).astype(np.float32)

BAND_MEAN = np.repeat(np.diag(1 / _WIDTHS), np.diff(BAND_EDGES), axis=0)
"""What takes the mean of each band of one channel: [700, 24]."""


@cache
def slopes(blocks: int) -> tuple[Float, Float]:
    """Rising and falling halves of the windows of a run of long blocks: [blocks, 1400] twice."""
    narrow = np.concatenate([np.zeros(HOP // 2), mdct.WINDOW[:HOP], np.ones(HOP // 2)]).astype(np.float32)
    rising = np.tile(mdct.window(LONG)[:LONG], (blocks, 1))
    rising[0] = narrow
    return rising, np.ascontiguousarray(rising[::-1, ::-1])


def forward(x: Float) -> Float:
    """Mid and side under a run of n units [2, (18 n + 1) 700] -> its frames [18 n, 1400]."""
    padded = np.pad(x, ((0, 0), (HOP // 2, HOP // 2)))
    count = padded.shape[1] // LONG - 1
    held = mdct.fold(padded, *slopes(count)).reshape(2, count, HOP, 2)
    return held.transpose(1, 3, 0, 2).reshape(-1, COEFFICIENTS)


def inverse(coefficients: Float) -> Float:
    """The frames of a run [18 n, 1400] -> samples [2, (18 n + 1) 700], whose ends are still to be overlapped."""
    held = coefficients.reshape(-1, 2, 2, HOP).transpose(2, 0, 3, 1).reshape(2, -1, LONG)
    return mdct.unfold(held, *slopes(held.shape[1]))[:, HOP // 2 : -HOP // 2]


def runs(long: NDArray[np.bool_]) -> Iterator[slice]:
    """Frames of the runs of long blocks, none of them longer than its segment: bool [S, 7]."""
    for number, units in enumerate(long):
        edges = np.flatnonzero(np.diff(units, prepend=False, append=False)).reshape(-1, 2)
        for first, end in edges.tolist():
            yield slice(number * SEGMENT + first * WINDOW_UNIT, number * SEGMENT + end * WINDOW_UNIT)


def transform(x: Float, before: int = 0, count: int | None = None) -> tuple[Float, NDArray[np.bool_]]:
    """Transform with the block length that suits each unit.

    Shape:
        x: mid and side [2, (F + 1) 700]; the first segment begins at frame `before` and the last one ends `count`
            frames further (by default at F) -> frames [F, 1400], and bool [ceil(count / 126), 7], which units are
            long. Context around the segments and a segment that is not whole have short blocks.
    """
    out = mdct.frames(x)
    count = len(out) - before if count is None else count
    long = np.zeros((segment_count(count), WINDOW_UNITS), np.bool_)
    for number in range(count // SEGMENT):
        at = before + number * SEGMENT
        segment = slice(at, at + SEGMENT)
        candidate = forward(x[:, at * HOP : (at + SEGMENT + 1) * HOP])
        long[number] = stationary(out[segment], candidate)
        if long[number].all():
            out[segment] = candidate
            continue
        for run in runs(long[number : number + 1]):
            low, high = at + run.start, at + run.stop
            out[low:high] = forward(x[:, low * HOP : (high + 1) * HOP])
    return out, long


def inverse_transform(coefficients: Float, long: NDArray[np.bool_]) -> Float:
    """Inverse of `transform` for segments from frame 0 on: [F, 1400] and bool [S, 7], or [0, 7] -> [2, (F + 1) 700]."""
    rest = coefficients.copy() if long.any() else coefficients
    for run in runs(long):
        rest[run] = 0
    out = mdct.inverse(rest.reshape(-1, 2, HOP).transpose(1, 2, 0))
    for run in runs(long):
        out[:, run.start * HOP : (run.stop + 1) * HOP] += inverse(coefficients[run])
    return out


def stationary(short: Float, long: Float) -> NDArray[np.bool_]:
    """Which units of a segment are worth long blocks: short and long frames [126, 1400] of the same samples -> [7].

    Those in which the absolute values of all coefficients, in units of what their band holds at that moment, have the
    smaller sum (for a given power, the fewer coefficients hold it, the smaller it is), and in which no frame is so much
    quieter than what lies under a long window around it that the noise of that would be heard.
    """
    power = np.square(short.reshape(-1, HOP)) @ BAND_MEAN
    level = np.sqrt(power.reshape(-1, TOGETHER, 2, len(_WIDTHS)).mean(1)) + np.float32(FLOOR_RMS)
    sizes = [
        (np.abs(x.reshape(-1, HOP)) @ BAND_MEAN * _WIDTHS).reshape(-1, TOGETHER, 2, len(_WIDTHS)) for x in (short, long)
    ]
    costs = [(size.sum(1) / level).reshape(WINDOW_UNITS, -1).sum(1) for size in sizes]
    both = power.reshape(SEGMENT, 2, -1).sum(1) + np.float32(FLOOR_RMS**2)
    # The window of a long block lies over its two frames and one more on either side.
    padded = np.pad(both, ((1, 1), (0, 0)), "edge")
    around = (padded[:-3:2] + padded[1:-2:2] + padded[2:-1:2] + padded[3::2]) / 4
    rise = (np.repeat(around, 2, axis=0) / both).mean(1).reshape(WINDOW_UNITS, WINDOW_UNIT).max(1)
    return np.asarray((costs[1] < costs[0]) & (rise < RISE))
