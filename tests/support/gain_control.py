"""Sounds that gain control is for, and the decoder's part of it one sample at a time."""

import numpy as np
from numpy.typing import NDArray

from codec.dsp.gain_control import InverseGainControl
from formats.grid import SAMPLE_RATE
from tests.support.codec import Array


def hits(*onsets: int, samples: int, quiet: float = 3e-4, seed: int = 0) -> Array:
    """Mid and side [2, N]: faint noise, and from every onset on 20 ms of loud noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, samples)) * quiet
    for onset in onsets:
        part = x[:, onset : onset + 882]
        part += rng.uniform(-0.5, 0.5, part.shape)
    return np.asarray(x, np.float32)


def tone(frequency: float, samples: int, amplitude: float = 1.0) -> Array:
    """A steady tone in mid, a quarter of it in side [2, N]."""
    wave = amplitude * np.sin(2 * np.pi * frequency / SAMPLE_RATE * np.arange(samples) + 1)
    return np.stack([wave, wave / 4]).astype(np.float32)


def slow_lowpass(samples: list[float], before: float) -> list[float]:
    """SPEC.md's recursion, one sample at a time."""
    out = []
    for sample in samples:
        before = before + (sample - before) / 64
        out.append(before)
    return out


def slow_gain(blocks: int, exponent: int, i: int) -> float:
    """SPEC.md's g[i]."""
    r = max(1, min(60, blocks - 1))
    return float(2 ** (-exponent / 2 * min(1, (i + 0.5) / (50 * r), (50 * blocks - i - 0.5) / 50)))


def slow_shelf(y: Array, blocks: int, exponent: int) -> NDArray[np.float64]:
    """What a stretch becomes in the decoder, [C, 50 blocks], one sample at a time in SPEC.md's words."""
    channels = y.astype(float).tolist()
    lows = [slow_lowpass(channel, channel[0]) for channel in channels]
    g = [slow_gain(blocks, exponent, i) for i in range(50 * blocks)]
    return np.array(
        [[lo + a * (v - lo) for v, lo, a in zip(c, low, g, strict=True)] for c, low in zip(channels, lows, strict=True)]
    )


def shelved(y: Array, stretches: list[tuple[int, int, int]], sizes: list[int] | None = None) -> Array:
    """The stream [C, N] behind the decoder's gain control, in blocks of these sizes, over and over."""
    inverse, position, parts = InverseGainControl(0), 0, []
    inverse.add(0, np.array(stretches, np.int64).reshape(-1, 3))
    sizes = sizes or [y.shape[1]]
    while position < y.shape[1]:
        size = sizes[len(parts) % len(sizes)]
        parts.append(inverse.apply(y[:, position : position + size].copy()))
        position += size
    return np.concatenate(parts, 1)


def rumble(samples: int, seed: int = 0) -> Array:
    """Two channels of noise and loud bass, the second one fainter, none of which begins at zero."""
    noise = np.random.default_rng(seed).standard_normal((2, samples)) * 0.02
    return np.asarray(noise + tone(37, samples, 0.8) + [[0.1], [0]], np.float32)
