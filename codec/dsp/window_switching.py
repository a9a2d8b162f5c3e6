"""Window switching: stationary passages use an MDCT window twice as long, with 1400 coefficients instead of 700.

Twice the frequency resolution separates the partials of sustained notes and codes them with fewer bits. A unit of 18
frames has either short windows or 9 long ones. Coefficients 2 k and 2 k + 1 of a long window are stored as
coefficient k of two consecutive frames, so that everything between transform and inverse sees the same grid. At both
ends of a run of long windows, and wherever a segment ends, the window has the slope of short windows: no segment
depends on another.

Source: the choice of window by what it costs to code, Johnston 1988 (perceptual entropy); windows with slopes that fit
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
"""Coefficients of a long window, and samples from one to the next."""

ENVELOPE_FRAMES = 6
"""Frames over which the power of a band is averaged where window lengths are compared."""

FLOOR_RMS = 2e-5
"""Noise floor added to a band's RMS so that inaudible bands do not influence the decision."""

MAX_POWER_RATIO = 6.0
"""Power under a long window, relative to a frame inside it, from which the window's noise would be audible there."""

_WIDTHS = np.diff(BAND_EDGES).astype(np.float32)

BAND_MEAN = np.repeat(np.diag(1 / _WIDTHS), np.diff(BAND_EDGES), axis=0)
"""Matrix that takes the mean over each band of one channel: [700, 24]."""


