"""Bitrate saved at equal quality against closed forms, and what its table shows."""

import numpy as np
import pytest
from scipy.integrate import quad

from training.evaluation import bd_rate
from training.evaluation.compare import Row
from training.metrics.catalogue import METRICS, Better

RATES = np.array([8.0, 16.0, 32.0, 64.0, 96.0])


def rows(system: str, rates: np.ndarray, quality: np.ndarray, clips: str = "abc", metric: str = "visqol") -> list[Row]:
    sign = 1 if METRICS[metric].better is Better.HIGHER else -1
    return [
        Row(clip, system, f"{i} kbit/s", float(rate), 10, 1, 1, 1, 0, {metric: float(sign * q)})
        for clip in clips
        for i, (rate, q) in enumerate(zip(rates, quality, strict=True))
    ]


def test_twice_the_rate_for_the_same_quality_is_minus_half() -> None:
    quality = np.array([1.0, 2.5, 3.0, 4.0, 4.2])
    ratio = bd_rate.log_ratio(RATES, quality, 2 * RATES, quality)
    assert ratio == pytest.approx(-np.log(2))
    found = bd_rate.saving(rows("a", RATES, quality), rows("b", 2 * RATES, quality), "visqol")
    assert found.per_clip == pytest.approx(-50)
    assert found.on_means == pytest.approx(-50)
    assert found.per_clip_interval == pytest.approx((-50, -50))
    assert found.on_means_interval == pytest.approx((-50, -50))
    assert (found.clips, found.dropped) == (3, 0)


@pytest.mark.parametrize("metric", ["mel", "stft", "rmse_44k"])
def test_distances_count_downwards(metric: str) -> None:
    quality = np.array([-6.0, -4.0, -3.0, -1.0, -0.5])
    found = bd_rate.saving(
        rows("a", RATES, quality, metric=metric), rows("b", 4 * RATES, quality, metric=metric), metric
    )
    assert found.per_clip == pytest.approx(-75)


def test_lines_of_different_slope_have_a_closed_form() -> None:
    # q = s ln R + c, so ln R = (q - c) / s: pchip keeps straight lines straight.
    x = np.log(RATES)
    ours, theirs = 0.8 * x + 0.5, 0.5 * x + 0.3
    low, high = max(ours[0], theirs[0]), min(ours[-1], theirs[-1])
    middle = (low + high) / 2
    expected = (middle - 0.5) / 0.8 - (middle - 0.3) / 0.5
    assert bd_rate.log_ratio(RATES, ours, RATES, theirs) == pytest.approx(expected)
    assert bd_rate.log_ratio(RATES, theirs, RATES, ours) == pytest.approx(-expected)


