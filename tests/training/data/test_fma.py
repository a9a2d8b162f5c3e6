"""FMA's tables and trees."""

import csv
from pathlib import Path

import pytest

from formats.errors import UsageError
from training.data.collection import Track, collection
from training.data.fma import largest

# The first columns, some of the middle and the last of FMA's tracks.csv, as they stand there.
FMA = """\
,album,album,artist,artist,set,set,track,track,track
,comments,title,id,name,split,subset,duration,genre_top,title
track_id,,,,,,,,,
2,0,AWOL - A Way Of Life,1,AWOL,training,small,168,Hip-Hop,Food
1040,0,Long,7,Smith,validation,medium,237,Rock,"Two
lines, and a comma"
140,1,Niris,54,Nicky Cook,test,small,253,Folk,Queen
148000,0,Über,8,Smith,training,large,600,,Nameless
"""


@pytest.fixture
def fma(tmp_path: Path) -> Path:
    """FMA with its small and its large archive; 140 is only in the large one, 1040 nowhere."""
    (tmp_path / "fma_metadata").mkdir()
    (tmp_path / "fma_metadata" / "tracks.csv").write_text(FMA, encoding="utf-8")
    for name in ("fma_small/000/000002.mp3", "fma_large/000/000140.mp3", "fma_large/148/148000.mp3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_subsets_of_fma_are_nested(fma: Path) -> None:
    food = Track(fma / "fma_small/000/000002.mp3", "000002", "Hip-Hop", "AWOL (1)", "train")
    queen = Track(fma / "fma_large/000/000140.mp3", "000140", "Folk", "Nicky Cook (54)", "test")
    lines = Track(fma / "fma_large/001/001040.mp3", "001040", "Rock", "Smith (7)", "validation")
    nameless = Track(fma / "fma_large/148/148000.mp3", "148000", "", "Smith (8)", "train")
    assert collection(fma) == collection(fma, "small") == [food, queen]
    assert collection(fma, "medium") == [food, queen, lines]
    assert collection(fma, "large") == [food, queen, lines, nameless]
    assert largest(fma) == "large"
    with pytest.raises(UsageError, match="'tiny' is no subset of FMA; there are small, medium, large, full"):
        collection(fma, "tiny")


def test_the_full_dataset_is_whole_songs_of_all_tracks(fma: Path) -> None:
    assert [t.path for t in collection(fma, "full")] == [t.path for t in collection(fma, "large")]  # no archive of them
    touch(fma, "fma_full/000/000002.mp3", "fma_full/148/148000.mp3")
    whole = {t.name: t.path.parts[-3] for t in collection(fma, "full")}
    assert whole["000002"] == whole["148000"] == "fma_full" and whole["000140"] == "fma_large"
    assert collection(fma, "small")[0].path.parts[-3] == "fma_small"
    assert largest(fma) == "full"


@pytest.mark.parametrize("given", ["fma_small", "fma_medium", "."])
def test_the_tree_of_fma_may_lie_elsewhere(tmp_path: Path, given: str) -> None:
    tree = tmp_path / given
    touch(tree, "000/000002.mp3", "000/000140.mp3")
    (tmp_path / "fma_metadata").mkdir()
    (tmp_path / "fma_metadata" / "tracks.csv").write_text(FMA, encoding="utf-8")
    for folder in (tmp_path, tree):  # the folder of everything, or the archive itself
        assert [track.path.resolve() for track in collection(folder)] == [
            tree.resolve() / "000/000002.mp3",
            tree.resolve() / "000/000140.mp3",
        ]
        assert largest(folder) == (given[4:] if given != "." else "small")


def test_fma_needs_its_columns(fma: Path) -> None:
    table = fma / "fma_metadata" / "tracks.csv"
    for text in ("", "track_id,genre\n2,Rock\n", FMA.replace("subset", "part")):
        table.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=r"tracks\.csv is not FMA's: it has no column set\.subset"):
            collection(fma)
    table.write_bytes(b"\xff\xfe\0")
    with pytest.raises(UsageError, match="no CSV file in UTF-8"):
        collection(fma)
    table.write_text(FMA.replace("small", "medium"), encoding="utf-8")
    with pytest.raises(UsageError, match="holds no music"):
        collection(fma)


def test_fma_has_fields_of_any_length(fma: Path) -> None:
    before = csv.field_size_limit()
    (fma / "fma_metadata" / "tracks.csv").write_text(FMA.replace("Niris", "N" * 200_000), encoding="utf-8")
    assert [track.name for track in collection(fma)] == ["000002", "000140"]
    assert csv.field_size_limit() == before
