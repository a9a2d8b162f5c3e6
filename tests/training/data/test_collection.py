"""Collections as lists of tracks: manifests, plain folders, and their division."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import UsageError
from training.data.collection import collection, divide, has_voices, manifest, spread
from training.data.tracks import Track


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


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


def test_a_line_of_a_manifest_has_every_column_and_no_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        manifest(tmp_path)
    (tmp_path / "manifest.csv").write_bytes(b"\xef\xbb\xbfpath,split,vocals\na.wav\n\nb.wav,test, vocals ,more\n")
    lines = manifest(tmp_path)
    assert lines == [
        {"path": "a.wav", "split": "", "vocals": ""},
        {"path": "b.wav", "split": "test", "vocals": " vocals "},
    ]
    assert [has_voices(line) for line in lines] == [False, True]


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


@pytest.mark.parametrize("seed", range(3))
def test_division_by_artist_is_balanced_where_artists_differ_in_size(seed: int) -> None:
    """Few artists of very unequal size, some in two genres: sums of whole artists reach the share all the same."""
    sizes = [23, 17, 11, 7, 5, 3, 2, 1, 1, 1, 1]
    tracks = [
        Track(Path("x"), f"{g}/{a}/{i}", f"genre {g}", f"artist {a if a % 5 == 4 else f'{g} {a}'}", "")
        for g in range(6)
        for a, size in enumerate(sizes)
        for i in range(size + g)
    ]
    train, test = divide(tracks, "artist", seed=seed)
    assert not {track.artist for track in train} & {track.artist for track in test}
    share = [
        sum(t.genre == f"genre {g}" for t in train) / sum(t.genre == f"genre {g}" for t in tracks) for g in range(6)
    ]
    assert min(share) > 0.67 and max(share) < 0.73
    assert divide(tracks[::-1], "artist", seed=seed) == (train, test)


def test_a_dominant_artist_is_on_one_side_and_everybody_else_on_the_other() -> None:
    tracks = [Track(Path("x"), f"{i:02}", "Folk", "A" if i < 18 else f"B{i}", "") for i in range(20)]
    train, test = divide(tracks, "artist")
    assert {track.artist for track in train} == {"A"} and len(test) == 2


def test_a_few_tracks_are_spread_over_genres_and_artists() -> None:
    tracks = made(3, 4, 5)
    few = spread(tracks, 3)
    assert {track.genre for track in few} == {"genre 0", "genre 1", "genre 2"}
    dozen = [track for track in spread(tracks, 24) if track.artist]
    assert max(Counter(track.artist for track in dozen).values()) <= 2
    assert few == [track for track in tracks if track in few]  # in the order given
    assert sorted(names(spread(tracks[::-1], 7))) == sorted(names(spread(tracks, 7)))
    assert spread(tracks, None) == spread(tracks, 1000) == tracks
    assert spread(tracks, 3, seed=1) != few


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
