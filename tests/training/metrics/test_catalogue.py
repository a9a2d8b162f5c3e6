"""Which values are better, and what training has seen."""

import math

import numpy as np
import pytest

from training.metrics.catalogue import METRICS, PANEL, Better, seen_note


@pytest.mark.parametrize(
    "name, values",
    [
        ("visqol", [1.0, 2.0, 4.5]),
        ("mel", [3.0, 1.0, 0.0]),
        ("level_4k", [-9.0, 4.0, -1.0, 0.5, 0.0]),
        ("fluctuation_4k", [0.0, 0.4, 2.0, 0.6, 1.5, 1.0]),
    ],
)
def test_merit_rises_towards_the_better(name: str, values: list[float]) -> None:
    merits = METRICS[name].merit(values)
    assert (np.diff(merits) > 0).all()
    assert np.isfinite(merits).all()
    assert math.isnan(METRICS[name].merit(math.nan))


def test_half_is_as_far_from_one_as_twice() -> None:
    assert METRICS["fluctuation_8k"].merit(0.5) == pytest.approx(METRICS["fluctuation_8k"].merit(2.0))
    assert METRICS["fluctuation_8k"].merit(1.0) == 0


def test_notes_tell_what_training_has_seen() -> None:
    levels = {name for name in PANEL if name.startswith("level_")}
    assert {name for name in PANEL if METRICS[name].seen} == levels
    assert "none of these metrics" in seen_note([name for name in PANEL if name not in levels])
    assert "all of these metrics" in seen_note(["mel", "visqol"])
    assert seen_note(["mel", "zimtohrli"]).startswith("Training has seen mel, or something like them, in its loss")
    assert seen_note(["mel", "zimtohrli"]).endswith("and not Zimtohrli.")


def test_levels_and_fluctuations_alone_are_judged_by_closeness() -> None:
    near = {name for name, metric in METRICS.items() if metric.better in (Better.NEAR_ZERO, Better.NEAR_ONE)}
    assert near == {name for name in METRICS if name.startswith(("level_", "fluctuation_"))}
