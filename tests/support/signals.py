"""Signals and slow transforms for tests of metrics."""

import numpy as np
from scipy import signal

RATE = 44100


def noise(seconds: float = 1.0, channels: int = 2, level: float = 0.1, seed: int = 0) -> np.ndarray:
    count = int(seconds * RATE)
    return (np.random.default_rng(seed).standard_normal((channels, count)) * level).astype(np.float32)


def low_pass(x: np.ndarray, hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(x, axis=1)
    spectrum[:, np.fft.rfftfreq(x.shape[1], 1 / RATE) > hz] = 0
    return np.fft.irfft(spectrum, x.shape[1], axis=1).astype(np.float32)


def slow_magnitudes(x: np.ndarray, window: int, hop: int) -> np.ndarray:
    """[F, bins] of one channel, one frame at a time, by the definition of the DFT."""
    half = window // 2
    padded = np.concatenate([x[half:0:-1], x, x[-2 : -half - 2 : -1]]).astype(np.float64)
    n = np.arange(window)
    hann = np.sin(np.pi * n / window) ** 2
    dft = np.exp(-2j * np.pi * np.outer(np.arange(half + 1), n) / window)
    return np.array([np.abs(dft @ (hann * padded[i * hop : i * hop + window])) for i in range(len(x) // hop + 1)])


def slow_filterbank(window: int, mels: int) -> np.ndarray:
    """[bins, mels] by Slaney's two-part scale, one bin and one triangle at a time."""

    def to_hz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    top = 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4)
    edges = [to_hz(top * i / (mels + 1)) for i in range(mels + 2)]
    bank = np.zeros((window // 2 + 1, mels))
    for bin_ in range(window // 2 + 1):
        hz = bin_ * RATE / window
        for mel in range(mels):
            low, mid, high = edges[mel : mel + 3]
            if low < hz <= mid:
                bank[bin_, mel] = (hz - low) / (mid - low)
            elif mid < hz < high:
                bank[bin_, mel] = (high - hz) / (high - mid)
            bank[bin_, mel] *= 2 / (high - low)
    return bank


def twin_rmse(reference: np.ndarray, decoded: np.ndarray, rate: int, window: int, hop: int) -> float:
    """Log-spectral RMSE by SciPy's short-time transform, which scales and extends edges by itself."""
    logs = []
    for x in (reference, decoded):
        _, _, z = signal.stft(
            x.astype(np.float64), rate, "hann", window, window - hop, boundary="even", padded=False, scaling="spectrum"
        )
        logs.append(np.log(np.maximum(2 * np.abs(z), 1e-5)))  # 2: a real sine of amplitude 1 has two lines of a half
    return float(np.sqrt(np.mean((logs[0] - logs[1]) ** 2)))
