"""Rate-distortion optimised quantization of main latents: a step up only where it is worth its bits.

What a magnitude costs depends on its level and on its neighbours: a one among zeros takes seven bits more than a zero,
among ones hardly any. The threshold between a magnitude and the next is therefore BASE + WEIGHT times the bits between
them, over one half. Neighbours are those of plain rounding in the frames before and after, as though both were coded
already, and inside the segment only: no integer depends on how segments are grouped into chunks, or on chance.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from formats.grid import SCALES, SEGMENT
from formats.model import contexts
from formats.model.contexts import CLASSES
from formats.model.indexing import gather, scatter
from formats.model.tables import MAGNITUDES, PRECISION, Tables
from formats.payload.chunk import MAGNITUDE_LIMIT, low_bits

if TYPE_CHECKING:
    from codec.dsp.mdct import Float

BASE, WEIGHT = 0.05, 0.04
"""Steps that any magnitude, and steps that a bit adds to a threshold of one half (training/LOG.md)."""

LOWEST, HIGHEST = 0.4, 0.85

SMALL = 10
"""Magnitudes from here on are rounded with BASE alone: between them the bits are few."""


@lru_cache(maxsize=8)
def thresholds(tables: Tables) -> NDArray[np.float32]:
    """Fraction over a magnitude from which the next one is taken: [9, 48, SMALL + 1], by class, level and magnitude."""
    rows = np.broadcast_to(tables.main, (contexts.CONTEXTS, SCALES, MAGNITUDES))[1 : 1 + CLASSES]
    bits = PRECISION - np.log2(rows[..., : SMALL + 1].astype(np.float64))
    more = np.diff(bits, axis=-1)
    more[..., 0] += 1  # the sign
    raw = low_bits(np.arange(SCALES, dtype=np.uint8)) > 0  # where some bits are sent as they are, whatever they say
    more[:, raw] = 0
    found = np.full((CLASSES, SCALES, SMALL + 1), 0.5 + BASE, np.float32)
    found[..., :SMALL] += (WEIGHT * more).astype(np.float32)
    return np.clip(found, LOWEST, HIGHEST)


def decide(
    ratio: "Float", level: NDArray[np.uint8], index: NDArray[np.int64], limits: NDArray[np.float32]
) -> NDArray[np.int32]:
    """Main latents for numbers in quantizer steps.

    Shape:
        ratio, level, index: [F, M], from a segment's start on; limits: as `thresholds` gives them -> [F, M].
    """
    size = np.minimum(np.abs(ratio), np.float32(MAGNITUDE_LIMIT))
    low = np.floor(size)
    rounded = contexts.small(size + np.float32(0.5 - BASE))
    near = np.concatenate(
        [_classes(rounded[at : at + SEGMENT], index[at : at + SEGMENT]) for at in range(0, len(ratio), SEGMENT)]
    )
    row = (near.astype(np.int32) * SCALES + level) * (SMALL + 1) + np.minimum(low, SMALL).astype(np.int32)
    magnitude = low.astype(np.int32) + (size - low > np.take(limits, row))
    return np.where(ratio < 0, -magnitude, magnitude)


def _classes(rounded: NDArray[np.uint8], index: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Classes 0...8 of a segment's magnitudes [F, M] by what stands in the frames next to them."""
    frames = scatter(rounded, index)
    beside = np.zeros_like(frames)
    beside[1:] += frames[:-1]
    beside[:-1] += frames[1:]
    return contexts.contexts(gather(contexts.weighted(beside), index), 1) - np.uint8(1)
