"""What the metrics of the panel share: the check of their arguments, spectra in blocks, and bands of the ear.

Bands follow the equivalent rectangular bandwidth (ERB) of B. Glasberg and B. Moore, "Derivation of auditory filter
shapes from notched-noise data", Hearing Research 47 (1990): 24.7 Hz + 0.108 f, and the scale that counts them.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from formats.errors import UsageError
from training.metrics.spectral import FloatArray

Doubles = npt.NDArray[np.float64]

RATE = 44100
TOP = 15000.0  # Hz, the end of the highest band
RANGES = {"2k": (2000.0, 4000.0), "4k": (4000.0, 8000.0), "8k": (8000.0, TOP)}
"""Bands in Hz by the suffix that metrics' names have."""


def check_pair(reference: FloatArray, decoded: FloatArray) -> None:
    """Refuse what no metric can compare.

    Shape:
        - reference, decoded: [C, N], C 1 or 2, equal

    Raises:
        UsageError: unequal or empty shapes.
    """
    if reference.shape != decoded.shape or reference.ndim != 2 or not 1 <= len(reference) <= 2 or not reference.size:
        raise UsageError(f"metrics need two equal [C, N] arrays, got {reference.shape} and {decoded.shape}")


def spectra(x: FloatArray, window: int, hop: int) -> npt.NDArray[np.complex64]:
    """Short-time spectra of whole frames, scaled so that a full-scale sine on a bin reads 1; short signals are padded.

    Shape:
        - x: [C, N]
        -> [C, F, window // 2 + 1], F = 1 + (N - window) // hop, at least 1
    """
    shape = signal.get_window("hann", window)
    padded = np.pad(np.asarray(x, np.float32), ((0, 0), (0, max(0, window - x.shape[1]))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)[:, ::hop]
    scaled = (shape * 2 / shape.sum()).astype(np.float32)
    return np.asarray(fft.rfft(frames * scaled, axis=-1), np.complex64)


def powers(x: FloatArray, window: int, hop: int) -> npt.NDArray[np.float32]:
    """Squared magnitudes of `spectra`, scaled so that their sum over bins is the mean square of white noise.

    Shape:
        - x: [C, N]
        -> [C, F, window // 2 + 1]
    """
    found = spectra(x, window, hop)
    # A Hann window's equivalent noise bandwidth is 1.5 bins; the mean square of a sine of amplitude 1 is a half.
    return np.asarray((found.real**2 + found.imag**2) / 3, np.float32)


def erb_scale(hertz: Doubles | float) -> Doubles:
    """Number of ERBs below a frequency."""
    return np.asarray(21.4 * np.log10(1 + 0.00437 * np.asarray(hertz)))


def erb_inverse(number: Doubles) -> Doubles:
    """Frequency in Hz of a number of ERBs."""
    return np.asarray((10 ** (number / 21.4) - 1) / 0.00437)


@lru_cache(maxsize=8)
def erb_bands(window: int, low: float = 50.0, high: float = TOP) -> tuple[Doubles, npt.NDArray[np.float32]]:
    """Centres of bands one ERB wide, and the bins of an FFT of `window` in each; bands without a bin are left out.

    Shape:
        -> [B] Hz, [window // 2 + 1, B] of 0 and 1
    """
    first, last = (float(erb_scale(f)) for f in (low, high))
    edges = erb_inverse(np.linspace(first, last, round(last - first) + 1))
    f = np.arange(window // 2 + 1)[:, None] * RATE / window
    inside = (f >= edges[:-1]) & (f < edges[1:])
    kept = inside.any(axis=0)
    centres = erb_inverse((erb_scale(edges[:-1]) + erb_scale(edges[1:])) / 2)
    return centres[kept], inside[:, kept].astype(np.float32)


def decibel(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Doubles:
    """Ratio of two powers in dB, of which neither is 0."""
    return np.asarray(10 * np.log10(np.asarray(a, np.float64) / np.asarray(b, np.float64)))


def mean(values: npt.NDArray[np.floating]) -> float:
    """Mean of all values, nan without any."""
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")