def slow_pchip(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """Fritsch and Carlson's interpolant: weighted harmonic means of the neighbouring slopes, one point at a time."""
    h, d = np.diff(x), np.diff(y) / np.diff(x)
    slope = np.zeros(len(x))
    for i in range(1, len(x) - 1):
        if d[i - 1] * d[i] > 0:
            w, v = 2 * h[i] + h[i - 1], h[i] + 2 * h[i - 1]
            slope[i] = (w + v) / (w / d[i - 1] + v / d[i])
    for end, a, b, p, q in ((0, h[0], h[1], d[0], d[1]), (-1, h[-1], h[-2], d[-1], d[-2])):
        value = ((2 * a + b) * p - a * q) / (a + b)
        if value * p <= 0:
            value = 0.0
        elif p * q <= 0 and abs(value) > 3 * abs(p):
            value = 3 * p
        slope[end] = value
    i = min(max(int(np.searchsorted(x, at)) - 1, 0), len(x) - 2)
    t = (at - x[i]) / h[i]
    return float(
        y[i] * (1 + 2 * t) * (1 - t) ** 2
        + h[i] * slope[i] * t * (1 - t) ** 2
        + y[i + 1] * t**2 * (3 - 2 * t)
        + h[i] * slope[i + 1] * t**2 * (t - 1)
    )


def test_curved_curves_equal_slow_interpolation_and_quadrature() -> None:
    ours, theirs = np.array([2.0, 3.1, 3.6, 4.1, 4.3]), np.array([1.5, 2.0, 3.4, 4.2, 4.4])
    other = RATES * np.array([0.9, 1.1, 1.0, 1.2, 1.05])
    low, high = 2.0, 4.3
    areas = [
        quad(lambda q, x=x, y=y: slow_pchip(x, np.log(y), q), low, high, points=list(x), limit=200)[0]
        for x, y in ((ours, RATES), (theirs, other))
    ]
    expected = (areas[0] - areas[1]) / (high - low)
    assert bd_rate.log_ratio(RATES, ours, other, theirs) == pytest.approx(expected, abs=1e-7)


def test_order_and_points_that_are_no_better_do_not_matter() -> None:
    quality = np.array([1.0, 2.0, 3.0, 4.0, 4.2])
    straight = bd_rate.log_ratio(RATES, quality, 2 * RATES, quality)
    order = np.array([3, 0, 4, 2, 1])
    assert bd_rate.log_ratio(RATES[order], quality[order], 2 * RATES, quality) == straight
    worse_rates, worse = np.append(RATES, [20, 128]), np.append(quality, [1.9, 4.2])
    assert bd_rate.log_ratio(worse_rates, worse, 2 * RATES, quality) == straight


def test_nothing_shared_is_nan_and_counted() -> None:
    low, high = np.linspace(1, 2, 5), np.linspace(3, 4, 5)
    assert np.isnan(bd_rate.log_ratio(RATES, low, RATES, high))
    assert np.isnan(bd_rate.log_ratio(RATES[:1], low[:1], RATES, low))
    mixed = [*rows("b", 2 * RATES, low, "ab"), *rows("b", RATES, high, "c")]
    found = bd_rate.saving(rows("a", RATES, low), mixed, "visqol")
    assert (found.clips, found.dropped) == (2, 1)
    assert found.per_clip == pytest.approx(-50)
    nobody = bd_rate.saving(rows("a", RATES, low), [], "visqol")
    assert np.isnan([nobody.per_clip, nobody.on_means, *nobody.per_clip_interval, *nobody.on_means_interval]).all()


def test_only_8_to_96_of_the_first_count() -> None:
    rates = np.array([4.0, 8.0, 16.0, 32.0, 64.0, 96.0, 128.0])
    quality = np.arange(7.0)
    theirs = np.interp(np.arange(7.0), [0, 1, 5, 6], [0, 0, 0, 0]) + quality
    other = rates * np.array([100, 2, 2, 2, 2, 2, 100])
    other.sort()
    inside = bd_rate.saving(rows("a", rates[1:6], quality[1:6]), rows("b", other, theirs), "visqol")
    whole = bd_rate.saving(rows("a", rates, quality), rows("b", other, theirs), "visqol")
    assert whole == inside


def test_interval_covers_the_spread_over_clips() -> None:
    quality = np.array([1.0, 2.0, 3.0, 4.0, 4.2])
    factors = {"a": 1.2, "b": 1.6, "c": 2.0, "d": 2.4, "e": 3.0, "f": 1.9}
    theirs = [row for clip, factor in factors.items() for row in rows("b", factor * RATES, quality, clip)]
    found = bd_rate.saving(rows("a", RATES, quality, "abcdef"), theirs, "visqol")
    logs = -np.log(list(factors.values()))
    assert found.per_clip == pytest.approx(100 * np.expm1(logs.mean()))
    # Six clips: the bootstrap's standard error is that of the mean with n in place of n - 1.
    half = 1.96 * logs.std() / np.sqrt(6)
    low, high = found.per_clip_interval
    assert np.log1p(low / 100) == pytest.approx(logs.mean() - half, abs=0.06)
    assert np.log1p(high / 100) == pytest.approx(logs.mean() + half, abs=0.06)
    assert low < found.per_clip < high
    assert found.on_means_interval[0] < found.on_means < found.on_means_interval[1]


def test_zimtohrli_counts_upwards() -> None:
    quality = np.array([3.0, 3.5, 4.0, 4.4, 4.6])
    measured = [rows(name, k * RATES, quality, metric="zimtohrli") for name, k in (("aez", 1), ("opus", 2))]
    assert bd_rate.saving(*measured, "zimtohrli").per_clip == pytest.approx(-50)
    text = bd_rate.savings_table([*measured[0], *measured[1]], "aez", ["opus"])
    assert "Zimtohrli, by clip | Zimtohrli, on means |" in text
    assert "and not Zimtohrli." in text


def test_table_names_every_other_system() -> None:
    quality = np.array([1.0, 2.0, 3.0, 4.0, 4.2])
    measured = [*rows("aez", RATES, quality), *rows("opus", 2 * RATES, quality), *rows("lame", RATES, quality - 9)]
    text = bd_rate.savings_table(measured, "aez", ["opus", "lame"])
    assert "| opus | - | - | - | - | -50 % [-50, -50] | -50 % [-50, -50] | - | - | - | - |" in text
    assert next(line for line in text.splitlines() if line.startswith("| lame |")).count("| -") == 10
