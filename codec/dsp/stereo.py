"""Stereo: mid and side turned, band by band, until the first channel holds most and the second least.

An instrument on the far left is as loud in side as in mid; coded so, it costs twice, and its noise is heard on the
right, where nothing masks it. Turned by 45 degrees both channels are left and right themselves. Every band of a segment
has its own angle, a multiple of 22.5 degrees, of which 0 leaves mid and side as they are.

Source: rotation for stereo coding, van der Waal and Veldhuis 1991; here by the least absolute sum instead of onto
principal axes.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from formats.grid import BAND_EDGES, BANDS, HOP, ROTATION_ANGLES, SEGMENT, segment_count

APART = 0.98
"""Share of mid's and side's absolute sum below which that of the turned channels must lie for a band to be turned."""

QUIET = 3e-4
"""Absolute value of a coefficient under which differences do not count: about what 16 bits round off."""

_EDGES = np.array(BAND_EDGES)
_ANGLES = np.arange(ROTATION_ANGLES) * np.pi / ROTATION_ANGLES
# Rounded, so that a quarter turn leaves exact zeros.
_COSINE, _SINE = (np.round(f(_ANGLES), 12).astype(np.float32) for f in (np.cos, np.sin))


def sum_difference(x: Float) -> Float:
    """Sum and difference of two channels [..., 2, N]: left and right of mid and side, twice mid and side of those."""
    first, second = x[..., 0, :], x[..., 1, :]
    return np.stack([first + second, first - second], -2)


def choose_angles(coefficients: Float) -> NDArray[np.uint8]:
    """The turn of every band: mid and side [F, 1400] from a segment's start on -> [ceil(F / 126), 24] in 0...7.

    For a given power, the fewer coefficients hold it, the smaller the sum of their absolute values: that sees tones and
    moments that are on one side, which powers over two seconds do not tell.
    """
    turns = np.zeros((segment_count(len(coefficients)), BANDS), np.uint8)
    for number, row in enumerate(turns):
        piece = coefficients[number * SEGMENT : (number + 1) * SEGMENT]
        mid, side = piece[:, :HOP], piece[:, HOP:]
        sums = np.empty((ROTATION_ANGLES, BANDS))
        for angle in range(ROTATION_ANGLES // 2):
            cosine, sine = _COSINE[angle], _SINE[angle]
            sums[angle], sums[angle + ROTATION_ANGLES // 2] = (
                np.add.reduceat(np.abs(part).sum(0), _EDGES[:-1])
                for part in (cosine * mid - sine * side, sine * mid + cosine * side)
            )
        first, second = sums[: ROTATION_ANGLES // 2], sums[ROTATION_ANGLES // 2 :]
        both = first + second + QUIET * len(piece) * np.diff(_EDGES)
        best = both.argmin(0)
        worth = both.min(0) < APART * both[0]
        columns = np.arange(BANDS)
        # Turned by a quarter more, the channels are exchanged: the louder one comes first.
        louder = first[best, columns] >= second[best, columns]
        row[:] = np.where(worth, np.where(louder, best, best + ROTATION_ANGLES // 2), 0)
    return turns


def rotate(coefficients: Float, turns: NDArray[np.uint8], before: int = 0) -> Float:
    """Mid and side -> first and second channel: [F, 1400] -> the same.

    The first segment begins at frame `before`; frames before it and behind the last one are turned like the nearest.
    """
    return _rotated(coefficients, turns, before, 1)


def rotate_back(coefficients: Float, turns: NDArray[np.uint8]) -> Float:
    """Inverse of `rotate`."""
    return _rotated(coefficients, turns, 0, -1)


def _rotated(coefficients: Float, turns: NDArray[np.uint8], before: int, direction: int) -> Float:
    if not turns.any():
        return coefficients
    out = coefficients.copy()
    edges = [0, *range(before + SEGMENT, before + len(turns) * SEGMENT, SEGMENT), len(out)]
    for row, (low, high) in zip(turns, pairwise(edges), strict=True):
        cosine, sine = (np.repeat(table[row], np.diff(_EDGES)) for table in (_COSINE, direction * _SINE))
        mid, side = coefficients[low:high, :HOP], coefficients[low:high, HOP:]
        out[low:high, :HOP] = cosine * mid - sine * side
        out[low:high, HOP:] = sine * mid + cosine * side
    return out
