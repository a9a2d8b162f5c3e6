"""Zimtohrli, Google's psychoacoustic metric, through the authors' package.

J. Alakuijala et al., "Zimtohrli: An Efficient Psychoacoustic Audio Similarity Metric" (2025): a bank of resonators at
48 kHz, masking and loudness, and structural similarity of the two spectrograms, mapped to an opinion score.
"""

import numpy as np

from training.metrics.bands import RATE
from training.metrics.spectral import FloatArray
from training.metrics.visqol import resample

SHORTEST = 24000  # samples at 48 kHz; below 5000 the package writes past the end of an array


def zimtohrli_mos(reference: FloatArray, decoded: FloatArray) -> float:
    """Opinion score from 1 to 5, mean over the channels; higher is better, and a perfect copy scores 5.

    A full-scale sine counts as 80 dB SPL, the package's default. The result is nan if the reference is silent or lasts
    less than half a second, and where the package is missing, which has wheels for x86-64 alone. Even silence in
    place of the signal does not score 1: 1.8 and 2.8 were seen, so the scale is no absolute one.

    Shape:
        - reference, decoded: [C, N] at 44.1 kHz, equal
    """
    try:
        from zimtohrli import mos_from_signals
    except ModuleNotFoundError:
        return float("nan")
    a, b = (resample(np.asarray(x, np.float32), RATE, 48000) for x in (reference, decoded))
    if not a.any() or a.shape[1] < SHORTEST:
        return float("nan")
    return float(np.mean([mos_from_signals(p, q) for p, q in zip(a, b, strict=True)]))
