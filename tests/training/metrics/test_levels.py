"""Levels and loudness against gains that are known."""

import numpy as np
import pytest

from tests.support.signals import RATE, low_pass, noise
from training.metrics.bands import powers
from training.metrics.levels import levels

EDGES = {"level_0k": (0, 2000), "level_2k": (2000, 4000), "level_4k": (4000, 8000), "level_8k": (8000, 15000)}


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("decibel", [-4.0, 2.0])
def test_gain_of_one_band(name: str, decibel: float) -> None:
    x = noise(1)
    low, high = EDGES[name]
    band = low_pass(x, high) - (low_pass(x, low) if low else 0)
    result = levels(x, (x + (10 ** (decibel / 20) - 1) * band).astype(np.float32))
    for other in EDGES:
        assert result[other] == pytest.approx(decibel if other == name else 0, abs=0.06), other


@pytest.mark.parametrize("decibel", [-10.0, 3.0])
def test_loudness_doubles_with_ten_decibels(decibel: float) -> None:
    x = noise(1)
    gain = np.float32(10 ** (decibel / 20))
    assert levels(x, gain * x)["loudness_error"] == pytest.approx(abs(decibel) * np.log2(10**0.3), rel=1e-3)


def test_levels_are_means_over_time_and_loudness_errors_do_not_cancel() -> None:
    x = noise(2)
    swinging = x.copy()
    swinging[:, :RATE] *= np.float32(10**0.15)
    swinging[:, RATE:] *= np.float32(10**-0.15)
    result = levels(x, swinging)
    assert result["level_2k"] == pytest.approx(0, abs=0.2)
    assert result["loudness_error"] == pytest.approx(2.99, abs=0.2)


def test_silence_does_not_count() -> None:
    x = noise(2)
    x[:, RATE:] = 0
    added = x + noise(2, level=1e-6, seed=1)
    result = levels(x, added.astype(np.float32))
    assert abs(result["level_8k"]) < 0.01
    assert result["loudness_error"] < 0.01
    assert np.isnan(levels(low_pass(x, 3000), x)["level_8k"])
    assert levels(x, 0 * x)["level_8k"] == -30


def test_power_of_noise_and_of_a_sine_is_their_mean_square() -> None:
    x = noise(2, 1)
    assert powers(x, 8192, 4096).sum(axis=-1).mean() == pytest.approx((x**2).mean(), rel=0.03)
    sine = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)[None]
    assert powers(sine, 8192, 4096).sum(axis=-1).mean() == pytest.approx(0.5, rel=1e-3)
