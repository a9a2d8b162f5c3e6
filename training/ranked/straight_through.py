"""The codec's quantizers with a gradient: their result in the forward pass, identity in the backward pass."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.quantization.hyper_trellis import trellis_quantize
from codec.quantization.quantize import DEAD_ZONE
from codec.quantization.rdoq import BASE, SMALL
from formats.grid import HYPER_MAX, HYPER_MIN, SEGMENT
from formats.model.contexts import BOUNDS, LARGEST


def choose_sent(scale_index: Tensor, main: list[int]) -> Tensor:
    """0/1 mask [B, T, 1400] of each item's `main` highest rounded scale indices a frame, ties by lower position."""
    keys = (255 - scale_index.detach().round()).to(torch.uint8).cpu().numpy()
    sent = np.zeros(keys.shape, np.float32)
    for item, count in enumerate(main):
        order = np.argsort(keys[item], axis=1, kind="stable")[:, :count]
        np.put_along_axis(sent[item], order, 1, 1)
    return torch.from_numpy(sent).to(scale_index.device)


def quantize_hyper(hyper: Tensor, bits: Tensor) -> Tensor:
    """`codec.quantization.hyper_trellis.trellis_quantize`.

    Shape:
        hyper: [B, G, 48], G a multiple of 42; bits: [56, 64], code lengths of changes -> [B, G, 48].
    """
    found = trellis_quantize(hyper.detach().flatten(0, 1).cpu().numpy(), bits.cpu().numpy())
    clamped = hyper.clamp(HYPER_MIN + 1, HYPER_MAX)
    return clamped + (torch.from_numpy(found).to(hyper).reshape(hyper.shape) - clamped).detach()


def quantize_dead_zone(value: Tensor) -> Tensor:
    """Rounding with a dead zone."""
    q = value.sign() * torch.floor(value.abs() + 0.5 - DEAD_ZONE)
    return value + (q - value).detach()


def decide(value: Tensor, scale_index: Tensor, limits: Tensor) -> Tensor:
    """`codec.quantization.rdoq.decide`.

    Shape:
        value: [B, T, 1400] in steps, zero where not sent, T a multiple of 126; scale_index: the same;
        limits: [9, 48, 11], thresholds between magnitudes -> [B, T, 1400].
    """
    size = value.detach().abs()
    rounded = torch.floor(size + 0.5 - BASE).clamp(max=LARGEST).reshape(-1, SEGMENT, value.shape[2])
    beside = functional.pad(rounded[:, 1:], (0, 0, 0, 1)) + functional.pad(rounded[:, :-1], (0, 0, 1, 0))
    beside = beside.reshape(value.shape)
    sums = 4 * beside + functional.pad(beside[..., :-1], (1, 0)) + functional.pad(beside[..., 1:], (0, 1))
    classes = torch.bucketize(sums, torch.tensor(BOUNDS, device=sums.device, dtype=sums.dtype), right=True)
    low = torch.floor(size)
    limit = limits[classes, scale_index.detach().round().long(), low.long().clamp(max=SMALL)]
    return value + (value.sign() * (low + (size - low > limit)) - value).detach()
