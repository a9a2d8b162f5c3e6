"""The training loop and its data: resuming, what may learn, splits, the cache, crops."""

import argparse
import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from codec.dsp import stereo
from formats.errors import UsageError
from formats.grid import BANDS, COEFFICIENTS, HOP, SEGMENT, WINDOW_UNIT, WINDOW_UNITS
from training.data import batches
from training.data.songs import song
from training.ranked import losses, train
from training.ranked.config import TrainConfig
from training.ranked.export import restore
from training.ranked.network import Autoencoder, whole
from training.ranked.tables import code_lengths, count
from training.ship.tiny import TINY, SyntheticMusic, untrained

SHORT = TrainConfig(network=TINY, seconds=2.0, batch=2, warmup=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A music folder as `training.data.batches` describes it: two songs to train on, one to test on, one loop."""
    (tmp_path / "loops").mkdir()
    rows = [("a.wav", "train"), ("b.flac", "train"), ("secret.wav", "test"), ("kept.wav", "validation")]
    for number, (name, _) in enumerate(rows):
        soundfile.write(tmp_path / name, song(3.0, seed=number).T, 44100)
    soundfile.write(tmp_path / "loops" / "hit.wav", song(1.0, seed=9, channels=1).T, 44100)
    with (tmp_path / "manifest.csv").open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerows([("path", "split"), *rows])
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, config: TrainConfig, steps: int, **options: Any) -> Any:
    """Train `steps` steps by a clock that ticks whenever it is asked; returns the checkpoint."""
    ticks: Iterator[float] = iter(range(10_000))
    monkeypatch.setattr(train, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    # A step asks twice, first at 1, 3, 5 ...
    given: dict[str, Any] = {"music": folder, "cache": folder / "cache", "out": folder / "run", "tables": None}
    given |= {"resume": None, "noise": None, "fresh": False, "minutes": 2 * steps / 60, "save_minutes": 60, "every": 1}
    train.train(config, argparse.Namespace(**(given | {"device": "cpu"} | options)))
    return torch.load(folder / "run" / "last.pt", weights_only=True)


def same(a: Any, b: Any) -> bool:
    """Two states, whatever they are made of."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else bool(a == b)


def test_a_run_can_be_resumed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = folder / "lengths.npz"
    np.savez(tables, allow_pickle=False, **code_lengths(*count(untrained(), SyntheticMusic(), 1)))
    config = TrainConfig(**{**vars(SHORT), "rate_encoder": 1e-3})
    first = run(monkeypatch, folder, config, 2, tables=tables)
    assert first["step"] == 2
    assert first["seen"] == 2 * 2 * 2.0
    assert TrainConfig.from_plain(first["config"]) == config
    start = Autoencoder(TINY).state_dict()
    moved = {name for name, value in first["model"].items() if not torch.equal(value, start[name])}
    assert {"decoder.heads.weight", "encoder.hyper.weight", "levels.predictor"} <= moved
    assert not {"encoder.bands", "levels.start"} & moved

    checkpoint = folder / "run" / "last.pt"
    again = run(monkeypatch, folder, config, 0, tables=tables, resume=checkpoint)
    assert again["step"] == 2
    assert all(same(again[part], first[part]) for part in ("model", "ema", "optimiser", "config"))

    second = run(monkeypatch, folder, config, 1, tables=tables, resume=checkpoint)
    assert second["step"] == 3
    assert {int(state["step"]) for state in second["optimiser"]["state"].values()} == {3}
    assert second["spent"] > first["spent"]
    assert not same(second["model"], first["model"])

    lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    terms = {"mel", "stft", "similarity", "coefficient", "rate", "norm"}
    assert all(terms <= line.keys() and all(math.isfinite(line[term]) for term in terms) for line in lines)

    model, told = restore(checkpoint)
    assert told["steps"] == 3
    assert same(dict(model.state_dict()), dict(second["ema"]))


def test_the_encoder_stays_at_its_start_unless_it_has_a_rate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(SHORT.seed)
    start = Autoencoder(TINY).state_dict()
    trained = run(monkeypatch, folder, SHORT, 1)["model"]
    assert all(torch.equal(trained[name], start[name]) for name in start if not name.startswith(("decoder.", "noise.")))
    assert not torch.equal(trained["decoder.heads.weight"], start["decoder.heads.weight"])


def test_the_noise_is_learned_from_the_pattern_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = np.random.default_rng(0).normal(size=(2, SEGMENT, COEFFICIENTS)).astype(np.float32)
    np.save(folder / "noise.npy", given)
    trained = run(monkeypatch, folder, SHORT, 1, noise=folder / "noise.npy")["model"]["noise.pattern"].numpy()
    away = np.abs(trained - given)
    assert 0 < away.max() <= SHORT.rate_noise * 1.01  # one step of Adam
    assert np.abs(given - run(monkeypatch, folder, SHORT, 1)["model"]["noise.pattern"].numpy()).max() > 1


def test_a_checkpoint_of_before_long_blocks_is_filled(tmp_path: Path) -> None:
    """With zeros that have no effect, whatever the model has learned that it is given to."""
    new = {"decoder.long", "levels.steady", "levels.mean", "noise.pattern"}
    full = untrained().state_dict()
    older = {name: value for name, value in full.items() if name not in new}
    assert len(older) == len(full) - 4
    got = whole(untrained(), older)
    assert got.keys() == full.keys() and all(torch.equal(got[name], older[name]) for name in older)
    assert not got["decoder.long"].any() and not got["levels.steady"].any()
    assert torch.equal(got["levels.mean"], full["levels.mean"])
    assert same(whole(untrained(), full), dict(full))
    torch.save({"config": SHORT.plain(), "ema": older, "step": 7, "seen": 9.0, "spent": 1.0}, tmp_path / "old.pt")
    assert same(dict(restore(tmp_path / "old.pt")[0].state_dict()), got)


# Data


def test_the_test_split_never_trains(folder: Path) -> None:
    assert [path.name for path in batches.listed(folder, "train")] == ["a.wav", "b.flac"]
    assert [path.name for path in batches.listed(folder, "test")] == ["secret.wav"]
    (folder / "manifest.csv").unlink()
    everything = {"a.wav", "b.flac", "secret.wav", "kept.wav", "hit.wav"}
    assert {path.name for path in batches.listed(folder, "train")} == everything


def test_music_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{name}.wav" for name in "abc"]
    for number, path in enumerate(paths):
        soundfile.write(
            path, np.full((5000 * (number + 1), 1 + number % 2), 0.1 * (number + 1)), 44100, subtype="FLOAT"
        )
    songs = batches.Music(paths, tmp_path / "cache", "train")
    assert songs.shards.lengths == [5000, 10_000, 15_000]
    np.testing.assert_allclose(songs.chance, [1 / 6, 1 / 3, 1 / 2])
    rng = np.random.default_rng(0)
    levels_seen = set()
    for length in (100, 4999, 5001, 20_000):
        for _ in range(10):
            piece = songs.crop(rng, length)
            assert piece.shape == (2, length)
            inside = np.round(piece[piece != 0], 3)
            assert len(set(inside.tolist())) == 1  # one song, zeros after its end
            levels_seen.add(round(float(inside[0]), 1))
    assert levels_seen == {0.1, 0.2, 0.3}

    monkeypatch.setattr("training.data.shards._decode", None)  # nothing is left to be decoded
    kept = batches.Music(paths[1:], tmp_path / "cache", "train")
    assert len(kept) == 2
    assert all(np.array_equal(kept.shards[i], songs.shards[i + 1]) for i in range(2))


def test_music_that_cannot_be_read_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "hit.wav", song(0.2, seed=1).T, 44100)
    (tmp_path / "noise.txt").write_text("no music")
    music = batches.Music(sorted(tmp_path.glob("*.*")), tmp_path / "cache", "loops")
    assert [track.path.name for track in music.shards.tracks] == ["hit.wav"]
    assert capsys.readouterr().err.startswith("loops: 1 tracks, 0.00 h; 1 skipped: ")


