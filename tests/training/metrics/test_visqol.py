"""ViSQOL with its cache against the package alone."""

import numpy as np
import pytest

from tests.support.signals import RATE, low_pass, noise
from training.metrics import visqol


def test_visqol_falls_with_noise_and_ignores_stereo() -> None:
    n = np.arange(3 * RATE)
    chord = sum(np.sin(2 * np.pi * f * n / RATE) for f in (220, 277, 330, 1100, 3300)) * 0.05
    x = np.stack([chord, chord]).astype(np.float32) + noise(3, level=0.02)
    scores = [visqol.visqol(x, x + noise(3, level=level, seed=3)) for level in (0.002, 0.02, 0.2)]
    assert visqol.visqol(x, x) > scores[0] > scores[1] > scores[2] >= 1
    folded = np.repeat(x.mean(axis=0, keepdims=True), 2, axis=0)
    assert visqol.visqol(x, folded) == pytest.approx(visqol.visqol(x, x), abs=1e-6)
    assert visqol.visqol(x, x) > 4.7
    assert visqol.visqol(x, 0 * x) == 1
    assert np.isnan(visqol.visqol(0 * x, x))
    assert np.isnan(visqol.visqol(x[:, :1000], x[:, :1000]))


def test_visqol_with_its_cache_equals_the_package_alone() -> None:
    from visqol import VisqolApi

    plain = VisqolApi()
    plain.create(mode="audio")
    clips = [noise(2, channels=1, seed=seed) for seed in (0, 1)]
    for _ in range(2):
        for x in clips:
            y = low_pass(x, 8000)
            a, b = (np.asarray(visqol.resample(z, RATE, 48000)[0], np.float64) for z in (x, y))
            assert visqol.visqol(x, y) == plain.measure_from_arrays(a, b, 48000).moslqo
    assert isinstance(visqol._audio_mode()._manager.spect_builder.build, visqol._Remembering)


def test_clips_just_too_short_have_no_score_and_just_long_enough_ones_do() -> None:
    x = noise(1.1, channels=1)
    scores = [visqol.visqol(x[:, :n], x[:, :n]) for n in (int(0.955 * RATE), int(0.965 * RATE))]
    assert np.isnan(scores[0]) and scores[1] > 4.5
