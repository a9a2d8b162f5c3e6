"""From decoded coefficients to samples: differentiable twins of the codec's inverse transform and stereo rotation."""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.dsp import window_switching
from codec.dsp.mdct import WINDOW
from formats.grid import BAND_EDGES, HOP, ROTATION_ANGLES, SEGMENT, WINDOW_UNIT


@cache
def cosines(hop: int) -> Tensor:
    """The orthonormal DCT-IV of `hop` points, its own inverse: [hop, hop]."""
    n = np.arange(hop) + 0.5
    return torch.from_numpy((math.sqrt(2 / hop) * np.cos(np.pi / hop * np.outer(n, n))).astype(np.float32))


def unfold(coefficients: Tensor, rising: Tensor, falling: Tensor) -> Tensor:
    """The differentiable twin of `codec.dsp.mdct.unfold`: [..., F, N] -> [..., (F + 1) N]."""
    half = coefficients.shape[-1] // 2
    folded = coefficients @ cosines(2 * half).to(coefficients)
    upper, lower = folded[..., :half], folded[..., half:]
    early = torch.cat([lower, -lower.flip(-1)], -1) * rising
    late = torch.cat([-upper.flip(-1), -upper], -1) * falling
    return (functional.pad(early, (0, 0, 0, 1)) + functional.pad(late, (0, 0, 1, 0))).flatten(-2)


@cache
def inverse_mdct_matrix() -> Tensor:
    """The inverse MDCT of one channel with short windows as a matrix, window included: [700, 1400]."""
    n, k = np.arange(2 * HOP)[None] + 0.5 + HOP / 2, np.arange(HOP)[:, None] + 0.5
    return torch.from_numpy((math.sqrt(2 / HOP) * np.cos(np.pi / HOP * n * k) * WINDOW).astype(np.float32))


def synthesize(coefficients: Tensor, long: Tensor) -> Tensor:
    """Mid/side MDCT frames -> left and right, without the half frames at the ends.

    Shape:
        coefficients: [B, T, 1400], T a multiple of 126; long: bool [B, T / 126, 7], units with long windows
            -> [B, 2, (T - 1) 700].
    """
    b, t, _ = coefficients.shape
    short = coefficients * ~long.flatten(1).repeat_interleave(WINDOW_UNIT, 1)[..., None]
    rising, falling = torch.from_numpy(WINDOW.reshape(2, HOP)).to(coefficients).unbind()
    x = unfold(short.reshape(b, t, 2, HOP).transpose(1, 2), rising, falling)
    for item, units in enumerate(long.cpu().numpy()):
        for run in window_switching.runs(units):
            windows = coefficients[item, run].reshape(-1, 2, 2, HOP).permute(2, 0, 3, 1)
            windows = windows.reshape(2, -1, window_switching.LONG)
            slopes = (torch.from_numpy(slope).to(coefficients) for slope in window_switching.slopes(windows.shape[1]))
            y = unfold(windows, *slopes)[:, HOP // 2 : -HOP // 2]
            x[item, :, run.start * HOP : (run.stop + 1) * HOP] += y
    x = x[..., HOP:-HOP]
    return torch.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]], 1)


def rotate_back(coefficients: Tensor, rotation: Tensor) -> Tensor:
    """Rotated channels -> mid and side: the differentiable twin of `codec.dsp.stereo.rotate_back`.

    Shape:
        coefficients: [B, T, 1400]; rotation: [B, S, 24], indices of the rotation angles -> [B, T, 1400].
    """
    angle = rotation.to(coefficients.dtype) * (math.pi / ROTATION_ANGLES)
    angle = angle.repeat_interleave(torch.tensor(np.diff(BAND_EDGES), device=rotation.device), 2)
    angle = angle.repeat_interleave(SEGMENT, 1)[:, : coefficients.shape[1]]
    first, second = coefficients[..., :HOP], coefficients[..., HOP:]
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return torch.cat([cosine * first + sine * second, cosine * second - sine * first], 2)
