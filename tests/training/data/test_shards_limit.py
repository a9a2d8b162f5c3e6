"""The limit of a cache of decoded music: songs are shortened to their share, and what nobody needs is removed."""

import os
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from formats.errors import UsageError
from training.data import shard_cache, shards
from training.data.fma import KNOWN_BAD
from training.data.shards import Shards
from training.data.tracks import Track

RATE = 44100


def tracks(folder: Path, lengths: dict[str, float]) -> list[Track]:
    """Mono files that count their samples, from -16000 on."""
    out = []
    for name, seconds in lengths.items():
        path = folder / f"{name}.wav"
        if not path.exists():
            count = np.arange(round(seconds * RATE)) % 32000 - 16000
            soundfile.write(path, count.astype(np.int16), RATE)
        out.append(Track(path, name, "", "", ""))
    return out


def gb(seconds: float) -> float:
    """Size of so many seconds."""
    return seconds * RATE * 4 / 1e9


def size(cache: Path) -> float:
    """Seconds that all shards hold together."""
    return sum(path.stat().st_size for path in cache.glob("*.shard")) / 4 / RATE


def test_every_song_has_an_equal_share_and_a_longer_one_keeps_its_middle(tmp_path: Path) -> None:
    made = Shards.build(tracks(tmp_path, {"a": 0.2, "b": 0.7}), tmp_path / "cache", shortest=0, limit_gb=gb(0.6))
    assert made.lengths == [round(0.2 * RATE), round(0.3 * RATE)] and made.shortened == 1
    assert made[1][0, 0] == pytest.approx(0.2 * RATE - 16000, abs=2)
    assert size(tmp_path / "cache") <= 0.6
    assert "of 1 songs only the middle is kept" in made.report()


def test_a_song_that_is_shorter_than_its_file_says_keeps_its_middle_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (song,) = tracks(tmp_path, {"a": 0.7})
    monkeypatch.setattr(shards, "_expected", lambda _: 10 * RATE)
    made = Shards.build([song], tmp_path / "cache", shortest=0, limit_gb=gb(0.3))
    assert made.lengths == [round(0.3 * RATE)]
    assert made[0][0, 0] == pytest.approx(0.2 * RATE - 16000, abs=2)
    again = Shards.build(tracks(tmp_path, {"b": 0.1}), tmp_path / "cache", shortest=0, limit_gb=gb(0.3))
    assert again.lengths == [round(0.1 * RATE)] and not again.shortened


def test_a_step_with_fewer_songs_takes_what_is_there_and_a_larger_limit_decodes_anew(tmp_path: Path) -> None:
    both, cache = tracks(tmp_path, {"a": 0.2, "b": 0.7}), tmp_path / "cache"
    Shards.build(both, cache, shortest=0, limit_gb=gb(0.6))
    before = set(cache.iterdir())
    assert Shards.build(both[1:], cache, shortest=0).lengths == [round(0.3 * RATE)]
    assert set(cache.iterdir()) == before
    again = Shards.build(both, cache, shortest=0, limit_gb=gb(2))
    assert again.lengths == [round(0.2 * RATE), round(0.7 * RATE)] and not again.shortened
    assert Shards.build(both, cache, shortest=0).lengths == again.lengths


