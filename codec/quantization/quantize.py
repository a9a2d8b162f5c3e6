"""The one definition of rounding, steps and dequantization that runtime and training share."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codec.quantization.hyper_trellis import trellis_quantize
from codec.quantization.rdoq import decide, thresholds
from formats.grid import BANDS, HOP, HYPER_FRAMES, HYPER_MIN
from formats.model.indexing import gather, scatter
from formats.model.scales import Scales
from formats.model.tables import SIGMA_UNIT, Tables
from formats.payload.chunk import MAGNITUDE_LIMIT

if TYPE_CHECKING:
    from codec.dsp.mdct import Float

DEAD_ZONE = 0.12
"""Latents of mixed models round up from 0.5 + this: zeros are cheaper than the little that they lose."""


def quantize_hyper(hyper: "Float", coefficients: "Float", bits: "Float") -> NDArray[np.int8]:
    """Hyper latents in integers; a channel whose coefficients are all zero over a hyper vector gets silence's value.

    Shape:
        hyper: [G, 48] half octaves, from a segment's start on; coefficients: [3 G, 1400]; bits: [56, 64], code lengths
        as `codec.quantization.hyper_trellis.change_code_lengths` gives them -> [G, 48] in -32...31.
    """
    out = trellis_quantize(hyper, bits).astype(np.int8)
    silent = ~coefficients.reshape(len(hyper), HYPER_FRAMES, 2, HOP).any((1, 3))
    out.reshape(-1, 2, BANDS)[silent] = HYPER_MIN
    return out


def log_steps(expected: Scales, index: NDArray[np.int64], gain: int, tables: Tables) -> "Float":
    """log2 of the step of chosen coefficients: indices [F, M] -> [F, M]."""
    sigma = gather(expected.sigma, index).astype(np.float32) / np.float32(SIGMA_UNIT)
    shape, bias = tables.shape.astype(np.float32), tables.bias.astype(np.float32)
    steps = sigma * np.take(shape, index) + np.take(bias - np.float32(gain / 32), index)
    if tables.steady is not None:
        loudness = expected.loudness.astype(np.float32) / np.float32(SIGMA_UNIT)
        steps += loudness * np.take(tables.steady.astype(np.float32), index)
    return steps


def quantize(
    analysis: "Float",
    expected: Scales,
    level: NDArray[np.uint8],
    index: NDArray[np.int64],
    gain: int,
    tables: Tables,
) -> NDArray[np.int32]:
    """Main latents: analysis values [F, 1400] at indices [F, M] of these levels, in steps, decided -> [F, M]."""
    ratio = gather(analysis, index) * np.exp2(-log_steps(expected, index, gain, tables))
    return decide(ratio, level, index, thresholds(tables))


def quantize_plain(latents: "Float", gain: int) -> NDArray[np.int32]:
    """Latents of a mixed model, whose steps are all d = 2**(-gain / 32), rounded with a dead zone: [F, M] -> [F, M]."""
    ratio = latents * np.exp2(np.float32(gain / 32))
    magnitude = np.floor(np.minimum(np.abs(ratio), MAGNITUDE_LIMIT) + np.float32(0.5 - DEAD_ZONE))
    return np.asarray(np.where(ratio < 0, -magnitude, magnitude), np.int32)


def scatter_indices(main: NDArray[np.int32], index: NDArray[np.int64]) -> tuple["Float", NDArray[np.bool_]]:
    """Main latents [F, M] back at their coefficients: values [F, 1400] and the mask of what was sent."""
    return scatter(main.astype(np.float32), index), scatter(np.ones(index.shape, np.bool_), index)
