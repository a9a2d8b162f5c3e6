"""What training minimises: spectral distances of left and right, ear-band similarity, and the code length.

The mel and STFT terms are DAC's (Kumar et al. 2023, appendix), the similarity is the NSIM that ViSQOL pools
(Hines and Harte 2012; Chinen et al. 2020), on ear bands of a long window instead of a gammatone filterbank.
"""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.mdct import WINDOW
from formats.grid import HOP, SAMPLE_RATE
from training.mel import mel_filters

MEL_SCALES = ((32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320))
CLAMP = 1e-5


@cache
def basis() -> Tensor:
    """The inverse MDCT as a matrix, window included: [700, 1400]."""
    n, k = np.arange(2 * HOP)[None] + 0.5 + HOP / 2, np.arange(HOP)[:, None] + 0.5
    return torch.from_numpy((math.sqrt(2 / HOP) * np.cos(np.pi / HOP * n * k) * WINDOW).astype(np.float32))


def synthesize(coefficients: Tensor) -> Tensor:
    """Mid/side MDCT frames [B, T, 1400] -> left and right [B, 2, (T - 1) 700], the half frames at the ends dropped."""
    b, t, _ = coefficients.shape
    windows = coefficients.reshape(b, t, 2, HOP) @ basis().to(coefficients)
    x = windows[:, 1:, :, :HOP] + windows[:, :-1, :, HOP:]
    x = x.permute(0, 2, 1, 3).reshape(b, 2, -1)
    return torch.stack([x[:, 0] + x[:, 1], x[:, 0] - x[:, 1]], 1)


@cache
def hann(size: int, device: torch.device) -> Tensor:
    return torch.hann_window(size, device=device)


@cache
def mel_matrix(size: int, bands: int, device: torch.device) -> Tensor:
    return torch.from_numpy(mel_filters(SAMPLE_RATE, size, bands).astype(np.float32)).to(device)


@cache
def ear_matrix(size: int, bands: int, device: torch.device) -> Tensor:
    """Triangles one ERB apart from 50 Hz to 15 kHz on power spectra: [bands, size / 2 + 1]."""
    erb = np.linspace(*(21.4 * np.log10(1 + 0.00437 * np.array([50.0, 15000.0]))), bands + 2)
    edges = (10 ** (erb / 21.4) - 1) / 0.00437
    f = np.arange(size // 2 + 1) * SAMPLE_RATE / size
    up = (f - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - f) / np.diff(edges)[1:, None]
    return torch.from_numpy(np.maximum(0, np.minimum(up, down)).astype(np.float32)).to(device)


def magnitudes(x: Tensor, size: int, hop: int) -> Tensor:
    """[S, N] -> [S, size / 2 + 1, frames]; the small constant keeps the gradient finite at silence."""
    spectrum = torch.stft(x, size, hop, window=hann(size, x.device), return_complex=True)
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-14)


def log10(x: Tensor) -> Tensor:
    return torch.log10(x.clamp(min=CLAMP))


def mel_distance(p: Tensor, q: Tensor, bands: int) -> Tensor:
    """Mean absolute difference of log10 mel magnitudes; p and q are magnitudes [S, K, frames] of one scale."""
    matrix = mel_matrix(2 * (p.shape[1] - 1), bands, p.device)
    return (log10(matrix @ p) - log10(matrix @ q)).abs().mean()


def stft_distance(p: Tensor, q: Tensor) -> Tensor:
    """Mean absolute difference of log10 powers and of magnitudes of one scale."""
    return (2 * log10(p) - 2 * log10(q)).abs().mean() + (p - q).abs().mean()


def spectral_distances(a: Tensor, b: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Mel distance (mean over seven scales) and STFT distance (mean over two) of [S, N] signals, in expectation.

    One of the two scales that both distances use and one of the other five are drawn a call: the STFTs cost more than
    the network, and their gradient is unbiased this way.
    """
    shared, single = MEL_SCALES[rng.choice([4, 6])], MEL_SCALES[rng.choice([0, 1, 2, 3, 5])]
    p, q = magnitudes(a, shared[0], shared[0] // 4), magnitudes(b, shared[0], shared[0] // 4)
    mel = 2 * mel_distance(p, q, shared[1])
    r, s = magnitudes(a, single[0], single[0] // 4), magnitudes(b, single[0], single[0] // 4)
    return (mel + 5 * mel_distance(r, s, single[1])) / 7, stft_distance(p, q)


def dissimilarity(decoded: Tensor, original: Tensor, size: int = 4096, hop: int = 882, bands: int = 32) -> Tensor:
    """1 - NSIM of ear-band levels in dB, 45 dB below the loudest cell as their floor; [S, N] each."""
    matrix = ear_matrix(size, bands, decoded.device)
    a, b = (10 * torch.log10(matrix @ magnitudes(x, size, hop) ** 2 + 1e-9) for x in (original, decoded))
    peak = a.amax((1, 2), keepdim=True)
    a, b = (torch.maximum(x - peak, torch.full_like(x, -45.0))[:, None] + 45 for x in (a, b))
    line = torch.tensor([0.25, 0.5, 0.25], device=a.device)
    kernel = (line[:, None] * line)[None, None]
    blur = functional.conv2d(torch.cat([a, b, a * a, b * b, a * b]), kernel)
    mean_a, mean_b, aa, bb, ab = blur.chunk(5)
    c1, c3 = (0.01 * 45) ** 2, (0.03 * 45) ** 2 / 2
    var_a, var_b = (aa - mean_a**2).clamp(min=0), (bb - mean_b**2).clamp(min=0)
    intensity = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (ab - mean_a * mean_b + c3) / (torch.sqrt(var_a * var_b + 1e-6) + c3)
    return 1 - (intensity * structure).mean()


def code_length(magnitude: Tensor, level: Tensor, bits: Tensor) -> Tensor:
    """Bits of real-valued magnitudes at real-valued levels, both interpolated linearly in the table of code lengths.

    Shape:
        magnitude, level: [n]; bits: [48, 18], the cost of each integer magnitude, its sign included.
    """
    top = bits.shape[1] - 1
    over = (magnitude - top).clamp(min=0)  # the escape grows by two bits an octave (Exp-Golomb)
    m, v = magnitude.clamp(0, top - 1e-3), level.clamp(0, bits.shape[0] - 1 - 1e-3)
    i, j = v.detach().floor().long(), m.detach().floor().long()
    s, t = v - i, m - j
    low = torch.lerp(bits[i, j], bits[i, j + 1], t)
    high = torch.lerp(bits[i + 1, j], bits[i + 1, j + 1], t)
    return torch.lerp(low, high, s) + 2 * torch.log2(1 + over)