def test_training_without_loops_and_without_music(tmp_path: Path) -> None:
    nothing = batches.Music([], tmp_path / "cache", "loops")
    batch = next(batches.batches(SyntheticMusic(), nothing, 0, 20, 6))
    assert batch.coefficients.shape == (20, 6, COEFFICIENTS)
    assert np.abs(batch.waves).max(axis=(1, 2)).min() > 0  # no item is an empty bed
    with pytest.raises(UsageError, match="none of the music"):
        nothing.crop(np.random.default_rng(0), 10)
    (tmp_path / "manifest.csv").write_text("path,split\na.wav,train\n")
    with pytest.raises(UsageError, match="no music in its split 'test'"):
        batches.listed(tmp_path, "test")


def test_batches_are_named_by_their_seed() -> None:
    music = SyntheticMusic()

    def take(seed: int) -> Any:
        return next(batches.batches(music, music, seed, 3, 2 * SEGMENT))

    batch = take(1)
    assert batch.coefficients.shape == (3, 2 * SEGMENT, COEFFICIENTS)
    assert batch.long.shape == (3, 2, WINDOW_UNITS) and batch.long.dtype == np.bool_ and batch.long.any()
    assert batch.turns.shape == (3, 2, BANDS)
    assert batch.waves.shape == (3, 2, (2 * SEGMENT - 1) * HOP)
    assert np.abs(batch.waves).max() <= 1
    again, other = take(1), take(2)
    assert all(np.array_equal(a, b) for a, b in zip(again, batch, strict=True))
    assert not np.array_equal(other.waves, batch.waves)
    coefficients, long, turns, _ = map(torch.from_numpy, batch)
    back = losses.synthesize(losses.turn_back(coefficients, turns), long).numpy()
    np.testing.assert_allclose(back, batch.waves, atol=1e-5)


