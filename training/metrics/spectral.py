"""Distances between short-time spectra, in numpy.

Four measures, all 0 for equal signals and independent of phase and polarity:

- `mel_distance`: Descript Audio Codec's multi-scale mel loss with the parameters that codec was trained with.
- `stft_distance`: the same codec's multi-scale STFT loss.
- `log_spectral_rmse`: root mean square difference of natural-log magnitudes, relative to full scale.
- `linear_spectral_rmse`: root mean square difference of the magnitudes themselves.

The first two use unnormalised magnitudes of a periodic Hann window over reflected edges, as published, because the
clamp of 1e-5 depends on the scaling.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from training.metrics.mel import mel_filters

FloatArray = npt.NDArray[np.floating[Any]]

MEL_SCALES = ((32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320))
STFT_WINDOWS = (2048, 512)
CLAMP = 1e-5
_BLOCK = 1 << 21  # samples of windowed frames at a time, which bounds memory for whole songs


def stft_magnitudes(x: FloatArray, window: int, hop: int) -> Iterator[FloatArray]:
    """Yield the magnitudes of `x` in blocks of frames, first frame centred on the first sample, edges reflected.

    Shape:
        - x: [C, N], N >= 1
        - each block: [C, F, window // 2 + 1]; the F of all blocks add up to N // hop + 1
    """
    shape = signal.get_window("hann", window).astype(x.dtype)
    padded = np.pad(x, ((0, 0), (window // 2, window // 2)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)[:, ::hop]
    step = max(1, _BLOCK // window)
    for start in range(0, frames.shape[1], step):
        yield np.abs(fft.rfft(frames[:, start : start + step] * shape, axis=-1))


def mel_distance(reference: FloatArray, decoded: FloatArray, sample_rate: int = 44100) -> float:
    """Sum over seven scales of the mean absolute difference of log10 mel magnitudes, channels averaged.

    Windows of 32 ... 2048 samples with a hop of a quarter and 5 ... 320 mels, magnitudes clamped at 1e-5.

    Shape:
        - reference, decoded: [C, N], equal, N >= 1
    """
    total = 0.0
    for window, mels in MEL_SCALES:
        bank = mel_filters(sample_rate, window, mels).T.astype(reference.dtype)
        error, count = 0.0, 0
        for a, b in _pairs(reference, decoded, window, window // 4):
            ratio = np.maximum(a @ bank, CLAMP) / np.maximum(b @ bank, CLAMP)
            error += float(np.abs(np.log10(ratio)).sum(dtype=np.float64))
            count += ratio.size
        total += error / count
    return total


def stft_distance(reference: FloatArray, decoded: FloatArray) -> float:
    """Sum over windows of 2048 and 512 of two means: |log10 of squared magnitudes| and |linear magnitudes| apart.

    Shape:
        - reference, decoded: [C, N], equal, N >= 1
    """
    total = 0.0
    for window in STFT_WINDOWS:
        error, count = 0.0, 0
        for a, b in _pairs(reference, decoded, window, window // 4):
            logs = np.abs(np.log10(np.maximum(a, CLAMP) / np.maximum(b, CLAMP)))
            error += 2 * float(logs.sum(dtype=np.float64)) + float(np.abs(a - b).sum(dtype=np.float64))
            count += a.size
        total += error / count
    return total


def log_spectral_rmse(reference: FloatArray, decoded: FloatArray, window: int = 2048, hop: int = 512) -> float:
    """Root mean square, over channels, frames and bins, of the difference of natural-log magnitudes.

    Magnitudes are scaled so that a full-scale sine on a bin reads 1, and clamped at 1e-5 (-100 dB of full scale).

    Shape:
        - reference, decoded: [C, N], equal, N >= 1
    """
    floor = CLAMP * signal.get_window("hann", window).sum() / 2
    square, count = 0.0, 0
    for a, b in _pairs(reference, decoded, window, hop):
        square += float((np.log(np.maximum(a, floor) / np.maximum(b, floor)) ** 2).sum(dtype=np.float64))
        count += a.size
    return float(np.sqrt(square / count))


def linear_spectral_rmse(
    reference: FloatArray, decoded: FloatArray, window: int = 512, hop: int = 128
) -> tuple[float, float]:
    """Root mean square, over channels, frames and bins, of the difference of magnitudes; and its share of the whole.

    Magnitudes are unnormalised (a full-scale sine reads a quarter of the window's length), as librosa's are, so that
    the first number grows with the volume of the music. The second is divided by the root mean square of the
    reference's magnitudes and does not; it is nan where the reference is silent.

    Shape:
        - reference, decoded: [C, N], equal, N >= 1
    """
    square, whole, count = 0.0, 0.0, 0
    for a, b in _pairs(reference, decoded, window, hop):
        square += float(((a - b) ** 2).sum(dtype=np.float64))
        whole += float((a**2).sum(dtype=np.float64))
        count += a.size
    return float(np.sqrt(square / count)), float(np.sqrt(square / whole)) if whole else float("nan")


def _pairs(a: FloatArray, b: FloatArray, window: int, hop: int) -> Iterator[tuple[FloatArray, FloatArray]]:
    return zip(stft_magnitudes(a, window, hop), stft_magnitudes(b, window, hop), strict=True)
