"""Calibration: what was distorted is undone, and answers that are not worth giving are left out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.inspection.genre import softmax
from training.genre import calibration


def drawn(count: int = 4000, classes: int = 4) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits [N, C] and labels drawn with their probabilities."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (count, classes))
    return logits, np.asarray((softmax(logits).cumsum(1) > rng.random((count, 1))).argmax(1), np.int64)


def test_what_logits_were_multiplied_by_and_shifted_by_is_undone() -> None:
    logits, labels = drawn()
    bias = np.array([1.0, 0.0, -0.5, -0.5])
    found = calibration.calibrate(3 * (logits - bias), labels, 1.0)
    assert found.temperature == pytest.approx(3, rel=0.15)
    np.testing.assert_allclose(found.bias - found.bias.mean(), bias, atol=0.15)
    np.testing.assert_allclose(softmax(found(3 * (logits - bias))), softmax(logits), atol=0.08)


def test_few_songs_move_the_bias_little_and_the_temperature_stays_in_bounds() -> None:
    logits, labels = drawn(20)
    free, held = (calibration.calibrate(logits, labels, shrinkage) for shrinkage in (0.01, 100.0))
    assert np.abs(held.bias).max() < 0.1 < np.abs(free.bias).max()
    sure = calibration.calibrate(np.eye(3) * 0.1, np.arange(3), 1.0)  # always right: as sharp as it may be
    assert sure.temperature == pytest.approx(2**-calibration.SHARPEST)
    assert np.isfinite(sure.bias).all()


def test_the_limit_is_the_lowest_from_which_on_enough_is_right() -> None:
    chances = np.array([0.9, 0.8, 0.8, 0.6, 0.5, 0.4])
    right = np.array([True, True, False, True, False, False])
    assert calibration.certain_from(chances, right, 0.7) == 0.6  # 3 of 4; at 0.8 it is 2 of 3
    assert calibration.certain_from(chances, right, 0.8) == 0.9
    assert calibration.certain_from(chances, ~right, 0.8) == 1.0
    assert calibration.certain_from(chances, right, 0.1) == 0.4


def test_the_limit_counts_answers_as_often_as_it_is_told() -> None:
    chances, right = np.array([0.9, 0.8, 0.7]), np.array([True, False, True])
    assert calibration.certain_from(chances, right, 0.6) == 0.7
    assert calibration.certain_from(chances, right, 0.6, np.array([1.0, 3.0, 1.0])) == 0.9


def test_kinds_of_music_count_the_same_however_many_songs_they_have() -> None:
    logits, labels = drawn()
    wrong = np.asarray((softmax(logits / 4).cumsum(1) > np.random.default_rng(1).random((len(labels), 1))).argmax(1))
    one, other = calibration.temperature([(logits, labels)]), calibration.temperature([(logits, wrong)])
    assert one == pytest.approx(1, rel=0.1) and other == pytest.approx(4, rel=0.2)
    both = calibration.temperature([(logits, labels), (logits[:1000], wrong[:1000])])
    assert both == pytest.approx(calibration.temperature([(logits, labels), (logits, wrong)]), rel=0.05)
    assert one < both < other


def test_what_is_flatter_answers_the_same() -> None:
    logits, _ = drawn(50)
    bias = np.array([1.0, 0.0, -0.5, -0.5])
    found = calibration.Calibration(2.0, bias)
    np.testing.assert_allclose(found.flatter(3.0)(logits), found(logits) / 3)
