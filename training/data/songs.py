"""Synthesized music for tests and their tiny models: decaying chords, drums and hiss, panned."""

import numpy as np
from numpy.typing import NDArray

from formats.grid import SAMPLE_RATE

_BEAT = 0.35  # seconds
_CHORDS = ((0, 4, 7, 11), (9, 12, 16, 19), (5, 9, 12, 16), (7, 11, 14, 17))  # semitones over 110 Hz


def song(seconds: float, rate: int = SAMPLE_RATE, channels: int = 2, seed: int = 0) -> NDArray[np.float32]:
    """`seconds` of music-like audio, [C, N] in [-0.9, 0.9], N = round(seconds rate); a seed names its song."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * rate)
    out = rng.standard_normal((channels, samples)) * 0.002
    pitches = sorted({note for chord in _CHORDS for note in chord})
    strings = {note: _string(110 * 2 ** (note / 12) * (1 + seed % 5 / 7), rate, rng) for note in pitches}
    for beat in range(int(seconds / _BEAT) + 1):
        start = round(beat * _BEAT * rate)
        if beat % 4 == 0:
            for note in _CHORDS[beat // 4 % 4]:
                _add(out, start, strings[note], rng.uniform(0.1, 1))
        length = int(0.1 * rate)
        hit = rng.standard_normal(length) * np.exp(-np.arange(length) / rate * rng.uniform(30, 90)) * 0.1
        _add(out, start, hit, rng.uniform(0.3, 0.7))
        if beat % 2 == 0:
            t = np.arange(int(0.25 * rate)) / rate
            _add(out, start, 0.5 * np.sin(2 * np.pi * 55 * t * (1 + np.exp(-t * 40))) * np.exp(-t * 14), 0.5)
    return np.asarray(out * (0.9 / max(1.0, np.abs(out).max(initial=0))), np.float32)


def _string(pitch: float, rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Partials k of amplitude 0.15 / k that decay by exp(-t (1 + k / 2)): powers of one decaying oscillation."""
    t = np.arange(int(1.4 * rate)) / rate
    partials = [k for k in range(1, 20) if k * pitch < 0.45 * rate]
    phases = rng.uniform(0, 2 * np.pi, len(partials))
    oscillation = np.exp((2j * np.pi * pitch - 0.5) * t)
    out = np.zeros(len(t), np.complex128)
    for k, phase in zip(reversed(partials), reversed(phases), strict=True):
        out += 0.15 / k * np.exp(1j * phase)
        out *= oscillation
    return np.asarray(out.imag * np.exp(-t))


def _add(out: NDArray[np.float64], start: int, sound: NDArray[np.float64], pan: float) -> None:
    """Mix a sound in from `start` on, `pan` of it right."""
    piece = sound[: max(0, out.shape[1] - start)]
    gains = np.array([[1 - pan], [pan]]) * 2 if len(out) == 2 else np.ones((1, 1))
    out[:, start : start + len(piece)] += gains * piece
