"""The genre study: what it learns from, that it learns what is there and nothing that is not, and its arithmetic."""

import json
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from codec.inspection import genre as runtime
from codec.runtime import models
from codec.runtime.classifiers import Classifier
from codec.runtime.session import Network
from formats import Reader
from formats.grid import HYPER_MIN, HYPER_SIZE
from formats.model.scales import GROUP
from tests.support.codec import Array, encoded
from training.data.collection import Track
from training.genre import data, fit, network, score, study, systems
from training.genre.data import Song
from training.genre.network import FitConfig
from training.genre.score import Judged

QUICK = FitConfig(epochs=12, members=1, width=16, crops=4, dropout=0.2, rate=5e-3)
CLASSES = 3


def songs(rng: np.random.Generator, count: int = 60, separation: float = 2.0) -> list[Song]:
    """Songs of three classes that differ in the mean of ten features; five by every artist."""
    means = rng.normal(0, separation, (CLASSES, 10))
    out = []
    for number in range(count):
        label = number % CLASSES
        x = rng.normal(0, 3, (90, runtime.SIZE)).astype(np.float16)
        x[:, HYPER_SIZE : HYPER_SIZE + 10] += means[label].astype(np.float16)
        artist = f"artist {label} {number // 15}"
        track = Track(Path(f"{number}.wav"), str(number), "abc"[label], artist, "")
        mfcc = rng.normal(size=(270, data.MFCCS)).astype(np.float16)
        mfcc[:, :10] += means[label].astype(np.float16)
        out.append(Song(track, label, (x, x), x[:, HYPER_SIZE : HYPER_SIZE + 30], mfcc))
    return out


def accuracy(made: list[Song], system: systems.System) -> float:
    logits = study.crossed(made, system, "artist", 3, 1)
    judged = Judged(logits, systems.labels(made), [song.artist for song in made])
    return float((judged.by_mean == judged.labels).mean())


SYSTEMS = {
    "latents": systems.latents(CLASSES, 1, QUICK),
    "tokens": systems.tokens(CLASSES, QUICK),
    "mfcc": systems.regression(CLASSES, systems.cepstra),
    "pooled": systems.regression(CLASSES, systems.pooled(0)),
}


# Learning


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_can_be_told_apart_is(system: str) -> None:
    assert accuracy(songs(np.random.default_rng(1)), SYSTEMS[system]) > 0.9


@pytest.mark.parametrize("system", SYSTEMS)
def test_nothing_is_learned_where_there_is_nothing(system: str) -> None:
    # 60 songs, a third right by chance: 0.6 is more than four standard deviations above it.
    assert accuracy(songs(np.random.default_rng(2), separation=0.0), SYSTEMS[system]) < 0.6


def test_the_majority_baseline_is_the_share_of_the_largest_class() -> None:
    made = songs(np.random.default_rng(0), 30)
    more = [*made, *(song for song in made if song.label == 1)]
    logits = systems.majority(CLASSES)(more, made, 0)
    assert (logits.argmax(2) == 1).all()
    np.testing.assert_allclose(np.exp(logits).sum(2), 1, atol=1e-6)


def test_a_fit_can_be_repeated() -> None:
    made = songs(np.random.default_rng(3), 30)
    config = FitConfig(epochs=2, members=1, width=8)
    first, second = (systems.latents(CLASSES, 0, config)(made, made[:4], 7) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_no_artist_is_on_both_sides() -> None:
    made = songs(np.random.default_rng(0))
    artists = np.array([song.artist for song in made])
    for learned, judged in study.folds(made, "artist", 3, 0):
        assert not set(artists[learned]) & set(artists[judged])
        assert sorted([*learned, *judged]) == list(range(len(made)))
    held = fit.held_out(list(artists), 0.2, np.random.default_rng(0))
    assert 1 <= held.sum() <= 12 and not set(artists[held]) & set(artists[~held])


def test_one_artist_is_held_out_however_many_songs_it_has() -> None:
    assert fit.held_out(["a"] * 9 + ["b"] * 9, 0.1, np.random.default_rng(0)).sum() == 9


def test_a_level_offset_moves_levels_and_keeps_silence() -> None:
    x = np.random.default_rng(0).uniform(-20, 0, (GROUP, runtime.SIZE)).astype(np.float32)
    x[3, :HYPER_SIZE] = HYPER_MIN
    louder = fit.shifted(x, 2.5)
    np.testing.assert_array_equal(louder[:, runtime.LEVELLED :], x[:, runtime.LEVELLED :])
    np.testing.assert_array_equal(louder[3, :HYPER_SIZE], HYPER_MIN)
    rest = np.delete(np.arange(GROUP), 3)
    np.testing.assert_allclose(louder[rest, : runtime.LEVELLED], x[rest, : runtime.LEVELLED] + 2.5, rtol=1e-6)
    assert fit.shifted(x, -100.0)[:, : runtime.LEVELLED].min() == HYPER_MIN


def test_the_temperature_undoes_what_logits_were_multiplied_by() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (4000, 4))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    drawn = (chances.cumsum(1) > rng.random((4000, 1))).argmax(1)
    assert fit.temperature(3 * logits, drawn) == pytest.approx(3, rel=0.15)


