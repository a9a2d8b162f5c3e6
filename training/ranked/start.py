"""The untrained start: interpolation, step shape and noise that a model has before anything is learned."""

import numpy as np
from numpy.typing import NDArray

from formats.grid import BAND_EDGES, BANDS, COEFFICIENTS, HOP, HYPER_SIZE, SEGMENT

EDGES = np.array(BAND_EDGES)
"""First bin of each of the 24 bands of a channel, and 700: every fourth up to 20, then 20 x 35**(i / 19)."""

START_SHAPE = np.full(COEFFICIENTS, 0.6)
"""Exponent of sigma in the step: 0.6 keeps the noise under the signal and lets loud bands have coarser steps."""

START_BIAS = np.zeros(COEFFICIENTS)
"""log2 of the step at sigma = 1 and d = 1."""


def interpolation() -> NDArray[np.float32]:
    """Linear interpolation of band values over frequency, mid and side apart: [48, 1400], columns sum to 1."""
    centre = (EDGES[:-1] + EDGES[1:]) / 2
    k = np.arange(HOP) + 0.5
    low = np.clip(np.searchsorted(centre, k) - 1, 0, BANDS - 2)
    weight = np.clip((k - centre[low]) / (centre[low + 1] - centre[low]), 0, 1)
    matrix = np.zeros((HYPER_SIZE, COEFFICIENTS), np.float32)
    for channel in range(2):
        columns = channel * HOP + np.arange(HOP)
        matrix[channel * BANDS + low, columns] = 1 - weight
        matrix[channel * BANDS + low + 1, columns] += weight
    return matrix


def noise() -> NDArray[np.float32]:
    """Uniform noise of unit variance, one segment for short windows and one for long ones: [2, 126, 1400].

    Drawn from Philox4x64-10 (Salmon et al. 2011), a published counter-based generator, so that the start is the same
    with any version of NumPy.
    """
    count = SEGMENT * COEFFICIENTS // 4
    raw = [np.random.Philox(key=number).random_raw(count).astype("<u8").view("<i2") for number in range(2)]
    return np.stack(raw).reshape(2, SEGMENT, COEFFICIENTS) * np.float32(np.sqrt(3) / 32768)
