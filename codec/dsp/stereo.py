"""Stereo rotation: mid and side are rotated, band by band, until the first channel holds most and the second least.

An instrument on the far left is as loud in side as in mid. Coded like that it costs twice, and its quantization noise
is heard on the right, where nothing masks it. Rotated by 45 degrees the two channels are left and right themselves.
Every band of a segment has an angle of its own, a multiple of 22.5 degrees; 0 leaves mid and side as they are.

Source: stereo rotation (KLT angle), van der Waal and Veldhuis 1991; here the angle minimizes the sum of absolute values
instead of diagonalizing the covariance.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from formats.grid import BAND_EDGES, BANDS, HOP, ROTATION_ANGLES, SEGMENT, segment_count

ROTATION_THRESHOLD = 0.98
"""A band is rotated if that brings its absolute sum below this share of what mid and side have."""

EXCHANGE = 2.0
"""How much louder than mid side has to be to come first, where mid and side are not rotated otherwise: in antiphase."""

NOISE_FLOOR = 3e-4
"""Added to the absolute value of a coefficient, so that rounding noise of 16-bit samples does not affect the choice."""

_EDGES = np.array(BAND_EDGES)
_ANGLES = np.arange(ROTATION_ANGLES) * np.pi / ROTATION_ANGLES
# Rounded, so that a rotation by 45 or 90 degrees leaves exact zeros.
_COSINE, _SINE = (np.round(f(_ANGLES), 12).astype(np.float32) for f in (np.cos, np.sin))


def sum_difference(x: Float) -> Float:
    """Sum and difference of two channels: left and right of mid and side, or twice mid and side of left and right.

    Shape:
        x: [..., 2, N] -> [..., 2, N]
    """
    out = np.empty_like(x)
    np.add(x[..., 0, :], x[..., 1, :], out=out[..., 0, :])
    np.subtract(x[..., 0, :], x[..., 1, :], out=out[..., 1, :])
    return out


def choose_angles(coefficients: Float) -> NDArray[np.uint8]:
    """The rotation angle of every band of every segment, in units of 22.5 degrees.

    For a given power, the sum of absolute values is smaller the fewer coefficients hold it. Unlike the covariance over
    two seconds, it therefore also notices tones and moments that are on one side only.

    Shape:
        coefficients: [F, 1400] mid and side from a segment's start on -> uint8 [ceil(F / 126), 24] in 0...7
    """
    angles = np.zeros((segment_count(len(coefficients)), BANDS), np.uint8)
    quarter = ROTATION_ANGLES // 2
    columns = np.arange(BANDS)
    for number, row in enumerate(angles):
        segment = coefficients[number * SEGMENT : (number + 1) * SEGMENT]
        mid, side = np.ascontiguousarray(segment[:, :HOP]), np.ascontiguousarray(segment[:, HOP:])
        first, second = _absolute_sums(mid, side)
        floor = NOISE_FLOOR * len(segment) * np.diff(_EDGES)
        total = first + second + floor
        best = total.argmin(0)
        worthwhile = total.min(0) < ROTATION_THRESHOLD * total[0]
        # Another 90 degrees exchange the channels, so that the louder one comes first. Mid and side themselves are
        # exchanged only where there is no doubt, so that a band does not change places from segment to segment.
        kept_first = np.where(worthwhile, first[best, columns], EXCHANGE * first[0] + floor)
        best = np.where(worthwhile, best, 0)
        row[:] = np.where(kept_first >= second[best, columns], best, best + quarter)
    return angles


def _absolute_sums(mid: Float, side: Float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of absolute values of the first and the second channel in every band, rotated by 0, 22.5, 45, 67.5 degrees.

    Shape:
        mid, side: [F, 700] -> [4, 24] twice
    """
    room = np.empty_like(mid)

    def sums(operation: Callable[..., Float], a: Float, b: Float) -> Float:
        return np.asarray(np.abs(operation(a, b, out=room), out=room).sum(0))

    # Four products serve two angles, because the sine of 67.5 degrees is the cosine of 22.5 degrees.
    (cosine_mid, cosine_side), (sine_mid, sine_side) = ((f * mid, f * side) for f in (_COSINE[1], _SINE[1]))
    rows = (
        np.abs(mid, out=room).sum(0),
        sums(np.subtract, cosine_mid, sine_side),
        sums(np.subtract, mid, side) * _COSINE[2],
        sums(np.subtract, sine_mid, cosine_side),
        np.abs(side, out=room).sum(0),
        sums(np.add, sine_mid, cosine_side),
        sums(np.add, mid, side) * _COSINE[2],
        sums(np.add, cosine_mid, sine_side),
    )
    found = np.add.reduceat(np.stack(rows), _EDGES[:-1], 1).astype(np.float64)
    return found[:4], found[4:]


def rotate(coefficients: Float, angles: NDArray[np.uint8], before: int = 0, out: Float | None = None) -> Float:
    """Mid and side to first and second channel.

    Shape:
        coefficients: [F, 1400]; angles: [S, 24]; the first segment begins at frame `before`, and frames before it and
        after the last segment are rotated like the nearest one -> [F, 1400], in `out` if given, which may be
        `coefficients`
    """
    return _rotated(coefficients, angles, before, 1, out)


def rotate_back(coefficients: Float, angles: NDArray[np.uint8], out: Float | None = None) -> Float:
    """Inverse of `rotate`: first and second channel [F, 1400] to mid and side [F, 1400], in `out` as there."""
    return _rotated(coefficients, angles, 0, -1, out)


def _rotated(coefficients: Float, angles: NDArray[np.uint8], before: int, direction: int, out: Float | None) -> Float:
    if out is None:
        if not angles.any():
            return coefficients
        out = coefficients.copy()
    edges = [0, *range(before + SEGMENT, before + len(angles) * SEGMENT, SEGMENT), len(out)]
    for row, (low, high) in zip(angles, pairwise(edges), strict=True):
        for start, stop in _rotated_runs(row):
            columns = np.repeat(row[start:stop], np.diff(_EDGES[start : stop + 1]))
            cosine, sine = _COSINE[columns], direction * _SINE[columns]
            bins = slice(_EDGES[start], _EDGES[stop]), slice(_EDGES[start] + HOP, _EDGES[stop] + HOP)
            mid, side = (coefficients[low:high, part] for part in bins)
            first, second = cosine * mid - sine * side, sine * mid + cosine * side
            out[low:high, bins[0]], out[low:high, bins[1]] = first, second
    return out


def _rotated_runs(angles: NDArray[np.uint8]) -> list[list[int]]:
    """Runs of bands that are rotated, each as [first, end)."""
    edges = np.flatnonzero(np.diff(angles != 0, prepend=False, append=False))
    runs: list[list[int]] = edges.reshape(-1, 2).tolist()
    return runs
