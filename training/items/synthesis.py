"""From decoded coefficients to samples: differentiable twins of the codec's inverse transform and stereo rotation.

Nothing here waits for the device: short and long windows are both transformed everywhere, and masks choose.
"""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.dsp import mdct
from codec.dsp.window_switching import LONG, slopes
from formats.grid import BAND_EDGES, HOP, ROTATION_ANGLES, SEGMENT, WINDOW_UNIT

CPU = torch.device("cpu")

UNIT_WINDOWS = WINDOW_UNIT * HOP // LONG
"""Long windows in a window unit."""


@cache
def cosines(hop: int, device: torch.device = CPU) -> Tensor:
    """The orthonormal DCT-IV of `hop` points, its own inverse: [hop, hop]."""
    n = np.arange(hop) + 0.5
    matrix = (math.sqrt(2 / hop) * np.cos(np.pi / hop * np.outer(n, n))).astype(np.float32)
    return torch.from_numpy(matrix).to(device)


@cache
def short_slopes(device: torch.device) -> tuple[Tensor, Tensor]:
    """Rising and falling half of a short window: [700] twice."""
    rising, falling = torch.from_numpy(mdct.WINDOW.reshape(2, HOP)).to(device).unbind()
    return rising, falling


@cache
def long_slopes(device: torch.device) -> tuple[Tensor, Tensor]:
    """Rising halves of long windows: at the start of a run, and inside it; [1400] twice. Flipped they fall."""
    first, inside = torch.from_numpy(slopes(2)[0]).to(device).unbind()
    return first, inside


@cache
def bands(device: torch.device) -> Tensor:
    """Band of each coefficient of a channel: [700]."""
    return torch.from_numpy(np.repeat(np.arange(len(BAND_EDGES) - 1), np.diff(BAND_EDGES))).to(device)


def unfold(coefficients: Tensor, rising: Tensor, falling: Tensor) -> Tensor:
    """The differentiable twin of `codec.dsp.mdct.unfold`: [..., F, N] -> [..., (F + 1) N]."""
    half = coefficients.shape[-1] // 2
    folded = coefficients @ cosines(2 * half, coefficients.device)
    upper, lower = folded[..., :half], folded[..., half:]
    early = torch.cat([lower, -lower.flip(-1)], -1) * rising
    late = torch.cat([-upper.flip(-1), -upper], -1) * falling
    return (functional.pad(early, (0, 0, 0, 1)) + functional.pad(late, (0, 0, 1, 0))).flatten(-2)


@cache
def inverse_mdct_matrix() -> Tensor:
    """The inverse MDCT of one channel with short windows as a matrix, window included: [700, 1400]."""
    n, k = np.arange(2 * HOP)[None] + 0.5 + HOP / 2, np.arange(HOP)[:, None] + 0.5
    return torch.from_numpy((math.sqrt(2 / HOP) * np.cos(np.pi / HOP * n * k) * mdct.WINDOW).astype(np.float32))


def synthesize(coefficients: Tensor, long: Tensor) -> Tensor:
    """Mid/side MDCT frames -> left and right, without the half frames at the ends.

    Shape:
        coefficients: [B, T, 1400], T a multiple of 126; long: bool [B, T / 126, 7], units with long windows
            -> [B, 2, (T - 1) 700].
    """
    b, t, _ = coefficients.shape
    frames = coefficients.reshape(b, t, 2, HOP).transpose(1, 2)
    is_long = long.flatten(1).repeat_interleave(WINDOW_UNIT, 1)[:, None, :, None]
    x = unfold(frames * ~is_long, *short_slopes(coefficients.device))
    windows = (frames * is_long).reshape(b, 2, t // 2, 2, HOP).transpose(3, 4).flatten(3)  # [B, 2, T / 2, 1400]
    x = (x + unfold(windows, *window_slopes(long))[..., HOP // 2 : -HOP // 2])[..., HOP:-HOP]
    return torch.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]], 1)


def synthesize_short(coefficients: Tensor) -> Tensor:
    """As `synthesize`, where all windows are short: [B, T, 1400] -> [B, 2, (T - 1) 700], for any T."""
    b, t, _ = coefficients.shape
    frames = coefficients.reshape(b, t, 2, HOP).transpose(1, 2)
    x = unfold(frames, *short_slopes(coefficients.device))[..., HOP:-HOP]
    return torch.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]], 1)


def window_slopes(long: Tensor) -> tuple[Tensor, Tensor]:
    """Rising and falling halves of all long windows, with the slopes of short ones at the ends of runs.

    Shape:
        long: bool [B, S, 7], units with long windows -> [B, 1, 63 S, 1400] twice.
    """
    inside = long.repeat_interleave(UNIT_WINDOWS, 2)  # [B, S, 63]: a run never goes on into the next segment
    starts = ~functional.pad(inside[..., :-1], (1, 0)).flatten(1)[:, None, :, None]
    ends = ~functional.pad(inside[..., 1:], (0, 1)).flatten(1)[:, None, :, None]
    first, wide = long_slopes(long.device)
    return torch.where(starts, first, wide), torch.where(ends, first.flip(0), wide.flip(0))


def rotate_back(coefficients: Tensor, rotation: Tensor) -> Tensor:
    """Rotated channels -> mid and side: the differentiable twin of `codec.dsp.stereo.rotate_back`.

    Shape:
        coefficients: [B, T, 1400]; rotation: [B, S, 24], indices of the rotation angles -> [B, T, 1400].
    """
    angle = rotation.to(coefficients.dtype)[..., bands(rotation.device)] * (math.pi / ROTATION_ANGLES)
    angle = angle.repeat_interleave(SEGMENT, 1)[:, : coefficients.shape[1]]
    first, second = coefficients[..., :HOP], coefficients[..., HOP:]
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return torch.cat([cosine * first + sine * second, cosine * second - sine * first], 2)
