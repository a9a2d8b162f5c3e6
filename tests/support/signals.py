"""Signals and slow transforms for tests of metrics."""

import io

import numpy as np
import soundfile
import soxr
from scipy import ndimage, signal

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


def ensemble(seconds: float = 2.2, seed: int = 0) -> np.ndarray:
    """Stereo music for tests of the panel: steady partials up to 15 kHz, hits of noise every quarter second, soft hiss.

    Partials are spread over the stage, hits are on one side each.
    """
    rng = np.random.default_rng(seed)
    n = np.arange(int(seconds * RATE))
    x = rng.standard_normal((2, n.size)) * 0.0003
    for k, hertz in enumerate(np.arange(220.0, 15000.0, 331.0)):
        pan = rng.uniform(0.2, 0.98)
        swell = 1 + 0.4 * np.sin(2 * np.pi * rng.uniform(3, 60) * n / RATE + k)
        tone = 0.05 / (1 + k / 4) * swell * np.sin(2 * np.pi * hertz * n / RATE + rng.uniform(0, 6))
        x += np.outer([pan, np.sqrt(1 - pan**2)], tone)
    for i, start in enumerate(range(RATE // 5, n.size, RATE // 4)):
        length = min(8000, n.size - start)
        hit = rng.standard_normal(length) * 0.3 * np.exp(-np.arange(length) / 600)
        x[i % 2, start : start + length] += hit
        x[1 - i % 2, start : start + length] += 0.3 * hit
    return (x / 3).astype(np.float32)


def opus(x: np.ndarray, level: float) -> np.ndarray:
    """[C, N] through libsndfile's Opus; 0 is the highest rate and 1 the lowest."""
    file = io.BytesIO()
    soundfile.write(file, soxr.resample(x.T, RATE, 48000), 48000, "OPUS", format="OGG", compression_level=level)
    file.seek(0)
    found = soxr.resample(soundfile.read(file, dtype="float32", always_2d=True)[0], 48000, RATE).T[:, : x.shape[1]]
    return np.pad(found, ((0, 0), (0, x.shape[1] - found.shape[1]))).astype(np.float32)


def shaped_noise(x: np.ndarray, above: float, seed: int = 0) -> np.ndarray:
    """`x` with noise of the same smoothed spectrum in place of what lies above a frequency."""
    rng = np.random.default_rng(seed)
    hertz, _, wanted = signal.stft(x, RATE, nperseg=1024)
    power = ndimage.uniform_filter(np.abs(wanted) ** 2, (0, 9, 9))
    hiss = signal.stft(rng.standard_normal(x.shape), RATE, nperseg=1024)[2]
    hiss *= np.sqrt(power / ndimage.uniform_filter(np.abs(hiss) ** 2, (0, 9, 9)))
    high = hertz > above
    wanted[:, high] = hiss[:, high]
    return signal.istft(wanted, RATE, nperseg=1024)[1][:, : x.shape[1]].astype(np.float32)


def holes(x: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """`x` without a random share of the bins of its short-time spectrum."""
    _, _, bins = signal.stft(x, RATE, nperseg=1024)
    kept = bins * (np.random.default_rng(seed).random(bins.shape) >= share)
    return signal.istft(kept, RATE, nperseg=1024)[1][:, : x.shape[1]].astype(np.float32)