def test_shards_that_nobody_needs_are_removed_the_longest_unused_first(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    old, older, young = (tracks(tmp_path, {name: 0.3}) for name in ("old", "older", "young"))
    used = {}
    for name, given, age in (("old", old, 2), ("older", older, 3), ("young", young, 0)):
        before = set(cache.glob("*.json"))
        Shards.build(given, cache, shortest=0)
        (used[name],) = set(cache.glob("*.json")) - before
        os.utime(used[name], (time.time() - age * shard_cache.IN_USE,) * 2)
    made = Shards.build(tracks(tmp_path, {"new": 0.3}), cache, shortest=0, limit_gb=gb(0.95))
    assert made.lengths == [round(0.3 * RATE)]
    assert {name for name, index in used.items() if index.exists()} == {"old", "young"}
    assert size(cache) <= 0.95
    Shards.build(tracks(tmp_path, {"new": 0.3}), cache, shortest=0, limit_gb=gb(0.35))
    assert {name for name, index in used.items() if index.exists()} == {"young"}  # somebody may still read it
    assert len(list(cache.glob("*.shard"))) == 2


def test_whoever_reads_for_longer_than_a_day_keeps_its_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    read = pickle.loads(pickle.dumps(Shards.build(tracks(tmp_path, {"old": 0.3}), cache, shortest=0)))
    (index,) = cache.glob("*.json")
    for renewed in (1e9, 0.0):  # within the hour nothing is marked, afterwards it is
        os.utime(index, (time.time() - 2 * shard_cache.IN_USE,) * 2)
        monkeypatch.setattr(shard_cache, "RENEWED", renewed)
        assert read[0].shape == (2, round(0.3 * RATE))
        assert (time.time() - index.stat().st_mtime < shard_cache.IN_USE) == (not renewed)
    Shards.build(tracks(tmp_path, {"new": 0.1}), cache, shortest=0, limit_gb=gb(0.15))
    assert index.exists()


def test_a_step_that_only_reads_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps of a study are not told how large its cache may be."""
    cache = tmp_path / "cache"
    for name in "ab":
        Shards.build(tracks(tmp_path, {name: 0.3}), cache, shortest=0, limit_gb=gb(2))
    for index in cache.glob("*.json"):
        os.utime(index, (time.time() - 2 * shard_cache.IN_USE,) * 2)
    monkeypatch.setattr(shards, "LIMIT_GB", gb(0.4))
    for names, left in (({"b": 0.3}, 0.6), ({"b": 0.3, "c": 0.1}, 0.4)):
        Shards.build(tracks(tmp_path, names), cache, shortest=0)
        assert size(cache) == pytest.approx(left, abs=1e-3)


def test_files_of_others_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    theirs = [cache / name for name in ("weights.shard", "weights.shard.json", ".download.part")]
    for path in theirs:
        path.write_bytes(bytes(100_000))
        os.utime(path, (time.time() - 9 * shard_cache.IN_USE,) * 2)
    made = Shards.build(tracks(tmp_path, {"a": 0.2}), cache, shortest=0, limit_gb=gb(0.3))
    assert made.lengths == [round(0.2 * RATE)] and all(path.exists() for path in theirs)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_no_more_shards_are_mapped_than_a_process_may_have_files_open(tmp_path: Path) -> None:
    """A mapping keeps a file descriptor, of which many systems allow 1,024; fma_large has more shards."""
    names = [f"{i:024x}.shard" for i in range(shard_cache.MAPPED + 20)]
    for name in names:
        (tmp_path / name).write_bytes(bytes(8))
    open_files = Path("/proc/self/fd")
    before = len(list(open_files.iterdir()))
    for name in names:
        assert shard_cache.Location(tmp_path / name, 0, 2).read().shape == (2, 2)
    assert len(list(open_files.iterdir())) - before <= shard_cache.MAPPED


def test_a_shard_that_another_process_has_just_removed_is_not_known(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    Shards.build(tracks(tmp_path, {"a": 0.2}), cache, shortest=0)
    assert len(shard_cache.known(cache)) == 1
    (index,) = cache.glob("*.json")
    index.unlink()
    assert shard_cache.known(cache) == {}


def test_a_limit_that_leaves_nothing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a cache of 0.001 GB leaves 2.8 s of each of 2 songs"):
        Shards.build(tracks(tmp_path, {"a": 0.2, "b": 0.2}), tmp_path / "cache", limit_gb=0.001)


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_that_is_none_is_one_line(tmp_path: Path, limit: float) -> None:
    with pytest.raises(UsageError, match="GB cannot be"):
        Shards.build(tracks(tmp_path, {"a": 0.2}), tmp_path / "cache", limit_gb=limit)


def test_clips_that_fma_is_known_for_are_named_with_what_decoding_found(tmp_path: Path) -> None:
    (known,) = tracks(tmp_path, {"098567": 0.5})
    made = Shards.build([known], tmp_path / "cache")
    assert made.named() == ["098567: too short: 0.5 s (others have found 0.5 s in this clip of FMA)"]
    assert set(KNOWN_BAD.values()) <= {1.6, 0.5, 1.5, 0.0}
