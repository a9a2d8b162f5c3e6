"""Scores of classifiers by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.genre_songs import CLASSES
from training.genre import score
from training.genre.score import Judged


def logits(classes: list[list[int]]) -> NDArray[np.float64]:
    """Logits [1, songs, 5, 3] that say these classes for the segments."""
    return np.asarray(np.eye(CLASSES)[np.array(classes)][None])


def test_votes_and_means() -> None:
    given = logits([[0, 0, 0, 1, 1], [2, 2, 1, 1, 0], [2, 2, 2, 2, 2]])
    given[0, 0, 3:] *= 9  # two loud segments outweigh three in the mean, not in the vote
    given[0, 1, 2:4] *= 2  # a tied vote goes to the higher mean
    judged = Judged(given, np.array([0, 1, 2]), list("xyz"))
    assert judged.by_vote.tolist() == [[0, 1, 2]]
    assert judged.by_mean.tolist() == [[1, 1, 2]]


def test_intervals() -> None:
    artists = [str(number) for number in range(200)]
    right = (np.arange(200) % 2).astype(float)
    low, high = score.interval(right, artists)
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.5 / 200**0.5, 0.5 + 1.96 * 0.5 / 200**0.5), abs=0.012)
    assert score.interval(np.ones(9), artists[:9]) == (1, 1)
    grouped = score.interval(np.sort(right), [str(number // 20) for number in range(200)])
    assert grouped[1] - grouped[0] > 2 * (high - low)  # songs of an artist are right and wrong together


def test_precision_recall_and_confusion() -> None:
    judged = Judged(logits([[0] * 5, [0] * 5, [1] * 5, [1] * 5]), np.array([0, 1, 1, 2]), list("wxyz"))
    matrix = score.confusion(judged)
    assert matrix.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
    rows = score.per_class(matrix, "abc")
    assert [row["precision"] for row in rows] == [0.5, 0.5, None]
    assert [row["recall"] for row in rows] == [1, 0.5, 0]
    found = score.score("x", judged, "abc")
    assert found["mean"]["accuracy"] == 0.5 and found["mean_recall"] == 0.5
    assert found["log_loss"] == pytest.approx(np.log(np.e + 2) - 0.5)
    top = np.e / (np.e + 2)
    assert found["calibration"]["stated"] == pytest.approx(top)
    other = (1 - top) / 2
    assert found["brier"] == pytest.approx(((1 - top) ** 2 + top**2 + (1 - other) ** 2) / 2 + 1.5 * other**2)
    assert "answers" not in found


def test_answers_are_what_is_certain_enough() -> None:
    given = logits([[0] * 5, [0] * 5, [1] * 5, [1] * 5])
    given[0, 0] *= 4
    judged = Judged(given, np.array([0, 1, 1, 2]), list("wxyz"))
    found = score.answers(judged, 0.9)
    assert found["answered"]["accuracy"] == 0.25 and found["right"]["accuracy"] == 1
    assert "right" not in score.answers(judged, 0.999)
    assert score.score("x", judged, "abc", 0.1)["answers"]["right"]["accuracy"] == 0.5


def test_calibration_error_is_what_probabilities_miss() -> None:
    rng = np.random.default_rng(0)
    chances = rng.uniform(0.3, 1, 20_000)
    right = rng.random(20_000) < chances
    assert score.calibration_error(chances, right) < 0.02
    assert score.calibration_error(np.sqrt(chances), right) == pytest.approx(
        (np.sqrt(chances) - chances).mean(), abs=0.02
    )
    assert score.calibration_error(np.ones(4), np.array([True, True, True, False])) == pytest.approx(0.25)


def test_being_too_sure_has_an_interval_over_artists() -> None:
    rng = np.random.default_rng(1)
    states = np.zeros((1, 400, 5, 2))
    states[..., 0] = np.log(0.6 / 0.4)
    artists = [str(number // 2) for number in range(400)]
    for share, sure in ((0.6, False), (0.4, True)):
        found = score.calibration(Judged(states, (rng.random(400) >= share).astype(np.int64), artists))
        excess = found["excess"]
        assert found["stated"] == pytest.approx(0.6)
        assert excess["mean"] == pytest.approx(0.6 - share, abs=0.08)
        assert (found["error"] > found["by_chance"]["high"]) == sure
        assert (excess["low"] > 0) == sure and excess["low"] < excess["mean"] < excess["high"]
