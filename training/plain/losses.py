"""The losses that the study compares, by name: distances of waveforms that a time-domain autoencoder is trained on.

Each takes decoded and original samples [B, C, N] and window sizes, and returns one number per item, [B]. Spectra use
periodic Hann windows with a hop of a quarter, and are relative to the original's RMS, so that quiet music counts as
much as loud music. The result is the mean over the window sizes.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from training.ranked.losses import magnitudes

Distance = Callable[[Tensor, Tensor, Sequence[int]], Tensor]

SIZES = (2048, 512)
"""Windows of the spectral losses, in samples. Training draws one of them a step: half the cost, the same mean."""

SMOOTHNESS = 0.1
"""Weight of the squared difference of neighbouring decoded samples in `mse-smooth`."""

FAINT = 1e-2
"""Added to magnitudes before the logarithm: 66 dB below those of white noise of the original's RMS, at 2048 samples."""

SILENT = 1e-4
"""Least RMS that spectra are divided by."""


def mse(decoded: Tensor, original: Tensor, sizes: Sequence[int] = SIZES) -> Tensor:
    """Mean squared difference of samples."""
    return (decoded - original).square().mean((1, 2))


def l1(decoded: Tensor, original: Tensor, sizes: Sequence[int] = SIZES) -> Tensor:
    """Mean absolute difference of samples."""
    return (decoded - original).abs().mean((1, 2))


def mse_smooth(decoded: Tensor, original: Tensor, sizes: Sequence[int] = SIZES) -> Tensor:
    """`mse` plus SMOOTHNESS times the mean squared difference of neighbouring decoded samples."""
    return mse(decoded, original) + SMOOTHNESS * (decoded[..., 1:] - decoded[..., :-1]).square().mean((1, 2))


def _spectra(decoded: Tensor, original: Tensor, sizes: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
    """Magnitudes [B, C K frames] of both at each size, relative to the original's RMS."""
    size = original.square().mean((1, 2), keepdim=True).sqrt().clamp(min=SILENT)
    signals = torch.cat([decoded / size, original / size]).flatten(0, 1)
    pairs = []
    for window in sizes:
        a, b = magnitudes(signals, window, window // 4).reshape(2, len(original), -1).unbind()
        pairs.append((a, b))
    return pairs


def _spectral(compare: Callable[[Tensor, Tensor], Tensor]) -> Distance:
    def distance(decoded: Tensor, original: Tensor, sizes: Sequence[int] = SIZES) -> Tensor:
        return torch.stack([compare(a, b).mean(1) for a, b in _spectra(decoded, original, sizes)]).mean(0)

    return distance


def _log(magnitude: Tensor) -> Tensor:
    return torch.log(magnitude + FAINT)


LOSSES: dict[str, Distance] = {
    "mse": mse,
    "l1": l1,
    "mse-smooth": mse_smooth,
    "stft-l1": _spectral(lambda a, b: (a - b).abs()),
    "stft-l2": _spectral(lambda a, b: (a - b).square()),
    "log-stft-l1": _spectral(lambda a, b: (_log(a) - _log(b)).abs()),
    "log-stft-l2": _spectral(lambda a, b: (_log(a) - _log(b)).square()),
}
"""By the names that the command train-plain takes; natural logarithms."""


def compressed(decoded: Tensor, original: Tensor) -> Tensor:
    """The loss of the `dense` kind, on compressed MDCT frames [B, T, 1400]: mean squared difference, [B]."""
    return (decoded - original).square().mean((1, 2))
