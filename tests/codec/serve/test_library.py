"""Which songs a folder has, how they are described and found, and that nothing outside is."""

import os
import shutil
from pathlib import Path

import pytest

from codec.serve import library as module
from codec.serve.library import Library
from formats import Metadata
from formats.container.metadata import Picture
from formats.errors import UsageError
from tests.codec.serve.conftest import ARTIST, PNG, TITLE
from tests.support.cli_fakes import RATE, aez_file


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH", -1.0)


def test_songs_are_sorted_and_described(folder: Path) -> None:
    songs = Library(folder).songs()
    assert [song.title for song in songs] == ["real", "First", "Jóga <b>&"]
    last = songs[-1]
    assert (last.artist, last.album, last.seconds, last.damage) == (ARTIST, "Two", 3.0, "")
    assert last.size == last.path.stat().st_size
    cover = last.cover
    assert cover is not None and cover.kind == "image/png"
    assert last.path.read_bytes()[cover.start : cover.start + cover.size] == PNG
    assert [song.id for song in Library(folder).songs()] == [song.id for song in songs]


def test_a_song_whose_pictures_are_damaged_keeps_its_name(folder: Path) -> None:
    path = folder / "album" / "a second.aez"
    path.write_bytes(path.read_bytes().replace(b"back", b"lack"))
    (song,) = (song for song in Library(folder).songs() if song.path == path)
    assert song.artist == ARTIST and "pictures" in song.damage


@pytest.mark.parametrize("query", ["joga", "JÓGA", "two bjork", "second", "album/a"])
def test_a_search_finds_words_of_tags_and_paths(folder: Path, query: str) -> None:
    assert [song.artist for song in Library(folder).search(query)] == [ARTIST]
    assert Library(folder).search(query + " nothing") == []


def test_what_changes_on_the_disk_is_noticed(folder: Path) -> None:
    library = Library(folder)
    before = {song.title: song.id for song in library.songs()}
    (folder / "album" / "first.aez").write_bytes(aez_file(2 * RATE, Metadata({"TITLE": ("Anew",)})))
    (folder / "real.aez").unlink()
    assert library.song(before["real"]) is None
    changed = library.song(before["First"])
    assert changed is not None and (changed.title, changed.seconds) == ("Anew", 2.0)
    assert {song.title for song in library.songs()} == {"Anew", TITLE}


def test_links_that_lead_out_are_left_out(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(folder / "album", outside)
    (folder / "out.aez").symlink_to(tmp_path / "secret.aez")
    (folder / "outfolder").symlink_to(outside)
    (folder / "in.aez").symlink_to("real.aez")
    (folder / "loop.aez").symlink_to("loop.aez")
    library = Library(folder)
    songs = {song.path.name: song for song in library.songs()}
    assert set(songs) == {"real.aez", "in.aez", "first.aez", "a second.aez"}
    (folder / "in.aez").unlink()  # and a link that changes its mind later
    (folder / "in.aez").symlink_to(tmp_path / "secret.aez")
    assert library.song(songs["in.aez"].id) is None
    shutil.rmtree(folder / "album")
    (folder / "album").symlink_to(outside)
    assert library.song(songs["first.aez"].id) is None


def test_damaged_and_odd_files_are_listed_with_what_is_wrong(folder: Path, coded: bytes) -> None:
    (folder / "empty.aez").write_bytes(b"")
    (folder / "cut.aez").write_bytes(coded[: len(coded) // 2])
    (folder / "folder.aez").mkdir()
    os.mkfifo(folder / "pipe.aez")
    (folder / ".hidden.aez").write_bytes(coded)
    (folder / os.fsdecode(b"caf\xe9.aez")).write_bytes(aez_file())
    songs = {song.title: song for song in Library(folder).songs()}
    assert set(songs) == {"real", "First", TITLE, "empty", "cut", "caf\ufffd"}
    assert "not an .aez file" in songs["empty"].damage and "ends early" in songs["cut"].damage
    assert songs["cut"].seconds is None


def test_a_cover_that_could_carry_a_script_is_not_served(folder: Path) -> None:
    (folder / "svg.aez").write_bytes(
        aez_file(RATE, Metadata({"TITLE": ("S",)}, (Picture(b"<svg onload=alert(1)>", "image/png"),)))
    )
    (song,) = Library(folder).search("svg")
    assert song.cover is None


@pytest.mark.parametrize("kept", [".", ".."])
def test_what_is_encoded_is_kept_outside_of_the_folder(folder: Path, kept: str) -> None:
    with pytest.raises(UsageError, match="cannot be kept in"):
        Library(folder, audio=True, without=folder / kept)
    assert Library(folder, audio=True, without=folder / "album").songs()
