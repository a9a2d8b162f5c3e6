"""Zimtohrli with resampling and channels against the package alone."""

import sys

import numpy as np
import pytest
import soxr

from tests.support.signals import RATE, noise
from training.metrics.zimtohrli_mos import zimtohrli_mos

zimtohrli = pytest.importorskip("zimtohrli")


def test_score_is_the_mean_of_the_packages_over_channels() -> None:
    x = noise(1)
    y = (x + noise(1, seed=1) * np.array([[0.5], [0.1]])).astype(np.float32)
    single = [zimtohrli.mos_from_signals(*(soxr.resample(z[c], RATE, 48000, "VHQ") for z in (x, y))) for c in (0, 1)]
    assert single[0] < single[1] - 0.05
    assert zimtohrli_mos(x, y) == pytest.approx(np.mean(single), abs=1e-5)
    assert zimtohrli_mos(x[:1], y[:1]) == pytest.approx(single[0], abs=1e-5)


def test_score_falls_with_noise() -> None:
    x = noise(1, 1)
    scores = [zimtohrli_mos(x, (x + noise(1, 1, level, seed=1)).astype(np.float32)) for level in (0.0, 0.01, 0.05, 0.2)]
    assert scores[0] == 5
    assert scores == sorted(scores, reverse=True)


def test_without_the_package_there_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zimtohrli", None)
    assert np.isnan(zimtohrli_mos(noise(1), noise(1)))


def test_silence_and_short_clips_have_no_score() -> None:
    x = noise(1)
    assert np.isnan(zimtohrli_mos(0 * x, x))
    assert np.isnan(zimtohrli_mos(x[:, :20000], x[:, :20000]))
    assert 1 <= zimtohrli_mos(x, 0 * x) < 4
