"""Folders are listed anew only where they changed, and every change is seen."""

import os
from pathlib import Path

import pytest

from codec.serve import folders as module
from codec.serve.folders import Folders

OLD = 1_700_000_000


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Two folders with a song each; neither has changed for years."""
    for name in ("a", "b/c"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "song.aez").touch()
    settle(tmp_path)
    return tmp_path


def settle(top: Path) -> None:
    for folder, _, _ in os.walk(top):
        os.utime(folder, (OLD, OLD))


def names(folders: Folders, top: Path) -> set[str]:
    return {path.relative_to(top).as_posix() for path in folders.files()}


def test_new_files_and_folders_are_seen_and_lost_ones_are_gone(top: Path) -> None:
    folders = Folders(top, {".aez"})
    assert names(folders, top) == {"a/song.aez", "b/c/song.aez"}
    (top / "b" / "c" / "new.AEZ").touch()
    (top / "a" / "song.aez").unlink()
    (top / "d").mkdir()
    (top / "d" / "other.aez").touch()
    (top / "d" / "other.txt").touch()
    (top / "d" / ".hidden.aez").touch()
    assert names(folders, top) == {"b/c/song.aez", "b/c/new.AEZ", "d/other.aez"}


def test_what_has_not_changed_is_not_listed_again(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = Folders(top, {".aez"})
    wanted = names(folders, top)
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(module.os, "scandir", lambda folder: (listed.append(folder), scandir(folder))[1])
    assert names(folders, top) == wanted and not listed
    (top / "a" / "new.aez").touch()  # it changed just now: a second change could have the same time
    for _ in range(2):
        assert names(folders, top) == {*wanted, "a/new.aez"}
    assert listed == [str(top / "a")] * 2
    monkeypatch.setattr(module, "LASTING", -1)
    assert names(folders, top) == {*wanted, "a/new.aez"} and len(listed) == 2 + 4


def test_a_folder_that_cannot_be_read_is_left_out(top: Path) -> None:
    folders = Folders(top, {".aez"})
    folders.files()
    (top / "loop").symlink_to(top)
    (top / "a" / "song.aez").unlink()
    (top / "a").rmdir()
    assert names(folders, top) == {"b/c/song.aez"}
    assert Folders(top / "gone", {".aez"}).files() == []
