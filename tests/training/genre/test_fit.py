"""Training of genre networks: artists, loudness, temperature, repeatability."""

import numpy as np
import pytest

from codec.inspection import genre as runtime
from formats.grid import HYPER_MIN, HYPER_SIZE
from formats.model.scales import SEGMENT_VECTORS
from tests.support.genre_songs import CLASSES, songs
from training.genre import fit, network, systems
from training.genre.network import FitConfig


def test_a_fit_can_be_repeated() -> None:
    made = songs(np.random.default_rng(3), 30)
    config = FitConfig(epochs=2, members=1, width=8)
    first, second = (systems.latents(CLASSES, 0, config)(made, made[:4], 7) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_one_artist_is_held_out_however_many_songs_it_has() -> None:
    assert fit.held_out(["a"] * 9 + ["b"] * 9, 0.1, np.random.default_rng(0)).sum() == 9


def test_a_loudness_shift_moves_powers_and_keeps_silence() -> None:
    x = np.random.default_rng(0).uniform(-20, 0, (SEGMENT_VECTORS, runtime.SIZE)).astype(np.float32)
    x[3, :HYPER_SIZE] = HYPER_MIN
    louder = fit.shifted(x, 2.5)
    np.testing.assert_array_equal(louder[:, runtime.POWERS :], x[:, runtime.POWERS :])
    np.testing.assert_array_equal(louder[3, :HYPER_SIZE], HYPER_MIN)
    rest = np.delete(np.arange(SEGMENT_VECTORS), 3)
    np.testing.assert_allclose(louder[rest, : runtime.POWERS], x[rest, : runtime.POWERS] + 2.5, rtol=1e-6)
    assert fit.shifted(x, -100.0)[:, : runtime.POWERS].min() == HYPER_MIN


def test_the_temperature_undoes_what_logits_were_multiplied_by() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (4000, 4))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    drawn = (chances.cumsum(1) > rng.random((4000, 1))).argmax(1)
    assert fit.temperature(3 * logits, drawn) == pytest.approx(3, rel=0.15)


def test_dropout_is_off_when_judging() -> None:
    made = songs(np.random.default_rng(0), 30)
    net = fit.fit(systems.examples(made, 0), CLASSES, FitConfig(epochs=1, members=2, width=8))
    x = fit.segments([made[0].latents[0]])
    np.testing.assert_allclose(network.predict(net, x), network.predict(net, x, batch=2), atol=1e-6)


def test_temperature_is_corrected_by_songs_of_artists_that_were_not_heard() -> None:
    """Logits twice as large as they should be double the temperature, whatever it was."""
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, (4000, 1, CLASSES))
    chances = np.exp(true[:, 0]) / np.exp(true[:, 0]).sum(1, keepdims=True)
    labels = (rng.random((4000, 1)) > chances.cumsum(1)).sum(1)
    net = fit.Ensemble([], 1.5)
    assert fit.calibrated(net, 2 * true[None], labels).temperature == pytest.approx(3.0, rel=0.1)
