"""Quantizer steps and rounding, shared by the codec and by training."""

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
"""Latents of plain models are rounded up only from 0.5 + this on: zeros save more bits than the error is worth."""


def quantize_hyper(hyper: "Float", coefficients: "Float", bits: "Float") -> NDArray[np.int8]:
    """Quantize hyper latents; a channel that is all zeros over a hyper vector gets HYPER_MIN, digital silence.

    Shape:
        hyper: [G, 48] half octaves, from a segment's start on; coefficients: [3 G, 1400]; bits: [56, 64] from
        `codec.quantization.hyper_trellis.change_code_lengths` -> int8 [G, 48] in -32...31
    """
    out = trellis_quantize(hyper, bits).astype(np.int8)
    silent = ~coefficients.reshape(len(hyper), HYPER_FRAMES, 2, HOP).any((1, 3))
    out.reshape(-1, 2, BANDS)[silent] = HYPER_MIN
    return out


def log_steps(chosen: Scales, position: NDArray[np.int64], gain: int, tables: Tables) -> "Float":
    """log2 of the quantizer steps of the coefficients at `position`, whose scales are `chosen`: [F, M] -> [F, M]."""
    sigma = chosen.sigma.astype(np.float32) / np.float32(SIGMA_UNIT)
    loudness = chosen.loudness.astype(np.float32) / np.float32(SIGMA_UNIT)
    shape, bias, steady = (values.astype(np.float32) for values in (tables.shape, tables.bias, tables.steady))
    steps = sigma * np.take(shape, position) + np.take(bias - np.float32(gain / 32), position)
    steps += loudness * np.take(steady, position)
    return steps


def quantize(
    coefficients: "Float",
    chosen: Scales,
    scale_index: NDArray[np.uint8],
    position: NDArray[np.int64],
    gain: int,
    tables: Tables,
) -> NDArray[np.int32]:
    """Quantization indices of the main latents, by rank.

    Shape:
        coefficients: [F, 1400], from a segment's start on; scale_index, position: [F, M]; chosen: the scales there,
        from `formats.model.scales.scales_at` -> int32 [F, M]
    """
    ratio = gather(coefficients, position) * np.exp2(-log_steps(chosen, position, gain, tables))
    return decide(ratio, scale_index, position, thresholds(tables))


def quantize_plain(latents: "Float", gain: int) -> NDArray[np.int32]:
    """Quantize latents of a plain model, all with the step 2**(-gain / 32) and a dead zone: [F, M] -> int32 [F, M]."""
    ratio = latents * np.exp2(np.float32(gain / 32))
    magnitude = np.floor(np.minimum(np.abs(ratio), MAGNITUDE_LIMIT) + np.float32(0.5 - DEAD_ZONE))
    return np.asarray(np.where(ratio < 0, -magnitude, magnitude), np.int32)


def scatter_indices(indices: NDArray[np.int32], position: NDArray[np.int64]) -> tuple["Float", NDArray[np.bool_]]:
    """Scatter quantization indices [F, M] to the positions of their coefficients.

    Returns:
        float32 [F, 1400], zero where no index was sent; and bool [F, 1400], which coefficients were sent.
    """
    return scatter(indices.astype(np.float32), position), scatter(np.ones(position.shape, np.bool_), position)
