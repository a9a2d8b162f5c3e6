"""A table of one model against another, from curves that are known."""

import numpy as np
import pytest

from formats.errors import UsageError
from training.evaluation.advantage import Curve
from training.evaluation.compare_models import comparison, main


def test_a_table_says_by_how_much_and_by_how_many_octaves() -> None:
    rate = np.array([3.0, 4.0, 5.0])
    first = Curve(rate, {"zimtohrli": np.array([2.0, 3.0, 4.0]), "mel": np.array([-3.0, -2.0, -1.0])})
    better = Curve(rate, {"zimtohrli": np.array([2.5, 3.5, 4.5]), "mel": np.array([-3.0, -2.0, -1.0])})
    text = comparison("B against A", better, first)
    assert "| kbit/s | 9.8 | 16.0 | 26.0 |" in text
    assert "| **octaves ahead** | +0.250 | +0.250 | +0.250 |" in text
    assert "| Zimtohrli | +0.500 (2.30) | +0.500 (3.00) | +0.500 (3.70) |" in text
    assert "| mel | +0.000 (-2.70) | +0.000 (-2.00) | +0.000 (-1.30) |" in text


def test_models_without_a_common_rate_are_not_compared() -> None:
    low, high = (Curve(np.array([r, r + 1.0]), {"mel": np.array([-2.0, -1.0])}) for r in (2.0, 5.0))
    with pytest.raises(UsageError, match="no rates in common"):
        comparison("B against A", high, low)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(["music"], "there have to be two models to compare"), (["music", "nothing"], "there is no model 'nothing'")],
)
def test_models_are_looked_for_before_anything_is_measured(
    given: list[str], wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*given, "--music", "missing"]) == 2
    assert capsys.readouterr().err.startswith(f"compare-models: {wanted}")
