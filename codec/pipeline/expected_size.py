"""Sizes of main latents at any gain that hyper latents alone lead to expect, without a look at the coefficients.

A scale index says how many bits a magnitude takes on average, so a histogram of scale indices gives a size at every
gain. Real sizes differ by up to a factor of two, because contexts save bits and decisions favour zeros; but the factor
is much the same throughout a song, so that a few of its segments tell it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from formats.grid import GAIN_LIMIT, SCALES
from formats.model import AnyTables
from formats.model.scales import gain_levels, predict_vectors
from formats.model.tables import GAIN_UNIT, MAGNITUDES, PRECISION, SCALE_BITS, Tables
from formats.payload.chunk import raw_bit_count

LEVELS = (1 << SCALE_BITS) // GAIN_UNIT
"""Levels in a scale index: a level is a step of gain."""

EVERY = 2
"""One hyper vector out of so many is looked at."""

LOWEST, HIGHEST = -GAIN_LIMIT, GAIN_LIMIT + LEVELS * SCALES
"""Range of levels; beyond it, a scale index is the least or the greatest one at any gain."""

EVEN, STEEPNESS = 1570.0, 4 / 3
"""Bits of a frame at which typical music takes what is expected, and the power of the expected size that it takes
otherwise: 73 bits where 160 are expected. Songs of the licensed music mostly lie within 10 %, at 12 to 96 kbit/s."""


class ExpectedSize:
    """Expected size of the main latents of some frames."""

    def __init__(self, parts: Iterable[tuple[NDArray[np.int8], int]], main: int, tables: AnyTables) -> None:
        """Count levels.

        Args:
            parts: hyper vectors [G, 48] and number of frames of each part; G is 0 for a plain model.
            main: main latents per frame.
            tables: of the model.
        """
        self._bits = _bits(tables)
        self._counts = np.zeros(HIGHEST - LOWEST)
        self._frames = 0
        for hyper, frames in parts:
            self._counts += _histogram(hyper, frames, main, tables)
            self._frames += frames

    def __call__(self, gain: int) -> float:
        """Expected bytes at a gain."""
        scale_index = (np.arange(LOWEST, HIGHEST) + gain) // LEVELS
        return float(self._counts @ np.take(self._bits, scale_index, mode="clip")) / 8

    def typical(self, gain: int) -> float:
        """Bytes that typical music takes at a gain."""
        even = EVEN * self._frames / 8
        return float(even * (self(gain) / even) ** STEEPNESS)


def _histogram(hyper: NDArray[np.int8], frames: int, main: int, tables: AnyTables) -> NDArray[np.float64]:
    """Number of coded coefficients at each level LOWEST...HIGHEST - 1: about the `main` highest ones of all frames."""
    if isinstance(tables, Tables):
        levels = gain_levels(predict_vectors(hyper[::EVERY], tables), tables)
    else:
        levels = tables.intercept[None, :main] // GAIN_UNIT
    counts = np.bincount((np.clip(levels, LOWEST, HIGHEST - 1) - LOWEST).ravel(), minlength=HIGHEST - LOWEST)
    highest_first = np.minimum(np.cumsum(counts[::-1]), main * len(levels))
    return np.diff(highest_first, prepend=0)[::-1] * (frames / len(levels))


@lru_cache(maxsize=8)
def _bits(tables: AnyTables) -> NDArray[np.float64]:
    """Mean bits of a main latent by scale index, sign and raw bits included, in the first context: [48]."""
    rows = tables.main.reshape(-1, MAGNITUDES)[:SCALES].astype(np.float64)
    share = rows / (1 << PRECISION)
    symbols = (share * (PRECISION - np.log2(rows))).sum(1)
    return np.asarray(symbols + 1 - share[:, 0] + raw_bit_count(np.arange(SCALES, dtype=np.uint8)))
