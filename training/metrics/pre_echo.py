"""Pre-echo: energy that a codec leaves before transients whose onsets are known.

The quiet just before an onset is where the quantization noise that a transform codec spreads over its window is heard
best. `training.evaluation.clips` finds the onsets in a folder's manifest.csv.
"""

from collections.abc import Sequence

import numpy as np

from training.metrics.spectral import FloatArray

BEFORE = (0.025, 0.001)  # seconds before an onset, between which pre-echo is measured
AFTER = 0.02  # seconds after an onset, whose energy is that of the transient
FLOOR = -100.0  # dB


def pre_echo(reference: FloatArray, decoded: FloatArray, onsets: Sequence[float], rate: int = 44100) -> float:
    """Mean power from 25 to 1 ms before the onsets in dB of the original's mean power in the 20 ms after them.

    Ratios are averaged over the onsets before the logarithm; the result is at least -100. Onsets less than 25 ms from
    either end, or followed by silence, do not count; the result is nan if none counts. With the original as `decoded`
    it is the amount that belongs there.

    Shape:
        - reference, decoded: [C, N], equal
    """
    ratios = []
    for onset in onsets:
        start, stop, end = (round((onset + shift) * rate) for shift in (-BEFORE[0], -BEFORE[1], AFTER))
        first = round(onset * rate)
        if start < 0 or end > reference.shape[1]:
            continue
        transient = float((reference[:, first:end].astype(np.float64) ** 2).mean())
        if transient > 0:
            ratios.append(float((decoded[:, start:stop].astype(np.float64) ** 2).mean()) / transient)
    if not ratios:
        return float("nan")
    return max(FLOOR, float(10 * np.log10(np.mean(ratios) + 1e-30)))
