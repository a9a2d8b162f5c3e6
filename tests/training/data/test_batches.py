"""Training items: splits, the cache of decoded music, crops, augmentation, transforms."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from codec.dsp import stereo
from formats.errors import UsageError
from formats.grid import BANDS, COEFFICIENTS, HOP, SEGMENT, WINDOW_UNIT, WINDOW_UNITS
from tests.support.training_runs import write_music
from training.data import batches
from training.data.shards import scaled
from training.data.songs import song
from training.items.synthesis import rotate_back, synthesize
from training.ship.tiny import SyntheticMusic


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_music(tmp_path / "music")


def test_the_test_split_never_trains(folder: Path) -> None:
    assert [path.name for path in batches.listed(folder, "train")] == ["a.wav", "b.flac"]
    assert [path.name for path in batches.listed(folder, "test")] == ["secret.wav"]
    (folder / "manifest.csv").unlink()
    everything = {"a.wav", "b.flac", "secret.wav", "kept.wav", "hit.wav"}
    assert {path.name for path in batches.listed(folder, "train")} == everything


def test_songs_with_voices_can_be_taken_more_often(folder: Path) -> None:
    assert batches.with_voices(folder, "train") == set()
    with (folder / "manifest.csv").open("w") as lines:
        lines.write("path,split,vocals\na.wav,train,no\nb.flac,train,yes\nsecret.wav,test,yes\n")
    assert batches.with_voices(folder, "train") == {folder / "b.flac"}
    music = batches.Music(batches.listed(folder, "train"), folder / "cache", "train", {folder / "b.flac": 3.0})
    np.testing.assert_allclose(music.chance, [1 / 4, 3 / 4])


def test_no_more_pieces_are_taken_than_there_is_music(folder: Path) -> None:
    music = batches.Music(batches.listed(folder, "train"), folder / "cache", "train")
    seconds = sum(music.shards.lengths) / 44100
    assert music.enough(100, seconds / 7.5) == 8
    assert music.enough(100, seconds / 7.5, times=2) == 15
    assert music.enough(5, seconds / 7.5) == 5
    assert music.enough(100, 1e6) == 1


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
    seen = set()
    for length in (100, 4999, 5001, 20_000):
        for _ in range(10):
            piece = songs.crop(rng, length)
            assert piece.shape == (2, length)
            inside = np.round(piece[piece != 0], 3)
            assert len(set(inside.tolist())) == 1  # one song, zeros after its end
            seen.add(round(float(inside[0]), 1))
    assert seen == {0.1, 0.2, 0.3}

    monkeypatch.setattr("training.data.shards._decode", None)  # nothing is left to be decoded
    kept = batches.Music(paths[1:], tmp_path / "cache", "train")
    assert len(kept) == 2
    assert all(np.array_equal(kept.shards[i], songs.shards[i + 1]) for i in range(2))


def test_music_that_cannot_be_read_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "hit.wav", song(0.2, seed=1).T, 44100)
    (tmp_path / "noise.txt").write_text("no music")
    music = batches.Music(sorted(tmp_path.glob("*.*")), tmp_path / "cache", "loops")
    assert [track.path.name for track in music.shards.tracks] == ["hit.wav"]
    told = capsys.readouterr().err
    assert told.startswith("loops: 1 tracks, 0.00 h; 1 skipped: ")
    assert f"\n  left out {tmp_path / 'noise.txt'}: holds no audio" in told and " more" not in told
    bad = [tmp_path / f"{number}.wav" for number in range(12)]
    batches.Music(bad, tmp_path / "cache", "loops")
    assert capsys.readouterr().err.endswith("7.wav: no such file\n  and 2 more\n")


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


def test_songs_are_drawn_as_numpy_draws_them(folder: Path) -> None:
    soundfile.write(folder / "b.flac", song(2.0, seed=1).T, 44100)
    music = batches.Music(batches.listed(folder, "train"), folder / "cache", "train")
    mine, wanted = np.random.default_rng(4), np.random.default_rng(4)
    for _ in range(20):
        x = music.shards[int(wanted.choice(2, p=music.chance))]
        start = int(wanted.integers(0, x.shape[1] - 100))
        assert np.array_equal(music.crop(mine, 100), scaled(x[:, start : start + 100]))


def test_music_without_weight_is_none(folder: Path) -> None:
    songs = batches.listed(folder, "train")
    music = batches.Music(songs, folder / "cache", "train", dict.fromkeys(songs, 0.0))
    with pytest.raises(UsageError, match="has any weight"):
        music.crop(np.random.default_rng(0), 10)


def test_batches_are_named_by_their_seed() -> None:
    music = SyntheticMusic()

    def take(seed: int) -> Any:
        return next(batches.batches(music, music, seed, 3, 2 * SEGMENT))

    batch = take(1)
    assert batch.coefficients.shape == (3, 2 * SEGMENT, COEFFICIENTS)
    assert batch.long.shape == (3, 2, WINDOW_UNITS) and batch.long.dtype == np.bool_ and batch.long.any()
    assert batch.rotation.shape == (3, 2, BANDS)
    assert batch.waves.shape == (3, 2, (2 * SEGMENT - 1) * HOP)
    assert np.abs(batch.waves).max() <= 1
    again, other = take(1), take(2)
    assert all(np.array_equal(a, b) for a, b in zip(again, batch, strict=True))
    assert not np.array_equal(other.waves, batch.waves)
    coefficients, long, rotation, _ = map(torch.from_numpy, batch)
    back = synthesize(rotate_back(coefficients, rotation), long).numpy()
    np.testing.assert_allclose(back, batch.waves, atol=1e-5)


def test_batches_that_are_not_adapted_are_mid_and_side() -> None:
    music = SyntheticMusic()
    adapted, plain = (next(batches.batches(music, music, 4, 4, 252, adapted=kind)) for kind in (True, False))
    assert plain.rotation.shape == (4, 2, BANDS) and not plain.rotation.any()
    assert plain.long.shape == (4, 2, WINDOW_UNITS) and not plain.long.any()
    assert adapted.rotation.any() and adapted.long.any()  # or the test could not fail
    assert np.array_equal(adapted.waves, plain.waves)
    for one, angles, units, wanted in zip(
        adapted.coefficients, adapted.rotation, adapted.long, plain.coefficients, strict=True
    ):
        short = ~np.repeat(units.ravel(), WINDOW_UNIT)
        np.testing.assert_allclose(stereo.rotate_back(one, angles)[short], wanted[short], atol=1e-5)
    back = synthesize(*map(torch.from_numpy, plain[:2])).numpy()
    np.testing.assert_allclose(back, plain.waves, atol=1e-5)


class Hits(SyntheticMusic):
    """Faint noise, and every half second a hit of noise."""

    def crop(self, rng: np.random.Generator, length: int) -> Any:
        x = rng.standard_normal((2, length)).astype(np.float32) * np.float32(1e-3)
        for start in range(20_000, length, 22_050):
            x[:, start : start + 500] *= 300
        return x


def test_gain_control_is_applied_to_items_as_to_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def batch() -> batches.Batch:
        return next(batches.batches(Hits(), Hits(), 3, 4, 2 * SEGMENT))

    got = batch()
    monkeypatch.setattr(batches, "apply_gain_control", lambda x: x)
    flat = batch()
    rise = np.abs(got.waves).mean() / np.abs(flat.waves).mean()
    assert rise > 1.02
    loud = np.abs(flat.waves).max(1) > 0.7 * np.abs(flat.waves).max((1, 2))[:, None]
    np.testing.assert_allclose(*(np.where(loud[:, None], x.waves, 0) for x in (got, flat)), atol=1e-6)
    back = synthesize(rotate_back(*map(torch.from_numpy, (got.coefficients, got.rotation))),
                             torch.from_numpy(got.long)).numpy()  # fmt: skip
    np.testing.assert_allclose(back, got.waves, atol=1e-5)