def test_dropout_is_off_when_judging() -> None:
    made = songs(np.random.default_rng(0), 30)
    net = fit.fit(systems.material(made, 0), CLASSES, FitConfig(epochs=1, members=2, width=8))
    x = fit.segments([made[0].heard[0]])
    np.testing.assert_allclose(network.predict(net, x), network.predict(net, x, batch=2), atol=1e-6)


# Scores


def logits(classes: list[list[int]]) -> NDArray[np.float64]:
    """Logits [1, songs, 5, 3] that say these classes for the segments."""
    return np.asarray(np.eye(CLASSES)[np.array(classes)][None])


def test_votes_and_means() -> None:
    given = logits([[0, 0, 0, 1, 1], [2, 2, 1, 1, 0], [2, 2, 2, 2, 2]])
    given[0, 0, 3:] *= 9  # two loud segments outweigh three in the mean, not in the vote
    given[0, 1, 2:4] *= 2  # a tied vote goes to the higher mean
    judged = Judged(given, np.array([0, 1, 2]), list("xyz"))
    assert judged.by_vote.tolist() == [[0, 1, 2]]
    assert judged.by_mean.tolist() == [[1, 1, 2]]


def test_intervals() -> None:
    artists = [str(number) for number in range(200)]
    right = (np.arange(200) % 2).astype(float)
    low, high = score.interval(right, artists)
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.5 / 200**0.5, 0.5 + 1.96 * 0.5 / 200**0.5), abs=0.012)
    assert score.interval(np.ones(9), artists[:9]) == (1, 1)
    grouped = score.interval(np.sort(right), [str(number // 20) for number in range(200)])
    assert grouped[1] - grouped[0] > 2 * (high - low)  # songs of an artist are right and wrong together


def test_precision_recall_and_confusion() -> None:
    judged = Judged(logits([[0] * 5, [0] * 5, [1] * 5, [1] * 5]), np.array([0, 1, 1, 2]), list("wxyz"))
    matrix = score.confusion(judged)
    assert matrix.tolist() == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
    rows = score.per_class(matrix, "abc")
    assert [row["precision"] for row in rows] == [0.5, 0.5, None]
    assert [row["recall"] for row in rows] == [1, 0.5, 0]
    found = score.score("x", judged, "abc")
    assert found["mean"]["accuracy"] == 0.5 and found["mean_recall"] == 0.5
    assert found["log_loss"] == pytest.approx(np.log(np.e + 2) - 0.5)


def test_rare_genres_are_left_out() -> None:
    def tracks(name: str, count: int, artists: int) -> list[Track]:
        return [Track(Path("x"), f"{name}{k}", name, f"{name} {k % artists}", "") for k in range(count)]

    many = tracks("many", study.RARE_SONGS + 4, study.RARE_ARTISTS)
    few = tracks("few", study.RARE_SONGS - 1, study.RARE_ARTISTS)
    narrow = tracks("narrow", study.RARE_SONGS + 4, study.RARE_ARTISTS - 1)
    enough = tracks("enough", study.RARE_SONGS, study.RARE_ARTISTS)
    assert study.genres([*many, *few, *narrow, *enough, *tracks("", 30, 9)]) == ["many", "enough"]


# What it learns from


def test_features_are_those_that_a_file_gives(tiny: SimpleNamespace, music: Array, tmp_path: Path) -> None:
    model = models.by_name("tiny")
    heard, _ = data.Listener(model, (32, 512), tmp_path)(music)
    for view, latent in zip(heard, (32, 512), strict=True):
        reader = Reader(BytesIO(encoded(music, latent=latent)))
        whole = np.concatenate(list(runtime.file_segments(reader, model)))
        np.testing.assert_array_equal(view[: len(whole) * GROUP].reshape(whole.shape), whole)


def test_tokens_are_what_the_hyper_latents_are_made_of() -> None:
    from training.ranked.export import write_graph
    from training.ranked.onnx_graphs import EncoderGraph
    from training.ship.tiny import untrained

    encoder = untrained().encoder
    torch.nn.init.normal_(encoder.hyper.weight, std=0.1)
    example = torch.randn(2, 12, 1400) * 0.01
    graph, name = data.tapped(write_graph(EncoderGraph(encoder), (example,), ("coefficients",), ["hyper"]))
    x = torch.randn(1, 12, 1400) * 0.01
    out = Network(graph, {"coefficients"}, "cpu")(coefficients=x.numpy())
    with torch.no_grad():
        rebuilt = encoder.envelope(x) + 2 * torch.tanh(encoder.hyper(torch.from_numpy(out[name])))
    np.testing.assert_allclose(rebuilt.numpy(), out["hyper"], atol=1e-4)


def test_mfccs_of_a_louder_sound_differ_in_the_first_only() -> None:
    x = np.random.default_rng(0).normal(0, 0.1, (2, 44100)).astype(np.float32)
    quiet, loud = data.mfcc(x), data.mfcc(2 * x)
    assert quiet.shape[1] == data.MFCCS
    np.testing.assert_allclose((loud - quiet)[:, 0], 20 * np.log10(2) * data.MELS**0.5, rtol=1e-3)
    np.testing.assert_allclose(loud[:, 1:], quiet[:, 1:], atol=0.01)


def test_segments_are_spread_evenly_and_short_songs_repeated() -> None:
    assert data.starts(242) == [0, 50, 100, 150, 200]
    assert data.starts(10) == [0] * 5
    x = np.arange(10.0)[:, None]
    np.testing.assert_array_equal(data.cut(x, 3, 12)[:, 0], [3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4])


# The whole


def test_the_study_end_to_end(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hiss against hum: everything is written, and the exported classifier tells them apart in real files."""
    rng, lines = np.random.default_rng(0), ["path,genre,artist,split,licence,title"]
    t = np.arange(4 * 44100) / 44100
    for number in range(24):
        kind = ("hiss", "hum")[number % 2]
        hum = sum(np.sin(2 * np.pi * 55 * k * t * rng.uniform(0.9, 1.1)) / k for k in range(1, 6))
        wave = rng.standard_normal(len(t)) if kind == "hiss" else hum
        soundfile.write(tmp_path / f"{number}.wav", 0.1 * wave, 44100)
        split = "train" if number < 18 else "test"
        lines.append(f"{number}.wav,{kind},artist {number // 2},{split},CC0,song {number}")
    lines.append("missing.wav,hum,nobody,train,CC0,gone")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    monkeypatch.setattr(
        sys, "argv", ["genre", "--data", str(tmp_path), "--out", str(out), "--quick", "--model", "tiny", "--jobs", "1"]
    )
    study.main()
    results = json.loads((out / "results.json").read_text())
    assert results["data"]["skipped"] == 1 and results["data"]["split"] == "own"
    assert [(found["name"], found["songs"]) for found in results["evaluations"]] == [
        ("cross-validation", 18),
        ("test part", 6),
    ]
    test = results["evaluations"][1]
    assert len(test["systems"]) == 5 and test["files"]["accuracy"] == 1
    assert (out / "table.md").read_text() in capsys.readouterr().out
    assert (out / "confusion.png").read_bytes().startswith(b"\x89PNG")
    card = Classifier(out / "model").card
    assert card["data"]["licences"] == {"CC0": 18} and card["codec_models"] == [models.by_name("tiny").id.hex()]
    assert "song 3 by artist 1, CC0" in (out / "model" / "ATTRIBUTION.md").read_text()
    coded = encoded(0.05 * rng.standard_normal((2, 150_000)).astype(np.float32), latent=64)
    assert runtime.classify(BytesIO(coded), Classifier(out / "model")).genre == "hiss"


def test_a_collection_without_genres_gets_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(44100), 44100)
    monkeypatch.setattr(sys, "argv", ["genre", "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match=r"^training.genre.study: error: .* names no genres to learn$"):
        study.main()
