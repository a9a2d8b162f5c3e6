"""Stereo rotation: mid and side are rotated, band by band, until the first channel holds most and the second least.

An instrument on the far left is as loud in side as in mid. Coded like that it costs twice, and its quantization noise
is heard on the right, where nothing masks it. Rotated by 45 degrees the two channels are left and right themselves.
Every band of a segment has an angle of its own, a multiple of 22.5 degrees; 0 leaves mid and side as they are.

Source: stereo rotation (KLT angle), van der Waal and Veldhuis 1991; here the angle minimizes the sum of absolute values
instead of diagonalizing the covariance.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from formats.grid import BAND_EDGES, BANDS, HOP, ROTATION_ANGLES, SEGMENT, segment_count

ROTATION_THRESHOLD = 0.98
"""A band is rotated if that brings its absolute sum below this share of what mid and side have."""

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
    first, second = x[..., 0, :], x[..., 1, :]
    return np.stack([first + second, first - second], -2)


def choose_angles(coefficients: Float) -> NDArray[np.uint8]:
    """The rotation angle of every band of every segment, in units of 22.5 degrees.

    For a given power, the sum of absolute values is smaller the fewer coefficients hold it. Unlike the covariance over
    two seconds, it therefore also notices tones and moments that are on one side only.

    Shape:
        coefficients: [F, 1400] mid and side from a segment's start on -> uint8 [ceil(F / 126), 24] in 0...7
    """
    angles = np.zeros((segment_count(len(coefficients)), BANDS), np.uint8)
    quarter = ROTATION_ANGLES // 2
    for number, row in enumerate(angles):
        segment = coefficients[number * SEGMENT : (number + 1) * SEGMENT]
        mid, side = segment[:, :HOP], segment[:, HOP:]
        sums = np.empty((ROTATION_ANGLES, BANDS))  # of the first channel at every angle
        for angle in range(quarter):
            cosine, sine = _COSINE[angle], _SINE[angle]
            # The second channel at an angle is the first one at 90 degrees more.
            sums[angle], sums[angle + quarter] = (
                np.add.reduceat(np.abs(channel).sum(0), _EDGES[:-1])
                for channel in (cosine * mid - sine * side, sine * mid + cosine * side)
            )
        first, second = sums[:quarter], sums[quarter:]
        total = first + second + NOISE_FLOOR * len(segment) * np.diff(_EDGES)
        best = total.argmin(0)
        worthwhile = total.min(0) < ROTATION_THRESHOLD * total[0]
        columns = np.arange(BANDS)
        # Another 90 degrees exchange the channels, so that the louder one comes first.
        in_order = first[best, columns] >= second[best, columns]
        row[:] = np.where(worthwhile, np.where(in_order, best, best + quarter), 0)
    return angles


def rotate(coefficients: Float, angles: NDArray[np.uint8], before: int = 0) -> Float:
    """Mid and side to first and second channel.

    Shape:
        coefficients: [F, 1400]; angles: [S, 24]; the first segment begins at frame `before`, and frames before it and
        after the last segment are rotated like the nearest one -> [F, 1400]
    """
    return _rotated(coefficients, angles, before, 1)


def rotate_back(coefficients: Float, angles: NDArray[np.uint8]) -> Float:
    """Inverse of `rotate`: first and second channel [F, 1400] to mid and side [F, 1400]."""
    return _rotated(coefficients, angles, 0, -1)


def _rotated(coefficients: Float, angles: NDArray[np.uint8], before: int, direction: int) -> Float:
    if not angles.any():
        return coefficients
    out = coefficients.copy()
    edges = [0, *range(before + SEGMENT, before + len(angles) * SEGMENT, SEGMENT), len(out)]
    for row, (low, high) in zip(angles, pairwise(edges), strict=True):
        cosine, sine = (np.repeat(table[row], np.diff(_EDGES)) for table in (_COSINE, direction * _SINE))
        mid, side = coefficients[low:high, :HOP], coefficients[low:high, HOP:]
        out[low:high, :HOP] = cosine * mid - sine * side
        out[low:high, HOP:] = sine * mid + cosine * side
    return out
