"""Comparing systems clip by clip at equal rate: interpolation, intervals, verdicts, claims."""

import math

import numpy as np
import pytest
from scipy import stats

from tests.support.rows import better, row, worse
from training.evaluation import compare
from training.evaluation.compare import Row


def test_interpolation_is_linear_in_log_rate_and_never_leaves_the_measured_range() -> None:
    rows = [row("a", 32, mel=1.0), row("a", 8, mel=3.0)]
    assert compare.at_rate(rows, "mel", 16) == pytest.approx(2)
    assert compare.at_rate(rows, "mel", 8 * 2**0.5) == pytest.approx(2.5)
    assert compare.at_rate(rows, "mel", 8) == 3
    assert compare.at_rate(rows, "mel", 32) == 1
    assert math.isnan(compare.at_rate(rows, "mel", 7.99))
    assert math.isnan(compare.at_rate(rows, "mel", 32.01))
    assert math.isnan(compare.at_rate([], "mel", 8))


def test_equal_rates_are_averaged_and_missing_values_left_out() -> None:
    rows = [row("a", 8, visqol=2), row("a", 8, visqol=4), row("a", 16, visqol=math.nan), row("a", 32, visqol=5)]
    rates, values = compare.curve(rows, "visqol")
    np.testing.assert_allclose(np.exp(rates), [8, 32])
    np.testing.assert_allclose(values, [3, 5])


def test_interval_is_students() -> None:
    values = [0.1, 0.5, -0.2, 0.9, 0.4, math.nan]
    found = compare.difference(values, dropped=2)
    low, high = stats.t.interval(0.95, 4, np.mean(values[:5]), stats.sem(values[:5]))
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high))
    assert (found.wins, found.clips, found.dropped) == (0.8, 5, 3)
    assert found.verdict == "level"


def test_intervals_count_artists() -> None:
    one = [0.1, 0.5, -0.2, 0.9, 0.4]
    # Every clip four times, by the same artist: nothing more is known than from one of each.
    again = compare.difference(one * 4, ["a", "b", "c", "d", "e"] * 4)
    assert again.half == pytest.approx(compare.difference(one).half)
    assert (again.clips, again.artists) == (20, 5)
    # Unknown artists are one each; clips without a value take their artists with them.
    assert compare.difference([*one, math.nan], ["", "", "", "", "", "z"]).half == pytest.approx(again.half)
    assert math.isinf(compare.difference(one, ["a"] * 5).half)
    rows = [row(f"{i}", 8, mel=value) for i, value in enumerate(one)]
    assert compare.interval(rows, "mel") == pytest.approx((np.mean(one), again.half))
    assert compare.artist_count(rows) == 5


@pytest.mark.parametrize(
    "values, verdict",
    [([1, 1.1, 0.9], "ahead"), ([-1, -1.1, -0.9], "behind"), ([1], "level"), ([], "none"), ([0, 0, 0], "level")],
)
def test_verdicts(values: list[float], verdict: str) -> None:
    assert compare.difference(values).verdict == verdict


def test_pairs_are_by_clip_at_our_rate_and_plus_is_better() -> None:
    theirs = [row(c, r, "opus", mel=m, visqol=v) for c, r, m, v in [("a", 8, 3, 2), ("a", 32, 1, 4), ("b", 8, 5, 1)]]
    ours = [row("a", 16, mel=1.5, visqol=2.5), row("b", 8, mel=4, visqol=3), row("c", 8), row("a", 64)]
    mel = compare.paired(ours, theirs, "mel")
    assert mel.mean == pytest.approx(0.75)
    assert (mel.clips, mel.dropped, mel.wins) == (2, 2, 1)
    assert compare.paired(ours, theirs, "visqol").mean == pytest.approx((-0.5 + 2) / 2)


def test_levels_and_ratios_are_better_the_closer_they_are() -> None:
    ours = [row("a", 8, level_4k=-1.0, fluctuation_4k=0.5), row("b", 8, level_4k=3.0, fluctuation_4k=1.0)]
    theirs = [row(c, 8, "opus", level_4k=2.0, fluctuation_4k=2.0) for c in "ab"]
    level, fluctuation = (compare.paired(ours, theirs, name) for name in ("level_4k", "fluctuation_4k"))
    assert (level.mean, level.wins) == (0, 0.5)
    assert fluctuation.mean == pytest.approx(np.log(2) / 2)
    # The other's level passes 0 dB between its two rates, and is perfect there.
    crossing = [row("a", 4, "opus", level_4k=-2.0), row("a", 16, "opus", level_4k=2.0)]
    assert compare.paired(ours[:1], crossing, "level_4k").mean == pytest.approx(-1)


def test_claims_ask_for_everything_at_once() -> None:
    assert compare.claim(better(16), worse()) == "ahead"
    assert compare.claim(better(16, visqol=3.0), worse()) == "mixed"
    assert compare.claim(better(16, nmr=0.0), worse()) == "ahead"
    assert compare.claim(better(48, nmr=0.0), worse()) == "mixed"
    assert compare.claim(better(16, width_error_db=-3.5), worse()) == "mixed"
    assert compare.claim(better(16, clipped=5.0), worse()) == "mixed"
    assert compare.claim(better(16, clipped=5.0), worse(clipped=5.0)) == "ahead"
    assert compare.claim(better(16, mel=3, stft=3, visqol=1), worse()) == "behind"
    assert compare.claim(better(200), worse()) == "none"
    late = [Row(**{**vars(r), "length_error": 1}) for r in better(16)]
    assert compare.claim(late, worse()) == "mixed"


def test_a_single_artist_gives_no_interval_in_words() -> None:
    one = compare.difference([1.0, 2.0], ["a", "a"])
    assert compare.stated(one.mean, one.half, 2, "+") == "+1.50 (one artist)"
    assert compare.stated(-1.25, 0.5, 1) == "-1.2 ± 0.5"
    assert compare.stated(float("nan"), float("inf"), 1) == "-"
