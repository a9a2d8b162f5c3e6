"""The study's collection: links, what is left of other data, its digest."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.data.collection import collection
from training.data.tracks import Track
from training.study.music import linked, write_manifest


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    for name in ("one", "deep/two", "deep/three"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / f"{name}.wav", np.zeros((4410, 2)), 44100)
    return folder


def test_a_linked_collection_keeps_names_and_content(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tracks = linked(collection(music), out)
    assert [track.path.relative_to(out).as_posix() for track in tracks] == ["deep/three.wav", "deep/two.wav", "one.wav"]
    assert all(track.path.read_bytes() == (music / track.path.relative_to(out)).read_bytes() for track in tracks)
    assert linked(collection(music), out) == tracks  # once more changes nothing
    write_manifest({"train": tracks[:2], "test": tracks[2:]}, out)
    assert [(t.name, t.split) for t in collection(out)] == [
        ("deep/three", "train"),
        ("deep/two", "train"),
        ("one", "test"),
    ]
    with (out / "manifest.csv").open(newline="") as lines:
        assert {row["path"] for row in csv.DictReader(lines)} == {"deep/three.wav", "deep/two.wav", "one.wav"}


def test_other_data_of_the_same_names_replace_what_was_there(music: Path, tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    first = write_manifest({"train": linked(collection(music), out)}, out)
    other.mkdir()
    soundfile.write(other / "one.wav", np.ones((4410, 2)) / 2, 44100)
    tracks = linked(collection(other), out)
    assert [track.path.read_bytes() for track in tracks] == [(other / "one.wav").read_bytes()]
    assert {p for p in out.rglob("*") if not p.is_dir()} == {out / "one.wav"}
    assert write_manifest({"train": tracks}, out) != first


def test_the_digest_is_of_labels_division_and_files(music: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tracks = linked(collection(music), out)
    digest = write_manifest({"train": tracks[:2], "test": tracks[2:]}, out)
    assert write_manifest({"train": tracks[:2], "test": tracks[2:]}, out) == digest
    assert write_manifest({"train": tracks[:1], "test": tracks[1:]}, out) != digest
    named = [Track(t.path, t.name, "Folk", t.artist, t.split) for t in tracks]
    assert write_manifest({"train": named[:2], "test": named[2:]}, out) != digest
    os.utime(music / "one.wav", ns=(1, 1))
    assert write_manifest({"train": tracks[:2], "test": tracks[2:]}, out) != digest


def test_files_are_copied_where_links_cannot_be_made(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    out = tmp_path / "out"
    tracks = linked(collection(music), out)
    before = [track.path.stat() for track in tracks]
    assert all(not track.path.is_symlink() and track.path.is_file() for track in tracks)
    linked(collection(music), out)
    assert [track.path.stat().st_mtime_ns for track in tracks] == [state.st_mtime_ns for state in before]
    soundfile.write(music / "one.wav", np.ones((5000, 2)) / 2, 44100)
    linked(collection(music), out)
    assert (out / "one.wav").read_bytes() == (music / "one.wav").read_bytes()
