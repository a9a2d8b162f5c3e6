"""Stereo: mid and side turned, band by band, until the first channel holds most and the second least.

An instrument on the far left is as loud in side as in mid; coded so, it costs twice, and its noise is heard on the
right, where nothing masks it. Turned by 45 degrees both channels are left and right themselves. Every band of a segment
has its own angle, a multiple of 22.5 degrees, of which 0 leaves mid and side as they are.

Source: the rotation onto principal axes for stereo coding, van der Waal and Veldhuis 1991.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from codec.mdct import Float
from formats.grid import ANGLES, BAND_EDGES, BANDS, HOP, SEGMENT, segment_count

LEAST = 1.0
"""Decibels by which both channels together must become quieter for a band to be turned."""

QUIET = 1e-7
"""Mean square of a coefficient under which differences do not count: about what 16 bits round off."""

_EDGES = np.array(BAND_EDGES)
_ANGLES = np.arange(ANGLES) * np.pi / ANGLES
# Rounded, so that a quarter turn leaves exact zeros.
_COSINE, _SINE = (np.round(f(_ANGLES), 12).astype(np.float32) for f in (np.cos, np.sin))


def choose(coefficients: Float) -> NDArray[np.uint8]:
    """The turn of every band: mid and side [F, 1400] from a segment's start on -> [ceil(F / 126), 24] in 0...7."""
    turns = np.zeros((segment_count(len(coefficients)), BANDS), np.uint8)
    for number, row in enumerate(turns):
        piece = coefficients[number * SEGMENT : (number + 1) * SEGMENT]
        mid, side = piece[:, :HOP], piece[:, HOP:]
        mm, ss, ms = (np.add.reduceat(np.einsum("fk,fk->k", a, b), _EDGES[:-1]) for a, b in
                      ((mid, mid), (side, side), (mid, side)))  # fmt: skip
        quiet = QUIET * np.diff(_EDGES) * len(piece)
        across = 2 * _COSINE[:, None] * _SINE[:, None] * ms
        first = _COSINE[:, None] ** 2 * mm + _SINE[:, None] ** 2 * ss - across + quiet
        second = _SINE[:, None] ** 2 * mm + _COSINE[:, None] ** 2 * ss + across + quiet
        cost = 5 * np.log10(np.maximum(first, quiet) * np.maximum(second, quiet))
        # Two of the angles cost the same, with channels exchanged: the louder one comes first.
        best = (cost + 0.01 * (first < second)).argmin(0)
        row[:] = np.where(cost[0] - cost.min(0) >= LEAST, best, 0)
    return turns


def turn(coefficients: Float, turns: NDArray[np.uint8], before: int = 0) -> Float:
    """Mid and side -> first and second channel: [F, 1400] -> the same.

    The first segment begins at frame `before`; frames before it and behind the last one are turned like the nearest.
    """
    return _turned(coefficients, turns, before, 1)


def turn_back(coefficients: Float, turns: NDArray[np.uint8]) -> Float:
    """Inverse of `turn`."""
    return _turned(coefficients, turns, 0, -1)


def _turned(coefficients: Float, turns: NDArray[np.uint8], before: int, direction: int) -> Float:
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
