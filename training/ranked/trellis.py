"""Trellis quantization of hyper latents for whole batches, on any device.

The twin of `codec.quantization.hyper_trellis` in torch: the same sums in the same order, so that it finds the same
path.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from codec.quantization.hyper_trellis import WEIGHTS
from formats.grid import BANDS, HYPER_MAX, HYPER_MIN, HYPER_SIZE
from formats.model.scales import SEGMENT_VECTORS
from formats.model.tables import BAND_GROUPS, CHANGE_CONTEXTS, HYPER_SYMBOLS
from formats.payload import hyper_latents


@cache
def context_weights(device: torch.device) -> Tensor:
    """Eighths of each band's change in the context of every band: [48 from, 48 to]; as in `hyper_latents.contexts`."""
    weights = np.zeros((HYPER_SIZE, HYPER_SIZE), np.float32)
    for band in range(HYPER_SIZE):
        if band >= BANDS:
            weights[band - BANDS, band] = hyper_latents.FIRST_CHANNEL_WEIGHT
        nearest = hyper_latents.WEIGHTS[band // BANDS]
        for distance, weight in enumerate(nearest[: band % BANDS], 1):
            weights[band - distance, band] += weight
    return torch.from_numpy(weights).to(device)


@cache
def band_groups(device: torch.device) -> Tensor:
    """Group of each band: int64 [48]."""
    return torch.tensor([hyper_latents.group(band) for band in range(HYPER_SIZE)]).to(device)


@cache
def lagrangian(device: torch.device) -> Tensor:
    """Cost of a bit in squared half octaves: [48]."""
    return torch.from_numpy(WEIGHTS.reshape(-1).copy()).to(device)


def table_rows(change: Tensor) -> Tensor:
    """`formats.payload.hyper_latents.table_rows`: whole-numbered changes [..., 48] -> int64 [..., 48]."""
    eighths = change @ context_weights(change.device) + 4
    context = (torch.floor(eighths / 8) + CHANGE_CONTEXTS // 2).clamp(0, CHANGE_CONTEXTS - 1)
    return context.long() * BAND_GROUPS + band_groups(change.device)


def trellis_quantize(hyper: Tensor, bits: Tensor) -> Tensor:
    """`codec.quantization.hyper_trellis.trellis_quantize` of whole segments.

    Shape:
        hyper: [B, G, 48] half octaves, G a multiple of 42; bits: [56, 64], code lengths of changes -> [B, G, 48].
    """
    known = torch.nan_to_num(hyper, nan=HYPER_MAX).clamp(HYPER_MIN + 1, HYPER_MAX)
    target = known.reshape(-1, SEGMENT_VECTORS, HYPER_SIZE).transpose(0, 1)  # [42, segments, 48]
    rounded = target.round()
    candidates = torch.stack([rounded - 1, rounded, rounded + 1], 1).clamp(HYPER_MIN + 1, HYPER_MAX)
    error = (candidates - target[:, None]) ** 2
    change = rounded[1:] - rounded[:-1]
    rows, symbols = table_rows(change), change.long() + HYPER_SYMBOLS // 2
    lengths = [bits[rows, (symbols + more) % HYPER_SYMBOLS] for more in range(-2, 3)]
    cost = lagrangian(hyper.device) * torch.stack(lengths, 1)  # [41, 5, segments, 48]
    chosen = _viterbi(error, cost)
    return candidates.gather(1, chosen[:, None])[:, 0].transpose(0, 1).reshape(hyper.shape)


def _viterbi(error: Tensor, cost: Tensor) -> Tensor:
    """The candidates 0...2 on the cheapest path: error [n, 3, S, 48], cost of steps [n - 1, 5, S, 48] -> [n, S, 48]."""
    total, previous = error[0], []
    for step in range(1, len(error)):
        by = cost[step - 1]
        # From candidate i to candidate j the latent changes by j - i more than plain rounding.
        first, second, third = (total[i] + by[2 - i : 5 - i] for i in range(3))
        least, which = _lowest(first, second, third)
        previous.append(which)
        total = least + error[step]
    chosen = [_lowest(*total.unbind())[1]]
    for which in reversed(previous):
        chosen.append(which.gather(0, chosen[-1][None])[0])
    return torch.stack(chosen[::-1])


def _lowest(first: Tensor, second: Tensor, third: Tensor) -> tuple[Tensor, Tensor]:
    """The least of three, and its number; of equal ones the earliest."""
    least = torch.minimum(first, second)
    return torch.minimum(least, third), torch.where(third < least, 2, (second < first).long())
