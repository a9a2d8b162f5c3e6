"""Differences between channels against closed forms."""

import numpy as np
import pytest

from tests.support.signals import low_pass, noise
from training.metrics.interaural import interaural


@pytest.mark.parametrize("decibel", [-5.0, 8.0])
def test_a_louder_side_is_off_by_its_gain(decibel: float) -> None:
    x = np.repeat(noise(1, 1), 2, axis=0)
    y = x * np.array([[10 ** (decibel / 20)], [1]], np.float32)
    result = interaural(x, y)
    assert result["ild_error"] == pytest.approx(abs(decibel), abs=0.01)
    assert result["coherence_error"] == pytest.approx(0, abs=1e-5)


def test_a_side_that_is_lost_is_20_db_off() -> None:
    x = np.repeat(noise(1, 1), 2, axis=0)
    result = interaural(x, x * np.array([[1], [0]], np.float32))
    assert result["ild_error"] == pytest.approx(20, abs=1e-6)
    assert result["coherence_error"] == pytest.approx(1, abs=1e-4)


def test_coherence_of_mixed_noise() -> None:
    common, own = noise(2, 1), noise(2, seed=1)
    errors = []
    for share in (0.0, 0.3, 0.7, 1.0):
        mixed = (np.sqrt(share) * common + np.sqrt(1 - share) * own).astype(np.float32)
        errors.append(interaural(np.repeat(common, 2, axis=0), mixed)["coherence_error"])
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == pytest.approx(0, abs=1e-5)
    # Bands of at least one bin over four frames: even independent noise has some coherence by chance.
    assert 0.5 < errors[0] < 0.9


def test_what_is_not_heard_does_not_count() -> None:
    x = noise(1)
    assert all(np.isnan(value) for value in interaural(1e-5 * x, x).values())
    assert all(np.isnan(value) for value in interaural(x[:1], x[:1]).values())
    low = low_pass(x, 4000)
    hiss = low + 1e-6 * noise(1, seed=2)
    assert interaural(low, hiss.astype(np.float32))["ild_error"] < 0.05
