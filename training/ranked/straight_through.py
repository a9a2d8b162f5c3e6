"""The codec's quantizers with a gradient: their result in the forward pass, identity in the backward pass."""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from codec.quantization.quantize import DEAD_ZONE
from codec.quantization.rdoq import BASE, SMALL
from formats.grid import COEFFICIENTS, HYPER_MAX, HYPER_MIN, SCALES, SEGMENT
from formats.model.contexts import BOUNDS, LARGEST
from training.ranked.trellis import trellis_quantize

RANK_BITS = (SCALES * COEFFICIENTS - 1).bit_length()
"""Bits of a key that orders the coefficients of a frame."""


@cache
def class_bounds(device: torch.device) -> Tensor:
    """Sums of neighbours at which the next context class begins: [8]."""
    return torch.tensor(BOUNDS, dtype=torch.float32).to(device)


def choose_sent(scale_index: Tensor, main: Tensor) -> Tensor:
    """0/1 mask [B, T, 1400] of each item's `main` highest rounded scale indices a frame, ties by lower position.

    The key of the last coefficient that is sent is found bit by bit: a sort would take longer on a GPU.

    Shape:
        scale_index: [B, T, 1400]; main: int64 [B], at least 1 each.
    """
    position = torch.arange(scale_index.shape[-1], device=scale_index.device, dtype=torch.int32)
    keys = (SCALES - 1 - scale_index.detach().round()).int() * scale_index.shape[-1] + position
    last = torch.zeros_like(keys[..., :1])
    for bit in reversed(range(RANK_BITS)):
        candidate = last + (1 << bit)
        before = (keys < candidate).sum(-1, keepdim=True)
        last = torch.where(before < main[:, None, None], candidate, last)
    return (keys <= last).to(scale_index.dtype)


def quantize_hyper(hyper: Tensor, bits: Tensor) -> Tensor:
    """`codec.quantization.hyper_trellis.trellis_quantize`.

    Shape:
        hyper: [B, G, 48], G a multiple of 42; bits: [56, 64], code lengths of changes -> [B, G, 48].
    """
    clamped = hyper.clamp(HYPER_MIN + 1, HYPER_MAX)
    return clamped + (trellis_quantize(hyper.detach(), bits) - clamped).detach()


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
    classes = torch.bucketize(sums, class_bounds(sums.device), right=True)
    low = torch.floor(size)
    limit = limits[classes, scale_index.detach().round().long(), low.long().clamp(max=SMALL)]
    return value + (value.sign() * (low + (size - low > limit)) - value).detach()
