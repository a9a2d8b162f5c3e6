"""Distances that training minimises: mel and STFT, ViSQOL's similarity on ear bands, and noise over the mask.

The mel and STFT terms are DAC's (Kumar et al. 2023, appendix). The similarity is the NSIM that ViSQOL pools (Hines and
Harte 2012; Chinen et al. 2020), on ear bands of a long window instead of a gammatone filterbank.
"""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from formats.grid import HOP, SAMPLE_RATE
from training.metrics.mel import mel_filters
from training.metrics.spectral import CLAMP, MEL_SCALES, STFT_WINDOWS
from training.ranked.network import FLOOR_RMS
from training.ranked.start import EDGES


@cache
def hann(size: int, device: torch.device) -> Tensor:
    """Periodic Hann window."""
    return torch.hann_window(size, device=device)


@cache
def mel_matrix(size: int, bands: int, device: torch.device) -> Tensor:
    """`mel_filters` as a tensor: [bands, size / 2 + 1]."""
    return torch.from_numpy(mel_filters(SAMPLE_RATE, size, bands).astype(np.float32)).to(device)


EAR_BANDS, EAR_WINDOW, EAR_HOP, EAR_FFT = 32, 3528, 882, 4096
"""ViSQOL's audio mode: 32 gammatone bands from 50 Hz up, windows of 80 ms with a hop of 20 ms."""

EAR_WEIGHTS = np.array([0.03] * 23 + [0.09, 0.30, 0.37, 0.46, 0.54, 0.54, 0.43, 0.36, 0.25], np.float32)
"""Opinion score per unit of each band's similarity: the numerical gradient of ViSQOL's support vector regression, which
is nearly the same at every point that was tried (training/LOG.md). Almost all of it lies above 7 kHz."""


