"""Synthesized training items: gliding tones, struck bars, bursts and clicks after silence.

Recorded music contains hardly any of these alone, and a network that was not trained on them puts noise between the
partials of a pure tone. The stress signals of `training.evaluation.stress` are of the same kinds; these are random.
"""

import numpy as np
import numpy.typing as npt
from scipy import signal

from formats.grid import SAMPLE_RATE

Doubles = npt.NDArray[np.float64]


def band(x: Doubles, centre: float, width: float) -> Doubles:
    """Samples [N] through a band-pass filter of `width` Hz around `centre`."""
    edges = [max(20.0, centre - width / 2), min(0.49 * SAMPLE_RATE, centre + width / 2)]
    # Forwards only: a filter run both ways would ring before the transient that it shapes.
    return np.asarray(signal.sosfilt(signal.butter(2, edges, "bandpass", fs=SAMPLE_RATE, output="sos"), x))


def glide(rng: np.random.Generator, t: Doubles) -> Doubles:
    """A sine or the harmonics of one, from one pitch to another by a constant ratio a second, or with vibrato."""
    start = 2 ** rng.uniform(5, 14)
    ratio = 2 ** rng.uniform(-0.7, 0.7) if rng.random() < 0.6 else 1.0
    vibrato = rng.uniform(0, 0.01) * rng.integers(0, 2) * np.sin(2 * np.pi * rng.uniform(4, 7) * t)
    pitch = start * ratio**t * (1 + vibrato)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    partials = range(1, 1 + (1 if rng.random() < 0.5 else int(rng.integers(2, 24))))
    slope = rng.uniform(0.5, 2)
    # A partial ends where it would pass the highest frequency.
    return np.asarray(sum(np.sin(k * phase) * (k * pitch < 20000) / k**slope for k in partials))


def bar(rng: np.random.Generator, t: Doubles) -> Doubles:
    """A struck bar or string: partials at fixed ratios, the higher ones dying sooner."""
    pitch, stretch = 2 ** rng.uniform(7, 12), rng.uniform(1, 1.8)
    ratios = [r for r in np.arange(1, 9) ** stretch if pitch * r < 20000][: int(rng.integers(1, 6))]
    decay = rng.uniform(1, 12)
    struck = sum(np.sin(2 * np.pi * pitch * r * t) * np.exp(-t * decay * r) / r for r in ratios)
    return np.asarray(struck) * np.minimum(1.0, t / 0.0003)


def burst(rng: np.random.Generator, t: Doubles) -> Doubles:
    """Noise through one resonance, dying within 3 to 100 ms."""
    centre = 2 ** rng.uniform(8, 13.5)
    low, high = centre * 2 ** -rng.uniform(0.2, 1), centre * 2 ** rng.uniform(0.2, 1)
    noise = band(rng.standard_normal(t.size), (low + high) / 2, high - low)
    return noise * np.exp(-t * rng.uniform(30, 400))


def click(rng: np.random.Generator, t: Doubles) -> Doubles:
    """Up to a millisecond of a sine, or one sample."""
    length = 1 if rng.random() < 0.5 else int(rng.integers(2, 44))
    return np.where(np.arange(t.size) < length, np.cos(2 * np.pi * rng.uniform(0, 8000) * t), 0.0)


def synthesized(rng: np.random.Generator, length: int) -> npt.NDArray[np.float32]:
    """One piece of random loudness: [2, length] in [-1, 1]; half of them over faint noise."""
    out, t = np.zeros((2, length)), np.arange(length) / SAMPLE_RATE
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 4))):
            out += _pan(rng) * glide(rng, t)
    else:
        kinds = [(bar,), (burst,), (click,), (bar, burst, click)][int(rng.integers(0, 4))]
        onset = 0.0
        while (onset := onset + rng.uniform(0.03, 0.6)) < length / SAMPLE_RATE:
            start = int(onset * SAMPLE_RATE)
            kind = kinds[int(rng.integers(0, len(kinds)))]
            out[:, start:] += _pan(rng) * rng.uniform(0.1, 1) * kind(rng, t[: length - start])
    out *= 10 ** (rng.uniform(-20, -1) / 20) / max(1e-9, np.abs(out).max())
    if rng.random() < 0.5:
        out += 10 ** rng.uniform(-5, -2.5) * rng.standard_normal((2, length))
    return np.clip(out, -1, 1).astype(np.float32)


def _pan(rng: np.random.Generator) -> Doubles:
    """Gains of left and right: [2, 1]; one in five with opposite signs."""
    angle = rng.uniform(0, np.pi / 2)
    return np.array([[np.cos(angle)], [np.sin(angle) * rng.choice([1, 1, 1, 1, -1])]])
