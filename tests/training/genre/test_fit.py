"""Training of genre networks: artists, loudness, temperature, repeatability."""

from dataclasses import replace

import numpy as np

from codec.inspection import genre as runtime
from formats.grid import HYPER_MIN, HYPER_SIZE
from formats.model.scales import SEGMENT_VECTORS
from tests.support.genre_songs import CLASSES, songs
from training.genre import fit, network, systems
from training.genre.data import Song
from training.genre.network import FitConfig


def test_a_fit_can_be_repeated() -> None:
    made = songs(np.random.default_rng(3), 30)
    config = FitConfig(epochs=2, members=2, width=8)
    first, second = (systems.latents(CLASSES, 0, config)(made, made[:4], 7) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_parts_are_of_whole_artists_and_a_single_artist_has_none() -> None:
    labels = np.arange(20) % 2
    artists = [str(number // 4) for number in range(20)]
    parts = fit.parts(artists, labels, 3, 0)
    assert len(parts) == 3 and sorted(np.concatenate(parts)) == list(range(20))
    for part in parts:
        assert not {artists[i] for i in part} & {artists[i] for i in range(20) if i not in part}
    assert len(fit.parts(artists, labels, 9, 0)) == 5
    assert fit.parts(["one"] * 20, labels, 3, 0) == []


def test_a_single_artist_makes_an_uncalibrated_network() -> None:
    made = songs(np.random.default_rng(3), 12)
    examples = systems.examples(made, 0)
    alone = fit.Examples(examples.versions, examples.tested, examples.labels, ["one"] * 12, shift=True)
    net = fit.fit(alone, CLASSES, FitConfig(epochs=1, width=8))
    assert len(net.members) == 1 and net.temperature == 1 and net.certain_from == 0.5


def test_a_loudness_shift_moves_powers_and_keeps_silence() -> None:
    x = np.random.default_rng(0).uniform(-20, 0, (SEGMENT_VECTORS, runtime.SIZE)).astype(np.float32)
    x[3, :HYPER_SIZE] = HYPER_MIN
    louder = fit.shifted(x, 2.5)
    np.testing.assert_array_equal(louder[:, runtime.POWERS :], x[:, runtime.POWERS :])
    np.testing.assert_array_equal(louder[3, :HYPER_SIZE], HYPER_MIN)
    rest = np.delete(np.arange(SEGMENT_VECTORS), 3)
    np.testing.assert_allclose(louder[rest, : runtime.POWERS], x[rest, : runtime.POWERS] + 2.5, rtol=1e-6)
    assert fit.shifted(x, -100.0)[:, : runtime.POWERS].min() == HYPER_MIN


def test_dropout_is_off_when_judging() -> None:
    made = songs(np.random.default_rng(0), 30)
    net = fit.fit(systems.examples(made, 0), CLASSES, FitConfig(epochs=1, members=2, width=8))
    x = fit.segments([made[0].latents[0]])
    np.testing.assert_allclose(network.predict(net, x), network.predict(net, x, batch=2), atol=1e-6)


def test_probabilities_are_calibrated_on_artists_that_were_not_heard() -> None:
    """Songs that differ, but not by genre: networks are sure of those that they know, and wrong about new ones."""
    rng = np.random.default_rng(2)

    def own(song: Song) -> Song:
        moved = song.latents[0] + rng.normal(0, 6, runtime.SIZE).astype(np.float16)
        return replace(song, latents=(moved, moved))

    made, fresh = ([own(song) for song in songs(rng, count, separation=0.0)] for count in (60, 30))
    config = FitConfig(epochs=6, members=3, width=32, dropout=0, rate=1e-2, smoothing=0, offset=0)
    net = fit.fit(systems.examples(made, 0), CLASSES, config)
    said = systems.fitted(net, 0)([], fresh, 0).mean(1)
    raw = runtime.softmax((said - net.bias.numpy()) * net.temperature).max(1).mean()
    stated = runtime.softmax(said).max(1).mean()
    assert stated < 0.7 < 0.9 < raw, (stated, raw)


def test_other_music_that_is_got_wrong_makes_less_sure_and_changes_no_answer() -> None:
    made, fresh = songs(np.random.default_rng(4)), songs(np.random.default_rng(4), 15)
    other = systems.examples(fresh, 0)
    wrong = replace(other, labels=(other.labels + 1) % CLASSES)
    config = FitConfig(epochs=3, members=2, width=16)
    alone = fit.fit(systems.examples(made, 0), CLASSES, config)
    x = fit.segments(other.tested)
    own = network.predict(alone, x)
    for known, surer in ((other, True), (wrong, False)):
        net = fit.fit(systems.examples(made, 0), CLASSES, config, known)
        said = network.predict(net, x)
        np.testing.assert_allclose(said, own * alone.temperature / net.temperature, rtol=1e-3, atol=1e-4)
        assert (net.temperature > 3 * alone.temperature) != surer