def test_batches_not_turned_are_mid_and_side() -> None:
    music = SyntheticMusic()
    turned, plain = (next(batches.batches(music, music, 4, 4, 252, turned=turned)) for turned in (True, False))
    assert plain.turns.shape == (4, 2, BANDS) and not plain.turns.any()
    assert plain.long.shape == (4, 2, WINDOW_UNITS) and not plain.long.any()
    assert turned.turns.any() and turned.long.any()  # or the test could not fail
    assert np.array_equal(turned.waves, plain.waves)
    for one, angles, units, wanted in zip(
        turned.coefficients, turned.turns, turned.long, plain.coefficients, strict=True
    ):
        short = ~np.repeat(units.ravel(), WINDOW_UNIT)
        np.testing.assert_allclose(stereo.rotate_back(one, angles)[short], wanted[short], atol=1e-5)
    back = losses.synthesize(*map(torch.from_numpy, plain[:2])).numpy()
    np.testing.assert_allclose(back, plain.waves, atol=1e-5)


class Hits(SyntheticMusic):
    """Faint noise, and every half second a hit of noise."""

    def crop(self, rng: np.random.Generator, length: int) -> Any:
        x = rng.standard_normal((2, length)).astype(np.float32) * np.float32(1e-3)
        for start in range(20_000, length, 22_050):
            x[:, start : start + 500] *= 300
        return x


def test_items_are_raised_before_attacks_as_files_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def batch() -> batches.Batch:
        return next(batches.batches(Hits(), Hits(), 3, 4, 2 * SEGMENT))

    got = batch()
    monkeypatch.setattr(batches, "raised", lambda x: x)
    flat = batch()
    rise = np.abs(got.waves).mean() / np.abs(flat.waves).mean()
    assert rise > 1.02
    loud = np.abs(flat.waves).max(1) > 0.2 * np.abs(flat.waves).max((1, 2))[:, None]
    np.testing.assert_allclose(*(np.where(loud[:, None], x.waves, 0) for x in (got, flat)), atol=1e-6)
    back = losses.synthesize(losses.turn_back(*map(torch.from_numpy, (got.coefficients, got.turns))),
                             torch.from_numpy(got.long)).numpy()  # fmt: skip
    np.testing.assert_allclose(back, got.waves, atol=1e-5)