@cache
def ear_matrix(device: torch.device) -> Tensor:
    """Mean square of gammatone-filtered windows from power spectra: [32, EAR_FFT / 2 + 1].

    Fourth-order gammatone magnitudes (Slaney 1993) at ViSQOL's centres, one ERB scale from 50 Hz to 24 kHz.
    """
    q, least = 9.26449, 24.7
    step = np.log((50 + q * least) / (24000 + q * least)) / EAR_BANDS
    centre = (np.exp(np.arange(1, EAR_BANDS + 1) * step) * (24000 + q * least) - q * least)[::-1]
    width = 1.019 * (centre / q + least)
    f = np.arange(EAR_FFT // 2 + 1) * SAMPLE_RATE / EAR_FFT
    response = (1 + ((f - centre[:, None]) / width[:, None]) ** 2) ** -4.0
    return torch.from_numpy((response * 2 / (EAR_FFT * EAR_WINDOW)).astype(np.float32)).to(device)


@cache
def ear_weights(device: torch.device) -> Tensor:
    """EAR_WEIGHTS as a tensor: [32]."""
    return torch.from_numpy(EAR_WEIGHTS).to(device)


@cache
def blur_kernel(device: torch.device) -> Tensor:
    """ViSQOL's Gaussian, 0.62 in the middle, so that only the next neighbours of a cell count: [1, 1, 3, 3]."""
    line = torch.tensor([0.1063, 0.7874, 0.1063])
    return (line[:, None] * line)[None, None].to(device)


def magnitudes(x: Tensor, size: int, hop: int) -> Tensor:
    """[S, N] -> [S, size / 2 + 1, frames], as `torch.stft` has them.

    The frames are cut by `unfold`, whose gradient is a sum over few neighbours; that of `torch.stft` is scattered.
    The small constant keeps the gradient finite at silence.
    """
    padded = functional.pad(x[:, None], (size // 2, size // 2), mode="reflect")[:, 0]
    spectrum = torch.fft.rfft(padded.unfold(1, size, hop) * hann(size, x.device)).transpose(1, 2)
    return torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-14)


def log10(x: Tensor) -> Tensor:
    """Logarithm of magnitudes, clamped as DAC does."""
    return torch.log10(x.clamp(min=CLAMP))


def mel_distance(p: Tensor, q: Tensor, bands: int) -> Tensor:
    """Mean absolute difference of log10 mel magnitudes; p and q are magnitudes [S, K, frames] of one scale."""
    matrix = mel_matrix(2 * (p.shape[1] - 1), bands, p.device)
    return (log10(matrix @ p) - log10(matrix @ q)).abs().mean()


def stft_distance(p: Tensor, q: Tensor) -> Tensor:
    """Mean absolute difference of log10 powers and of magnitudes of one scale."""
    return (2 * log10(p) - 2 * log10(q)).abs().mean() + (p - q).abs().mean()


SHARED = [number for number, (size, _) in enumerate(MEL_SCALES) if size in STFT_WINDOWS]
"""Scales that both distances use."""

SINGLE = [number for number in range(len(MEL_SCALES)) if number not in SHARED]
"""Scales of the mel distance alone."""


def draw_scales(count: int, rng: np.random.Generator) -> list[int]:
    """Scales of a step: all, or one that both distances use and one of the others.

    On a CPU the STFTs of all scales cost more than the network, and with two of them the gradient is unbiased.
    """
    if count == len(MEL_SCALES):
        return list(range(count))
    return [int(rng.choice(SHARED)), int(rng.choice(SINGLE))]


def spectral_distances(a: Tensor, b: Tensor, scales: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Mel distance (mean over seven scales) and STFT distance (mean over two) of [S, N] signals.

    Of the scales that are left out, those that are there take the place, so that the result is right in expectation.
    """
    mel: list[Tensor] = []
    stft: list[Tensor] = []
    shared = sum(number in SHARED for number in scales)
    for number in scales:
        size, count = MEL_SCALES[number]
        p, q = magnitudes(a, size, size // 4), magnitudes(b, size, size // 4)
        weight = len(SHARED) / shared if number in SHARED else len(SINGLE) / (len(scales) - shared)
        mel.append(weight / len(MEL_SCALES) * mel_distance(p, q, count))
        if number in SHARED:
            stft.append(stft_distance(p, q) / shared)
    return torch.stack(mel).sum(), torch.stack(stft).sum()


def ear_levels(x: Tensor) -> Tensor:
    """Band levels as ViSQOL has them, 10 log10 of RMS (not of power): [S, N] -> [S, 32, frames]."""
    window = hann(EAR_WINDOW, x.device)
    spectrum = torch.stft(x, EAR_FFT, EAR_HOP, EAR_WINDOW, window, center=False, return_complex=True)
    return 5 * torch.log10(ear_matrix(x.device) @ (spectrum.real**2 + spectrum.imag**2) + 1e-10)


def dissimilarity(decoded: Tensor, original: Tensor) -> Tensor:
    """Opinion score lost by ViSQOL's measure of local structure on ear bands, without its search for alignment.

    Band levels have a floor of -45 dB, and of 45 dB below the louder signal's peak in each frame. Similarity is NSIM in
    windows of 3 x 3 (Hines and Harte 2012), weighted by what each band contributes to the score.

    Shape:
        decoded, original: [S, N] mono folds, N at least EAR_FFT.
    """
    a, b = ear_levels(original), ear_levels(decoded)
    peak = torch.maximum(a.amax(1, keepdim=True), b.detach().amax(1, keepdim=True))
    floor = torch.clamp(peak - 45.0, min=-45.0)
    a, b = torch.maximum(a, floor), torch.maximum(b, floor)
    lowest = torch.minimum(a.amin((1, 2), keepdim=True), b.detach().amin((1, 2), keepdim=True))
    a, b = a - lowest, b - lowest
    planes = torch.stack([a, b, a * a, b * b, a * b], 1).flatten(0, 1)[:, None]
    blur = functional.conv2d(functional.pad(planes, (1, 1, 1, 1), mode="replicate"), blur_kernel(a.device))
    mean_a, mean_b, aa, bb, ab = blur.reshape(-1, 5, *a.shape[1:]).unbind(1)
    c1, c3 = 1e-4, 4.5e-4
    intensity = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    variances = (aa - mean_a**2).clamp(min=0) * (bb - mean_b**2).clamp(min=0)
    # The constant under the root keeps the gradient finite where nothing varies; its root is smaller than c3.
    structure = (ab - mean_a * mean_b + c3) / (torch.sqrt(variances + 1e-8) + c3)
    lost = (1 - intensity * structure).mean((0, 2))
    return (lost * ear_weights(lost.device)).sum()


@cache
def mask_matrix(device: torch.device) -> Tensor:
    """Masking threshold of each band from the energies of all: [24 from, 24 to].

    Two slopes, 27 dB a Bark downwards and 15 upwards; an offset of 3 dB up to 12 Bark, a quarter of the Bark above
    (the shape of BS.1387-2, section 2.1.9, without its dependence on level).
    """
    centre = np.array([(low + high) / 2 for low, high in pairwise(EDGES)]) * SAMPLE_RATE / 2 / HOP
    bark = 7 * np.arcsinh(centre / 650)
    distance = bark[None] - bark[:, None]
    spread = np.where(distance < 0, 27 * distance, -15 * distance)
    offset = np.maximum(3, 0.25 * bark)
    return torch.from_numpy((10 ** ((spread - offset) / 10)).astype(np.float32)).to(device)


def noise_to_mask(decoded: Tensor, original: Tensor, bands: Tensor) -> Tensor:
    """log10 of the mean ratio of noise to masking threshold, mid and side taken together; [B, T, 1400] twice -> [B].

    A frame's thresholds come from its own energies and its neighbours', because those of a single MDCT frame flicker.
    """
    b, t, _ = original.shape
    noise = (((decoded - original) ** 2).reshape(b, t, 2, HOP).sum(2) @ bands).clamp(min=0)
    energy = (original * original).reshape(b, t, 2, HOP).sum(2) @ bands
    smooth = functional.avg_pool1d(energy.transpose(1, 2), 3, 1, 1, count_include_pad=False).transpose(1, 2)
    threshold = smooth @ mask_matrix(original.device) + 1e-9
    return torch.log10((noise / threshold).clamp(max=1e3).mean((1, 2)) + 1e-4)


LEVEL_FRAMES = 21
"""Frames, a third of a second, over which `level_distance` takes the power of a band."""


def level_distance(decoded: Tensor, original: Tensor, bands: Tensor) -> Tensor:
    """Mean absolute difference of the log10 powers of bands over a third of a second, both channels taken together.

    Distances of logarithms of single magnitudes are least at the median, which lies 1.6 dB under the mean power of
    noise; this one asks for the power itself.

    Shape:
        decoded, original: coefficients [B, T, 1400], T a multiple of 21; bands: as in `Encoder`
    """
    b, t, _ = original.shape
    p, q = (
        (x * x).reshape(b, t // LEVEL_FRAMES, LEVEL_FRAMES, 2, HOP).sum((2, 3)) @ bands for x in (decoded, original)
    )
    floor = LEVEL_FRAMES * FLOOR_RMS**2
    return (torch.log10(p + floor) - torch.log10(q + floor)).abs().mean()
