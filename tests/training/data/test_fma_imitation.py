"""The imitation of FMA: its layout, and what is broken in it."""

import csv
from collections import Counter
from pathlib import Path

import pytest
import soundfile

from formats.errors import UsageError
from training.data.batches import listed
from training.data.collection import collection, divide
from training.data.fma_imitation import BROKEN, main, write_fma
from training.data.shards import Shards


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
    assert len(train) in (6, 7, 8) and {clip.genre for clip in test} == {"Folk", "Rock"}
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
    assert "is cut: " in reasons["cut"]
    for kind in ("empty", "text"):
        assert "no audio" in reasons[kind]


def test_a_seed_names_the_tree(tree: tuple[Path, dict[int, str]], tmp_path: Path) -> None:
    write_fma(tmp_path / "again", 1, 4.0, artists=2, genres=("Folk",), broken=False)
    write_fma(tmp_path / "same", 1, 4.0, artists=2, genres=("Folk",), broken=False)
    write_fma(tmp_path / "other", 1, 4.0, artists=2, genres=("Folk",), broken=False, seed=1)
    again, same, other = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("again", "same", "other")
    )
    assert again == same
    assert again.keys() != other.keys() and len(other) == 3


def test_what_cannot_be_imitated(
    tree: tuple[Path, dict[int, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UsageError, match="exists and is not an empty folder"):
        write_fma(tree[0])
    for numbers in ((0, 30.0, 3), (1, 3.9, 3), (1, 30.0, 1)):
        with pytest.raises(UsageError, match="at least"):
            write_fma(tmp_path / "none", *numbers)
    assert not (tmp_path / "none").exists()
    with pytest.raises(SystemExit) as left:
        main([str(tree[0])])
    assert left.value.code == 2
    assert capsys.readouterr().err.rstrip().endswith("exists and is not an empty folder")