@cache
def slopes(windows: int) -> tuple[Float, Float]:
    """Rising and falling halves of the windows of a run of long windows: [windows, 1400] twice."""
    narrow = np.concatenate([np.zeros(HOP // 2), mdct.WINDOW[:HOP], np.ones(HOP // 2)]).astype(np.float32)
    rising = np.tile(mdct.window(LONG)[:LONG], (windows, 1))
    rising[0] = narrow
    return rising, np.ascontiguousarray(rising[::-1, ::-1])


def forward(x: Float) -> Float:
    """Transform a run of n units with long windows.

    Shape:
        x: [2, (18 n + 1) 700] mid and side -> frames [18 n, 1400]
    """
    return _run(_blocks(x))


def _run(blocks: Float) -> Float:
    """Transform a run: [9 n + 1, 2, 1400] from `_blocks` -> frames [18 n, 1400]."""
    return _framed(*mdct.fold(blocks[:-1], blocks[1:], *slopes(len(blocks) - 1)))


def _blocks(x: Float) -> Float:
    """The samples under a run in blocks that its windows overlap: [2, (18 n + 1) 700] -> [9 n + 1, 2, 1400]."""
    padded = np.zeros((2, x.shape[1] + HOP), np.float32)
    padded[:, HOP // 2 : -HOP // 2] = x
    return mdct.blocks(padded, LONG)


def _framed(even: Float, odd: Float) -> Float:
    """Even and odd coefficients of long windows [n, 2, 700], in two frames each: [2 n, 1400]."""
    out = np.empty((len(even), 2, 2, HOP), np.float32)
    out[:, 0], out[:, 1] = even, odd
    return out.reshape(-1, COEFFICIENTS)


def inverse(frames: Float) -> Float:
    """Inverse of `forward`; the first and last 700 samples are still to be overlapped with those of short windows.

    Shape:
        frames: [18 n, 1400] -> [2, (18 n + 1) 700]
    """
    parts = frames.reshape(-1, 2, 2, HOP)
    return mdct.unfold(parts[:, 0], parts[:, 1], *slopes(len(parts)))[:, HOP // 2 : -HOP // 2]


def runs(long: NDArray[np.bool_]) -> Iterator[slice]:
    """Frames of every run of long windows, none of which is longer than its segment: bool [S, 7]."""
    for number, units in enumerate(long):
        edges = np.flatnonzero(np.diff(units, prepend=False, append=False)).reshape(-1, 2)
        for first, end in edges.tolist():
            yield slice(number * SEGMENT + first * WINDOW_UNIT, number * SEGMENT + end * WINDOW_UNIT)


def transform(x: Float, before: int = 0, count: int | None = None) -> tuple[Float, NDArray[np.bool_]]:
    """Transform with the window length that suits each unit.

    Shape:
        x: [2, (F + 1) 700] mid and side; the first segment begins at frame `before`, and the last one ends `count`
        frames later (by default at F) -> frames [F, 1400], and bool [ceil(count / 126), 7], which units have long
        windows. Context around the segments, and a segment that is not whole, have short windows.
    """
    out = np.empty((x.shape[1] // HOP - 1, COEFFICIENTS), np.float32)
    count = len(out) - before if count is None else count
    long = np.zeros((segment_count(count), WINDOW_UNITS), np.bool_)
    done = before
    out[:before] = mdct.frames(x[:, : (before + 1) * HOP])
    for number in range(count // SEGMENT):
        done += SEGMENT
        under = x[:, (done - SEGMENT) * HOP : (done + 1) * HOP]
        out[done - SEGMENT : done], long[number] = _segment(under)
    out[done:] = mdct.frames(x[:, done * HOP :])
    return out, long


def _segment(x: Float) -> tuple[Float, NDArray[np.bool_]]:
    """Transform a segment: [2, 127 x 700] -> frames [126, 1400], and bool [7], which units have long windows."""
    frames = mdct.frames(x)
    units = frames.reshape(WINDOW_UNITS, WINDOW_UNIT, COEFFICIENTS)
    long = steady(frames)
    if long.any():
        blocks = _blocks(x)
        candidate = _long_units(blocks, long)
        chosen = cheaper(units[long], candidate)
        long[long] = chosen
        units[long] = candidate[chosen]
        _narrow_ends(blocks, long, frames)
    return frames, long


def _long_units(blocks: Float, wanted: NDArray[np.bool_]) -> Float:
    """The n wanted units of a segment as if all of it were one run: [64, 2, 1400], [7] -> [n, 18, 1400]."""
    windows = np.flatnonzero(np.repeat(wanted, WINDOW_UNIT // 2))
    rising, falling = (slope[windows] for slope in slopes(SEGMENT // 2))
    found = _framed(*mdct.fold(blocks[windows], blocks[windows + 1], rising, falling))
    return found.reshape(-1, WINDOW_UNIT, COEFFICIENTS)


def _narrow_ends(blocks: Float, long: NDArray[np.bool_], out: Float) -> None:
    """Transform the windows at the ends of runs again, which have other slopes than those within a run.

    Shape:
        blocks: [64, 2, 1400], a segment from `_blocks`; long: [7]; out: [126, 1400], frames as if all were one run
    """
    ends = np.array([(run.start, run.stop - 2) for run in runs(long[None])], np.int64).reshape(-1, 2) // 2
    narrow_rise, narrow_fall = ends[ends[:, 0] > 0, 0], ends[ends[:, 1] < SEGMENT // 2 - 1, 1]
    windows = np.concatenate([narrow_rise, narrow_fall])
    if not len(windows):
        return
    rising, falling = (np.repeat(slope[1:2], len(windows), axis=0) for slope in slopes(3))
    rising[: len(narrow_rise)], falling[len(narrow_rise) :] = slopes(1)[0], slopes(1)[1]
    found = _framed(*mdct.fold(blocks[windows], blocks[windows + 1], rising, falling))
    out.reshape(-1, 2, COEFFICIENTS)[windows] = found.reshape(-1, 2, COEFFICIENTS)


def inverse_transform(frames: Float, long: NDArray[np.bool_]) -> Float:
    """Inverse of `transform` for segments from frame 0 on.

    Shape:
        frames: [F, 1400]; long: bool [S, 7] -> [2, (F + 1) 700]
    """
    out = np.empty((2, (len(frames) + 1) * HOP), np.float32)
    out[:, :HOP] = 0
    for part, is_long in _stretches(len(frames), long):
        wave = (inverse if is_long else mdct.samples)(frames[part])
        out[:, part.start * HOP : (part.start + 1) * HOP] += wave[:, :HOP]
        out[:, (part.start + 1) * HOP : (part.stop + 1) * HOP] = wave[:, HOP:]
    return out


def _stretches(count: int, long: NDArray[np.bool_]) -> Iterator[tuple[slice, bool]]:
    """Cut frames 0 to `count` into runs of long windows and stretches of short ones, none longer than a segment.

    Work on a segment stays in the processor cache.
    """
    done = 0
    for run in (*runs(long), slice(count, count)):
        while done < run.start:
            end = min(run.start, done + SEGMENT)
            yield slice(done, end), False
            done = end
        if run.stop > done:
            yield run, True
            done = run.stop


def steady(frames: Float) -> NDArray[np.bool_]:
    """Decide which units of a segment may have long windows.

    No frame may be so much quieter than the sound under a long window around it that the noise of that window would be
    audible in it.

    Shape:
        frames: [126, 1400], with short windows -> bool [7]
    """
    power = np.square(frames)
    both = (power[:, :HOP] + power[:, HOP:]) @ BAND_MEAN + np.float32(FLOOR_RMS**2)
    # A long window lies over its own two frames and one more on either side.
    padded = np.concatenate([both[:1], both, both[-1:]])
    around = (padded[:-3:2] + padded[1:-2:2] + padded[2:-1:2] + padded[3::2]) / 4
    ratio = (np.repeat(around, 2, axis=0) / both).mean(1).reshape(WINDOW_UNITS, WINDOW_UNIT).max(1)
    return np.asarray(ratio < MAX_POWER_RATIO)


def cheaper(short: Float, long: Float) -> NDArray[np.bool_]:
    """Decide for which units long windows cost fewer bits.

    They must have the smaller sum of absolute values, each relative to its band's RMS at that moment: for a given
    power, the sum is smaller the fewer coefficients hold it.

    Shape:
        short, long: [n, 18, 1400], units of the same samples with short and with long windows -> bool [n]
    """
    envelope = np.sqrt(_envelope(np.square(short))) + np.float32(FLOOR_RMS)
    short_cost, long_cost = ((_envelope(np.abs(x)) / envelope * _WIDTHS).sum((1, 2, 3)) for x in (short, long))
    return np.asarray(long_cost < short_cost)


def _envelope(values: Float) -> Float:
    """Means over bands and ENVELOPE_FRAMES frames: [n, 18, 1400] -> [n, 3, 2, 24]."""
    # Frames first: the sum of six rows takes less time than the products of six rows with BAND_MEAN.
    rows = values.reshape(-1, ENVELOPE_FRAMES, COEFFICIENTS).sum(1).reshape(-1, HOP)
    means = (rows @ BAND_MEAN).reshape(len(values), -1, 2, len(_WIDTHS))
    return np.asarray(means / np.float32(ENVELOPE_FRAMES))
