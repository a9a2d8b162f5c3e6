"""Tonal peaks of tones that are moved, weakened, left out and covered."""

import numpy as np
import pytest

from tests.support.signals import RATE, noise
from training.metrics.tonal_peaks import HOP, WINDOW, tonal_peaks

BIN = RATE / WINDOW
TONES = tuple(float(hertz) for hertz in range(2200, 14800, 600))


def tones(frequencies: tuple[float, ...] = TONES, shift: float = 0.0, level: float = 0.02) -> np.ndarray:
    n = np.arange(2 * RATE)
    x = sum(np.sin(2 * np.pi * (hertz + shift) * n / RATE + i) for i, hertz in enumerate(frequencies))
    return (level * x)[None].astype(np.float32)


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    return tones() + noise(2, 1, level=1e-4)


def kept(reference: np.ndarray, decoded: np.ndarray) -> list[float]:
    return list(tonal_peaks(reference, decoded).values())


def test_level_and_place_may_change_a_little(reference: np.ndarray) -> None:
    assert kept(reference, reference) == [1, 1, 1]
    for decibel, expected in ((5.5, 1), (-5.5, 1), (6.5, 0), (-6.5, 0)):
        moved = reference * np.float32(10 ** (decibel / 20))
        assert kept(reference, moved) == [expected] * 3
    assert kept(reference, tones(shift=0.6 * BIN)) == pytest.approx([1, 1, 1], abs=0.15)
    assert kept(reference, tones(shift=3 * BIN)) == [0, 0, 0]


def test_missing_tones_are_counted_one_by_one(reference: np.ndarray) -> None:
    half = tonal_peaks(reference, tones(TONES[::2]) + noise(2, 1, level=1e-4, seed=1))
    for name, (low, high) in {"peaks_2k": (2000, 4000), "peaks_4k": (4000, 8000), "peaks_8k": (8000, 15000)}.items():
        inside = [hertz for hertz in TONES if low <= hertz < high]
        expected = sum(hertz in TONES[::2] for hertz in inside) / len(inside)
        assert half[name] == pytest.approx(expected, abs=0.02)


def test_noise_between_tones_counts_when_it_is_heard(reference: np.ndarray) -> None:
    shares = [kept(reference, reference + noise(2, 1, level=level, seed=1))[1] for level in (3e-4, 0.03, 0.1)]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[2] < 0.3


def test_noise_has_no_peaks_and_neither_has_what_is_not_heard(reference: np.ndarray) -> None:
    x = noise(2)
    assert np.isnan(kept(x, x)).all()
    assert np.isnan(kept(1e-3 * tones(), reference)).all()
    loud = np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE)[None].astype(np.float32)
    masked = (loud + 0.03 * tones()).astype(np.float32)
    assert np.isnan(kept(masked, masked)).all()


def test_blips_are_no_tones(reference: np.ndarray) -> None:
    gate = (np.arange(2 * RATE) % (8 * HOP)) < HOP // 2
    blips = (tones() * gate + noise(2, 1, level=1e-3)).astype(np.float32)
    steady = tonal_peaks(reference, reference)
    assert steady["peaks_4k"] == 1
    few = blips[:, : 20 * HOP]
    assert np.isnan(kept(few, few)[0])
