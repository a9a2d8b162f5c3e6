"""Rates from which a larger tier is better, and the tiers' defaults, on curves that are known."""

from itertools import pairwise

import numpy as np
import pytest

from formats.grid import TIERS
from training.evaluation.founding import COLUMN
from training.evaluation.frontier import GAINS, HIGHEST, LOWEST, beating, crossing, curve, tiers


def row(latent: int, gain: int, kbps: float, quality: float, error: float = 0.0) -> dict[str, float]:
    """A measurement whose score is `quality`."""
    return {"latent": latent, "gain": gain, "kbps": kbps, "visqol": quality, "mel": 0, "stft": 0, "rmse_8k": error}


def straight(latent: int, step: float, start: float) -> list[dict[str, float]]:
    """Rows of a tier whose score rises with the log of its rate, from `start` at 1 kbit/s."""
    return [row(latent, gain, 2 ** (gain / 8), start + step * gain / 8 * np.log(2)) for gain in (0, 16, 32, 48, 64)]


def test_a_curve_is_the_mean_over_clips_by_rising_gain():
    rows = [row(64, 8, 16, 2), row(64, 0, 2, 1), row(64, 0, 8, 3), row(64, 8, 16, 4), row(32, 0, 1, 9)]
    np.testing.assert_allclose(curve(rows, 64), [[0, np.log(4), 2], [8, np.log(16), 3]])


@pytest.mark.parametrize("kbps", [2.0, 8.0, 100.0])
def test_the_larger_tier_is_better_from_where_the_lines_cross(kbps):
    small, large = straight(32, 1, 0), straight(64, 2, -np.log(kbps))
    found = np.exp(crossing(curve(small, 32), curve(large, 64)))
    assert found == pytest.approx(kbps, rel=0.03)


def test_a_tier_that_is_never_better_takes_over_at_the_end_and_one_that_always_is_at_the_start():
    small, large = curve(straight(32, 1, 0), 32), curve(straight(64, 1, 1), 64)
    assert np.exp(crossing(small, large)) == pytest.approx(1)
    assert np.exp(crossing(large, small)) == pytest.approx(256)


def test_the_least_gain_that_beats_the_founding_study_has_a_margin():
    rows = [row(64, gain, 1, 0, COLUMN[64] * part) for gain, part in ((0, 1.15), (40, 0.75))]
    assert beating(rows, 64) == 20
    assert beating([row(1024, gain, 1, 0) for gain in (-20, 150)], 1024) == -20, "not a tier of that study"


def test_defaults_lie_in_the_middle_of_their_tier_s_range_and_bounds_rise():
    at = {tier: LOWEST * 1.7**i for i, tier in enumerate(TIERS)}  # each tier is better than the one before from here
    rows, start = [], 0.0
    for slope, tier in enumerate(TIERS, 1):
        start = start if slope == 1 else start - np.log(at[tier])
        rows += straight(tier, slope, start)
    found = tiers(rows)
    assert list(found) == [str(tier) for tier in TIERS]
    assert found[str(TIERS[0])]["from_kbps"] == 0
    bounds = [LOWEST, *(found[str(tier)]["from_kbps"] for tier in TIERS[1:]), HIGHEST]
    assert bounds[1:-1] == pytest.approx([at[tier] for tier in TIERS[1:]], rel=0.03)
    for tier, (low, high) in zip(TIERS, pairwise(bounds), strict=True):
        assert 2 ** (found[str(tier)]["gain"] / 8) == pytest.approx(np.clip(np.sqrt(low * high), 1, 256), rel=0.05)


def test_gains_are_tried_for_every_tier_in_rising_order():
    assert list(GAINS) == list(TIERS)
    assert all(list(gains) == sorted(gains) for gains in GAINS.values())
