"""A synthesized song, for `aez demo`, for benchmarks and for users without music at hand."""

from collections.abc import Iterator

import numpy as np

from codec.dsp.mdct import Float
from formats.grid import SAMPLE_RATE

BAR = 2 * SAMPLE_RATE
"""Samples of a bar of four beats, at 120 beats per minute."""

ROOTS = (110.0, 87.3, 130.8, 98.0)
"""Root notes of the chords, Hz: A, F, C, G."""


def song(seconds: float) -> Iterator[Float]:
    """Chords that change every two seconds, kick and hi-hat, a moving stereo image; the same in every run.

    Yields:
        float32 blocks [2, N] at 44.1 kHz, `seconds` in all, full scale at +-1.
    """
    rng = np.random.default_rng(1)
    total = round(seconds * SAMPLE_RATE)
    n = np.arange(BAR) / SAMPLE_RATE
    for bar in range(-(-total // BAR)):
        root = ROOTS[bar % 4]
        pluck = np.exp(-(n % 0.5) * 4)[:, None] * 0.3 + 0.7
        chord = sum(np.sin(2 * np.pi * root * k * n + k * k) / k**1.3 for k in (1, 2, 2.5, 3, 4, 5, 6, 8, 10, 12))
        pan = 0.5 + 0.4 * np.sin(bar)
        hat = rng.standard_normal((BAR, 2)) * np.exp(-(n % 0.25) * 30)[:, None] * 0.2
        kick = np.sin(2 * np.pi * 55 * n) * np.exp(-(n % 0.5) * 12) * 0.3
        block = np.outer(np.asarray(chord) * 0.1, (pan, 1 - pan)) * pluck + hat + kick[:, None]
        yield np.clip(block[: total - bar * BAR], -1, 1).T.astype(np.float32)
