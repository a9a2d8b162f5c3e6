"""Level difference and coherence between the channels, by auditory band: where sounds are heard, and how wide."""

import numpy as np
import numpy.typing as npt

from training.metrics.bands import Doubles, decibel, erb_bands, spectra
from training.metrics.spectral import FloatArray

WINDOW, HOP = 1024, 512  # 23 ms
FRAMES = 4  # taken together, 58 ms in all, because the coherence of a single bin is always 1
LIMIT = 20.0  # dB, beyond which a sound is on one side
QUIETEST = 1e-8  # squared amplitude of a band, -80 dB, below which nothing counts
EXPONENT = 0.3  # of power, from intensity to loudness
FLOOR = 1e-12


def interaural(reference: FloatArray, decoded: FloatArray) -> dict[str, float]:
    """Mean absolute errors of the differences between the channels, lower is better; nan for mono.

    Returns:
        ild_error: of the interaural level difference in dB, each limited to -20 ... 20.
        coherence_error: of the interaural coherence |<L R*>| / sqrt(<|L|^2> <|R|^2>), 0 to 1.

        Both over bands of one ERB up to 15 kHz and stretches of 58 ms, weighted by the original's power to the 0.3.
        Both are nan if the original is silent.

    Shape:
        - reference, decoded: [C, N] at 44.1 kHz, equal
    """
    nothing = {"ild_error": float("nan"), "coherence_error": float("nan")}
    if len(reference) == 1:
        return nothing
    (total, ild, coherence), (_, other_ild, other_coherence) = (_cues(x) for x in (reference, decoded))
    weight = np.where(total > QUIETEST, total**EXPONENT, 0)
    if not weight.any():
        return nothing
    return {
        "ild_error": float(np.average(np.abs(ild - other_ild), weights=weight)),
        "coherence_error": float(np.average(np.abs(coherence - other_coherence), weights=weight)),
    }


def _cues(x: FloatArray) -> tuple[Doubles, Doubles, Doubles]:
    # Power, level difference in dB and coherence: [S, B] each.
    left, right = spectra(x, WINDOW, HOP)
    p, q = (_pooled(c.real**2 + c.imag**2) for c in (left, right))
    cross = left * right.conj()
    size = np.hypot(_pooled(cross.real), _pooled(cross.imag))
    ild = np.clip(decibel(p + FLOOR, q + FLOOR), -LIMIT, LIMIT)
    return p + q, ild, np.minimum(size / np.sqrt(p * q + FLOOR**2), 1)


def _pooled(x: npt.NDArray[np.float32]) -> Doubles:
    # Sums over the bins of each band and four frames: [F, K] -> [S, B].
    _, matrix = erb_bands(WINDOW)
    bands = (x @ matrix).astype(np.float64)
    padded = np.pad(bands, ((0, -len(bands) % FRAMES), (0, 0)))
    return np.asarray(padded.reshape(-1, FRAMES, bands.shape[1]).sum(axis=1))
