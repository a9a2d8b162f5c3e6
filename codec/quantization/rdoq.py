"""Rate-distortion optimized quantization of main latents: a larger magnitude is chosen only where it is worth its bits.

The bits of a magnitude depend on its scale index and on its neighbours: among zeros, a one takes seven bits more than a
zero; among ones, hardly any. The threshold between a magnitude and the next one is therefore one half plus BASE plus
WEIGHT times the difference of their bits. Neighbours are taken from plain rounding of the frames before and after, as
if both were coded already, and inside the segment only, so that no index depends on how segments are grouped into
chunks.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from formats.grid import SCALES, SEGMENT
from formats.model import contexts
from formats.model.contexts import CLASSES
from formats.model.indexing import gather, scatter
from formats.model.tables import PRECISION, Tables
from formats.payload.chunk import MAGNITUDE_LIMIT, raw_bit_count

if TYPE_CHECKING:
    from codec.dsp.mdct import Float

BASE, WEIGHT = 0.05, 0.04
"""Steps by which the threshold of any magnitude lies above one half, and steps for each bit (training/LOG.md)."""

LOWEST, HIGHEST = 0.4, 0.85
"""Range to which thresholds are clipped."""

SMALL = 10
"""Magnitudes from here on are rounded with BASE alone, because few bits lie between them."""


@lru_cache(maxsize=8)
def thresholds(tables: Tables) -> NDArray[np.float32]:
    """Fractional part above which a value is rounded up: [9, 48, SMALL + 1], by class, scale index and magnitude."""
    rows = tables.main[1 : 1 + CLASSES]  # of the last pass, whose neighbours are the frames before and after
    bits = PRECISION - np.log2(rows[..., : SMALL + 1].astype(np.float64))
    more = np.diff(bits, axis=-1)
    more[..., 0] += 1  # the sign
    has_raw_bits = raw_bit_count(np.arange(SCALES, dtype=np.uint8)) > 0  # they cost the same, whatever their value
    more[:, has_raw_bits] = 0
    out = np.full((CLASSES, SCALES, SMALL + 1), 0.5 + BASE, np.float32)
    out[..., :SMALL] += (WEIGHT * more).astype(np.float32)
    return np.clip(out, LOWEST, HIGHEST)


def decide(
    ratio: "Float", scale_index: NDArray[np.uint8], position: NDArray[np.int64], limits: NDArray[np.float32]
) -> NDArray[np.int32]:
    """Quantization indices of coefficients that are given in quantizer steps.

    Shape:
        ratio, scale_index, position: [F, M] by rank, from a segment's start on; limits: from `thresholds` -> [F, M]
    """
    magnitude = np.minimum(np.abs(ratio), np.float32(MAGNITUDE_LIMIT))
    floor = np.floor(magnitude)
    rounded = contexts.small(magnitude + np.float32(0.5 - BASE))
    classes = np.concatenate(
        [_classes(rounded[at : at + SEGMENT], position[at : at + SEGMENT]) for at in range(0, len(ratio), SEGMENT)]
    )
    row = (classes.astype(np.int32) * SCALES + scale_index) * (SMALL + 1) + np.minimum(floor, SMALL).astype(np.int32)
    decided = floor.astype(np.int32) + (magnitude - floor > np.take(limits, row))
    return np.where(ratio < 0, -decided, decided)


def _classes(rounded: NDArray[np.uint8], position: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Context classes 0...8 of a segment's magnitudes [F, M], from the magnitudes in the frames next to them."""
    frames = scatter(rounded, position)
    neighbours = np.zeros_like(frames)
    neighbours[1:] += frames[:-1]
    neighbours[:-1] += frames[1:]
    return contexts.contexts(gather(contexts.weighted(neighbours), position), 1) - np.uint8(1)
