"""The advantage of one codec over another in octaves of rate, on curves that are known."""

import numpy as np
import pytest

from training.evaluation.advantage import JUDGES, LIMIT, Curve, advantage, common_rates
from training.metrics.catalogue import METRICS, Better


def rows(octaves: float, **fixed: float) -> list[dict[str, float]]:
    """A codec whose every metric is as good as another's with so many octaves more rate; `fixed` metrics are not."""
    out = []
    for gain in range(6):
        good = gain + octaves  # merit: one per octave
        row = {"gain": float(gain), "kbps": 2.0**gain}
        for name in (name for members in JUDGES.values() for name in members):
            row[name] = good if METRICS[name].better is Better.HIGHER else 50 - good
        out.append({**row, **fixed})
    return out


def ahead(first: list[dict[str, float]], second: list[dict[str, float]]) -> float:
    """Mean advantage over all rates."""
    ours, theirs = Curve.of_rows(first, "gain"), Curve.of_rows(second, "gain")
    return float(advantage(ours, theirs, common_rates(ours, theirs)).mean())


@pytest.mark.parametrize("octaves", [0.0, 0.25, -0.5])
def test_an_advantage_is_counted_in_octaves_whatever_the_unit(octaves: float) -> None:
    scaled = rows(0)
    for row in scaled:
        row["nmr"] *= 1000
    mine = rows(octaves)
    for row in mine:
        row["nmr"] *= 1000
    assert ahead(mine, scaled) == pytest.approx(octaves, abs=1e-9)
    assert ahead(scaled, mine) == pytest.approx(-octaves, abs=1e-9)


def test_no_metric_decides_alone() -> None:
    assert ahead(rows(100), rows(0)) == LIMIT
    better = rows(0)
    for row in better:
        row["mel"] -= 100
    assert ahead(better, rows(0)) == pytest.approx(LIMIT / len(JUDGES))


def test_every_judge_counts_the_same_however_many_metrics_it_has() -> None:
    for members in JUDGES.values():
        better = rows(0)
        for row, moved in zip(better, rows(0.5), strict=True):
            row |= {name: moved[name] for name in members}
        assert ahead(better, rows(0)) == pytest.approx(0.5 / len(JUDGES))


def test_what_does_not_rise_with_the_rate_or_is_missing_is_left_out() -> None:
    assert ahead(rows(0.5, mel=3.0), rows(0, mel=3.0)) == pytest.approx(0.5)
    without = [{name: value for name, value in row.items() if name != "zimtohrli"} for row in rows(0)]
    assert ahead(without, without) == 0
    assert ahead(rows(0.5, attack_loss_db=float("nan")), rows(0)) == pytest.approx(0.5)


def test_a_curve_is_the_mean_of_the_clips_at_each_setting_by_rising_rate() -> None:
    given = [
        {"gain": 8.0, "kbps": 16.0, "zimtohrli": 4.0},
        {"gain": 0.0, "kbps": 2.0, "zimtohrli": 1.0},
        {"gain": 0.0, "kbps": 8.0, "zimtohrli": 3.0},
        {"gain": 8.0, "kbps": 16.0, "zimtohrli": float("nan")},
    ]
    curve = Curve.of_rows(given, "gain")
    np.testing.assert_allclose(curve.rate, [2, 4])
    np.testing.assert_allclose(curve.merit["zimtohrli"], [2, 4])
    assert curve.at(np.array([3.0]), "zimtohrli") == 3


def test_levels_are_judged_by_their_distance_from_zero() -> None:
    loud, right = rows(0), rows(0)
    for row, other in zip(loud, right, strict=True):
        row["level_4k"], other["level_4k"] = 50 - row["gain"] + 1, -(50 - other["gain"])
    assert ahead(right, loud) > 0


def test_common_rates_are_those_of_both() -> None:
    first, second = Curve.of_rows(rows(0)[:4], "gain"), Curve.of_rows(rows(0)[2:], "gain")
    found = common_rates(first, second, 3)
    np.testing.assert_allclose(found, [2, 2.5, 3])
