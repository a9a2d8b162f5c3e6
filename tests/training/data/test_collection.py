"""Collections as lists of tracks: FMA's tables and trees, manifests, plain folders, and their division."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import UsageError
from training.data.collection import Track, collection, divide
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
    with pytest.raises(UsageError, match="'tiny' is no subset of FMA; there are small, medium, large"):
        collection(fma, "tiny")


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


def test_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(
        "split,path,genre,artist,title\ntest,b/c.ogg,Folk,Bea,x\ntraining,a.wav,,,\n,a.flac, Rock ,Al,y\n\n"
    )
    assert collection(tmp_path) == [
        Track(tmp_path / "a.flac", "a.flac", "Rock", "Al", ""),
        Track(tmp_path / "a.wav", "a.wav", "", "", "train"),
        Track(tmp_path / "b/c.ogg", "b/c", "Folk", "Bea", "test"),
    ]
    (tmp_path / "manifest.csv").write_text("path\na.wav\n")
    assert collection(tmp_path, "whatever") == [Track(tmp_path / "a.wav", "a", "", "", "")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no column 'path'"),
        ("file,split\na,b\n", "has no column 'path'"),
        ("path\n", "holds no music"),
        ("path\na.wav\nb.wav\na.wav\n", "lists a.wav twice"),
    ],
)
def test_a_manifest_that_says_nothing(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(UsageError, match=told):
        collection(tmp_path)


def test_any_folder_of_audio(tmp_path: Path) -> None:
    touch(
        tmp_path, "train/one.MP3", "test/one.m4a", "other/deep/two.flac", "cover.jpg", ".hidden.mp3", "train/note.txt"
    )
    with soundfile.SoundFile(tmp_path / "sung.flac", "w", 44100, 1) as file:
        file.artist = "Cleo"
        file.write(np.zeros(100))
    assert collection(tmp_path) == [
        Track(tmp_path / "other/deep/two.flac", "other/deep/two", "", "", ""),
        Track(tmp_path / "sung.flac", "sung", "", "Cleo", ""),
        Track(tmp_path / "test/one.m4a", "test/one", "", "", "test"),
        Track(tmp_path / "train/one.MP3", "train/one", "", "", "train"),
    ]
    for folder, told in ((tmp_path / "absent", "is no directory"), (tmp_path / "other" / "deep", "holds no music")):
        (tmp_path / "other/deep/two.flac").unlink(missing_ok=True)
        with pytest.raises(UsageError, match=told):
            collection(folder)


# Division


def made(genres: int, artists: int, each: int) -> list[Track]:
    """Tracks of `genres` genres with `artists` artists of `each` tracks; artist 0 is unknown."""
    return [
        Track(Path("x"), f"{g}/{a}/{i}", f"genre {g}", f"artist {g} {a}" if a else "", "")
        for g in range(genres)
        for a in range(artists)
        for i in range(each)
    ]


def names(tracks: list[Track]) -> list[str]:
    return [track.name for track in tracks]


def test_random_division_keeps_the_share_in_every_genre() -> None:
    tracks = made(3, 5, 20)
    train, test = divide(tracks)
    assert Counter(track.genre for track in train) == {f"genre {g}": 70 for g in range(3)}
    assert sorted(names(train) + names(test)) == sorted(names(tracks))
    assert names(train) == sorted(names(train)) and names(test) == sorted(names(test))
    assert divide(tracks[::-1]) == (train, test)
    assert divide(tracks, seed=1)[0] != train
    assert len(divide(tracks, share=0.25)[0]) == 75
    assert names(train)[:6] == ["0/0/0", "0/0/1", "0/0/10", "0/0/11", "0/0/13", "0/0/14"]  # everywhere and for ever


@pytest.mark.parametrize("seed", range(5))
def test_division_by_artist(seed: int) -> None:
    tracks = made(4, 7, 10)
    train, test = divide(tracks, "artist", seed=seed)
    assert not {track.artist for track in train if track.artist} & {track.artist for track in test if track.artist}
    assert sorted(names(train) + names(test)) == sorted(names(tracks))
    for g in range(4):
        assert 44 <= sum(track.genre == f"genre {g}" for track in train) <= 54
    unknown = [sum(not track.artist for track in side) for side in (train, test)]
    assert min(unknown) > 0  # each is an artist of its own


def test_an_artist_of_several_genres_stays_together() -> None:
    tracks = [Track(Path("x"), f"{i:03}", f"genre {i % 3}", f"artist {i % 10}", "") for i in range(120)]
    train, test = divide(tracks, "artist")
    assert not {track.artist for track in train} & {track.artist for track in test}


def test_two_of_a_genre_are_enough_for_both_sides() -> None:
    for how in ("random", "artist"):
        train, test = divide(made(6, 2, 1), how)
        assert {track.genre for track in train} == {track.genre for track in test} == {f"genre {g}" for g in range(6)}


def test_the_collections_own_division() -> None:
    tracks = [
        Track(Path("x"), name, "", "", split)
        for name, split in zip("dcba", ("train", "test", "", "validation"), strict=True)
    ]
    assert [names(side) for side in divide(tracks, "own")] == [["d"], ["c"]]


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: divide(made(1, 1, 9), "genre"), "'genre' is no way to divide a collection; there are random, artist"),
        (lambda: divide(made(1, 1, 9), share=1.0), "share of 1.0 leaves nothing"),
        (lambda: divide(made(1, 1, 9), "own"), "9 tracks divided by 'own' leave nothing to train on"),
        (lambda: divide([]), "0 tracks"),
        (lambda: divide(made(1, 1, 1)), "nothing to test on"),
    ],
)
def test_a_division_with_an_empty_side(ask: Callable[[], object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ask()


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", *"uvwxyz"])), min_size=1, max_size=40),
    st.sampled_from(["random", "artist"]),
    st.floats(0.05, 0.95),
    st.integers(0, 2**32),
)
def test_no_track_is_lost_or_doubled(kinds: list[tuple[str, str]], how: str, share: float, seed: int) -> None:
    tracks = [Track(Path("x"), f"{i:02}", genre, artist, "") for i, (genre, artist) in enumerate(kinds)]
    try:
        train, test = divide(tracks, how, share, seed)
    except UsageError:
        groups = {track.artist or track.name for track in tracks} if how == "artist" else set(names(tracks))
        assert len(groups) <= 3  # one of each genre at most
        return
    assert sorted(names(train) + names(test)) == sorted(names(tracks))
    if how == "artist":
        assert not {track.artist for track in train} & {track.artist for track in test} - {""}
