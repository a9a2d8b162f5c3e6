"""The imitation of FMA: its layout, what is broken in it, and genres that can be told apart across artists."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from formats.errors import UsageError
from training.data.batches import listed
from training.data.collection import collection, divide
from training.data.fma_imitation import BROKEN, main, write_fma
from training.data.recipes import RECIPES, artist_traits, track
from training.data.shards import Shards

SMALL = {"Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental", "International", "Pop", "Rock"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, str]]:
    """Two genres of five tracks by four artists."""
    folder = tmp_path_factory.mktemp("imitation") / "fma"
    return folder, write_fma(folder, 5, 4.0, artists=4, genres=("Folk", "Rock"))


def test_the_tables_are_laid_out_as_fma_lays_them_out(tree: tuple[Path, dict[int, str]]) -> None:
    text = (tree[0] / "fma_metadata" / "tracks.csv").read_text(encoding="utf-8")
    above, below, index, *lines = csv.reader(text.splitlines(keepends=True))
    assert Counter(above) == {"": 1, "album": 13, "artist": 17, "set": 2, "track": 20}
    assert above == ["", *sorted(above[1:])]
    assert below[:3] == ["", "comments", "date_created"] and below[-2:] == ["tags", "title"]
    assert index == ["track_id", *[""] * 52]
    assert {len(line) for line in lines} == {53}
    numbers = [int(line[0]) for line in lines]
    assert numbers == sorted(set(numbers))
    column = list(zip(above, below, strict=True)).index(("set", "subset"))
    assert Counter(line[column] for line in lines) == {"small": 15, "medium": 2, "large": 2}


def test_the_collection_reads_it(tree: tuple[Path, dict[int, str]]) -> None:
    folder, broken = tree
    tracks = collection(folder)
    sound = [track for track in tracks if int(track.name) not in broken]
    assert Counter(track.genre for track in sound) == {"Folk": 5, "Rock": 5}
    assert Counter(track.split for track in sound) == {"train": 6, "validation": 2, "test": 2}
    artists = {split: {track.artist for track in tracks if track.split == split} for split in ("train", "test")}
    assert len(artists["train"]) == 4 and not artists["train"] & artists["test"]
    train, test = divide(sound, "artist")
    assert len(train) == 7 and {clip.genre for clip in test} == {"Folk", "Rock"}
    assert not {clip.artist for clip in train} & {clip.artist for clip in test}
    assert len(collection(folder, "medium")) == 17 and len(collection(folder, "large")) == 19
    assert listed(folder, "test") == sorted(track.path for track in tracks if track.split == "test")
    for clip in sound:
        told = soundfile.info(clip.path)
        assert (told.format, told.samplerate, clip.path.parent.name) == ("MP3", 44100, clip.name[:3])
        assert told.frames == 4 * 44100
        assert told.channels == (1 if int(clip.name) % 3 == 0 else 2)


def test_the_broken_ones_are_found(tree: tuple[Path, dict[int, str]], tmp_path: Path) -> None:
    folder, broken = tree
    assert sorted(broken.values()) == sorted(BROKEN)
    made = Shards.build(collection(folder), tmp_path, jobs=1)
    assert len(made) == 10
    reasons = {broken[int(name)]: reason for name, reason in made.skipped.items()}
    assert reasons["missing"] == "no such file"
    assert reasons["short"] == "too short: 1.5 s"
    assert reasons["cut"] in ("too short: 1.4 s", "too short: 1.5 s")
    for kind in ("empty", "text"):
        assert "libsndfile" in reasons[kind]


def test_a_seed_names_the_tree(tree: tuple[Path, dict[int, str]], tmp_path: Path) -> None:
    write_fma(tmp_path / "again", 1, 4.0, artists=2, genres=("Folk",), broken=False)
    write_fma(tmp_path / "same", 1, 4.0, artists=2, genres=("Folk",), broken=False)
    write_fma(tmp_path / "other", 1, 4.0, artists=2, genres=("Folk",), broken=False, seed=1)
    again, same, other = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("again", "same", "other")
    )
    assert again == same
    assert again.keys() != other.keys() and len(other) == 2


def test_what_cannot_be_imitated(
    tree: tuple[Path, dict[int, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UsageError, match="exists and is not an empty folder"):
        write_fma(tree[0])
    for numbers in ((0, 30.0, 3), (1, 3.9, 3), (1, 30.0, 1)):
        with pytest.raises(UsageError, match="at least"):
            write_fma(tmp_path / "none", *numbers)
    assert not (tmp_path / "none").exists()
    monkeypatch.setattr("sys.argv", ["imitation", str(tree[0])])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr().err.rstrip().endswith("exists and is not an empty folder")


def spectrum(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean and spread of the levels of 24 bands over time."""
    blocks = x.mean(0)[: x.shape[1] // 2048 * 2048].reshape(-1, 2048) * np.hanning(2048)
    power = np.abs(np.fft.rfft(blocks)) ** 2
    bands = np.log(np.add.reduceat(power, np.unique(np.geomspace(2, 900, 24).astype(int)), axis=1) + 1e-4)
    return np.concatenate([bands.mean(0), bands.std(0)])


def test_genres_can_be_learned_from_other_artists() -> None:
    known = {(genre, artist): spectrum(track(genre, artist, 4.0)) for genre in RECIPES for artist in range(3)}
    scale = np.std(list(known.values()), axis=0)
    hits = 0
    for genre in RECIPES:
        heard = spectrum(track(genre, 7, 4.0, seed=1))
        hits += min(known, key=lambda kind: np.square((known[kind] - heard) / scale).sum())[0] == genre
    assert hits >= 5  # of eight, by the nearest neighbour; chance is one
    assert set(RECIPES) == SMALL


def test_tracks_are_themselves() -> None:
    x = track("Pop", 0, 2.0)
    assert x.shape == (2, 88200) and x.dtype == np.float32
    assert 0.5 < np.abs(x).max() <= 0.9
    assert np.array_equal(x, track("Pop", 0, 2.0))
    others = [track("Pop", 0, 2.0, seed=1), track("Pop", 1, 2.0), track("Rock", 0, 2.0)]
    assert not any(np.array_equal(x, other) for other in others)
    assert artist_traits("Pop", 0) != artist_traits("Pop", 1) != artist_traits("Rock", 1)
    assert artist_traits("Pop", 0) == artist_traits("Pop", 0)
