"""Level of broad bands, and short-time loudness."""

import numpy as np

from training.metrics.bands import RANGES, RATE, Doubles, decibel, erb_bands, mean, powers
from training.metrics.spectral import FloatArray

WINDOW, HOP = 8192, 4096  # 186 ms
QUIETEST = 1e-9  # power of a band in a frame, -90 dB
LIMIT = 30.0  # dB by which one frame can be off
EXPONENT = 0.3  # of power, from intensity to loudness (S. Stevens)
SILENT = 1e-7  # power of a frame, -70 dB


def levels(reference: FloatArray, decoded: FloatArray) -> dict[str, float]:
    """Errors of level by band and of loudness.

    Returns:
        level_0k, level_2k, level_4k, level_8k: level of the decoded signal over the original's in dB for 0 to 2, 2 to
            4, 4 to 8 and 8 to 15 kHz, mean over frames of 186 ms, each limited to 30 dB; below 0 is too weak. Powers of
            the channels are added. Frames in which the original's band is below -90 dB do not count.
        loudness_error: mean absolute error of the loudness level in phon, lower is better: the loudness of a frame is
            the sum over ERB bands of power to the 0.3, and a factor of two in it is 10 phon. A gain of 3 dB gives 3.
            Frames below -70 dB do not count.

        Each is nan where no frame counts.

    Shape:
        - reference, decoded: [C, N] at 44.1 kHz, equal
    """
    a, b = (powers(x, WINDOW, HOP).sum(axis=0) for x in (reference, decoded))
    result = {}
    f = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    for name, (low, high) in {"0k": (0.0, 2000.0), **RANGES}.items():
        inside = (f >= low) & (f < high)
        wanted, got = (x[:, inside].sum(axis=1, dtype=np.float64) for x in (a, b))
        heard = wanted > QUIETEST
        error = decibel(np.maximum(got[heard], 1e-20), wanted[heard])
        result[f"level_{name}"] = mean(np.clip(error, -LIMIT, LIMIT))
    heard = a.sum(axis=1) > SILENT
    ratio = _loudness(b[heard]) / _loudness(a[heard])
    result["loudness_error"] = mean(np.abs(10 * np.log2(ratio)))
    return result


def _loudness(power: Doubles | np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Doubles:
    # [F, K] -> [F]; the constant is a band of -100 dB, and keeps silence from being infinitely soft.
    _, matrix = erb_bands(WINDOW)
    return np.asarray(((power @ matrix + 1e-10) ** EXPONENT).sum(axis=-1), np.float64)
