"""`aez similar`: nearest songs by what files hold, an index that is kept up to date, bad files."""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from codec.inspection import similar
from codec.inspection.similar import INDEX, Index
from tests.support.cli_fakes import aez
from tests.support.codec import encoded


def sound(kind: str, seed: int, gain: float = 0.1) -> np.ndarray:
    """Two and a half seconds of hiss or hum, [2, N]."""
    rng = np.random.default_rng(seed)
    t = np.arange(110_000) / 44100
    hum = sum(np.sin(2 * np.pi * 55 * k * t * rng.uniform(0.98, 1.02)) / k for k in range(1, 6))
    return np.stack([rng.standard_normal(len(t)) if kind == "hiss" else hum] * 2).astype(np.float32) * np.float32(gain)


@pytest.fixture
def library(tiny: SimpleNamespace, tmp_path: Path) -> Path:
    """Four songs, of which the hums have other tiers and volumes."""
    folder = tmp_path / "library"
    (folder / "deep").mkdir(parents=True)
    for name, kind, latent, gain in (
        ("hiss1", "hiss", 64, 0.1), ("deep/hiss2", "hiss", 64, 0.1),
        ("hum1", "hum", 64, 0.1), ("hum2", "hum", 256, 0.4),
    ):  # fmt: skip
        (folder / f"{name}.aez").write_bytes(encoded(sound(kind, len(name) + latent, gain), latent=latent))
    return folder


def rows(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [Path(json.loads(line)["file"]).stem for line in capsys.readouterr().out.splitlines()]


def test_the_nearest_song_sounds_alike_whatever_its_tier_and_volume(
    library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for song, nearest in (("hiss1", "hiss2"), ("hum1", "hum2"), ("hum2", "hum1")):
        assert aez("similar", library / f"{song}.aez", library, "--json") == 0
        found = rows(capsys)
        assert found[0] == nearest and sorted([song, *found]) == ["hiss1", "hiss2", "hum1", "hum2"]
    assert aez("similar", library / "hum1.aez", library, "-n", 1) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(str(library / "hum2.aez")) and float(line.split()[0]) >= 0


def test_the_index_is_read_again_only_for_what_changed(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = similar.vector

    def counted(source, models):
        read.append(Path(source.name).stem)
        return real(source, models)

    monkeypatch.setattr(similar, "vector", counted)

    def asked() -> list[str]:
        read.clear()
        assert aez("similar", library / "hum1.aez", library, "--json") == 0
        return read[1:]  # the first is the song itself

    assert sorted(asked()) == ["hiss1", "hiss2", "hum1", "hum2"]
    assert asked() == []
    capsys.readouterr()
    shutil.copy(library / "hum2.aez", library / "hum3.aez")
    assert asked() == ["hum3"]
    assert rows(capsys)[:2] in (["hum2", "hum3"], ["hum3", "hum2"])
    (library / "hum3.aez").unlink()
    os.utime(library / "hiss1.aez", ns=(1, 1))
    assert asked() == ["hiss1"] and "hum3" not in rows(capsys)
    for junk in (b"junk", b"PK\x03\x04 and junk", b""):
        (library / INDEX).write_bytes(junk)
        assert len(asked()) == 4
    assert len(Index.load(library).names) == 4
    (library / INDEX).unlink()
    assert aez("similar", library / "hum1.aez", library, "--no-index") == 0
    assert not (library / INDEX).exists()


def test_an_interrupted_index_keeps_what_it_has_read(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = similar.vector

    def interrupted(source, models):
        if Path(source.name).stem == "hum2":
            raise KeyboardInterrupt
        return real(source, models)

    monkeypatch.setattr(similar, "vector", interrupted)
    assert aez("similar", library / "hum1.aez", library) == 130
    assert Index.load(library).names == ["hiss1.aez", "hum1.aez"]
    monkeypatch.setattr(similar, "vector", real)
    assert aez("similar", library / "hum1.aez", library) == 0
    assert len(Index.load(library).names) == 4


def test_bad_files_are_named_and_the_others_listed(library: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (library / "bad.aez").write_bytes(b"no such thing")
    cut = (library / "hiss1.aez").read_bytes()
    (library / "cut.aez").write_bytes(cut[: len(cut) // 2])
    (library / "silent.aez").write_bytes(encoded(np.zeros((2, 50_000), np.float32), latent=64))
    assert aez("similar", library / "hum1.aez", library) == 1
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 3 and len(err.splitlines()) == 3
    assert all(name in err for name in ("bad.aez", "cut.aez", "silent.aez")) and "no sound" in err


def test_silence_is_like_no_song_and_no_fault(library: Path, capfd: pytest.CaptureFixture[str]) -> None:
    silent = library / "silent.aez"
    silent.write_bytes(encoded(np.zeros((2, 50_000), np.float32), latent=64))
    assert aez("similar", library / "hum1.aez", library) == 0
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 3 and err == f"aez: {silent}: the file holds no sound to compare\n"
    assert aez("similar", library / "hum1.aez", library, "--quiet") == 0 and not capfd.readouterr().err
    assert aez("similar", silent, library) == 1
    assert capfd.readouterr().err == f"aez: error: {silent}: the file holds no sound to compare\n"


@pytest.mark.parametrize("what", ["file", "missing", "empty", "alone", "song"])
def test_wrong_arguments_give_one_line(
    library: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], what: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {
        "file": library / "hum2.aez",
        "missing": tmp_path / "nowhere",
        "empty": tmp_path / "empty",
        "alone": library / "deep",
        "song": library,
    }
    songs = {"song": tmp_path / "none.aez", "alone": library / "deep" / "hiss2.aez"}
    song = songs.get(what, library / "hum1.aez")
    assert aez("similar", song, places[what]) in (1, 2)
    out, err = capfd.readouterr()
    assert not out and len(err.splitlines()) == 1 and err.startswith("aez: error: ")


def test_songs_of_several_models_are_compared_as_far_as_their_models_are_at_hand(
    library: Path, own: SimpleNamespace, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, kind in (("hiss3", "hiss"), ("hum3", "hum")):
        (library / f"{name}.aez").write_bytes(encoded(sound(kind, 9), latent=64, model=str(own.folder)))
    (library / "plain.aez").write_bytes(encoded(sound("hum", 1), model="tiny-time", latent=24))
    assert aez("similar", library / "hum1.aez", library) == 1
    out, err = capfd.readouterr()
    missing, plain = sorted(err.splitlines(), reverse=True)
    assert len(out.splitlines()) == 3 and "3.aez" not in out
    assert missing.startswith(f"aez: error: 2 songs left out, such as {library / 'hiss3.aez'}: ")
    assert own.bitstream in missing and "--model" in missing
    assert plain.startswith(f"aez: error: 1 song left out, {library / 'plain.aez'}: files of model 'tiny-time' hold")
    assert aez("similar", library / "hum3.aez", library, "--model", own.folder, "--json") == 1
    captured = capfd.readouterr()
    nearest = [Path(json.loads(line)["file"]).stem for line in captured.out.splitlines()]
    assert sorted(nearest[:2]) == ["hum1", "hum2"] and sorted(nearest[2:]) == ["hiss1", "hiss2", "hiss3"]
    assert len(captured.err.splitlines()) == 1 and "plain.aez" in captured.err


def test_a_plain_models_files_say_that_they_cannot_be_compared(
    library: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain.aez").write_bytes(encoded(sound("hum", 1), model="tiny-time", latent=24))
    assert aez("similar", tmp_path / "plain.aez", library) == 1
    assert "hold nothing that songs could be compared by" in capfd.readouterr().err


def test_files_of_a_clock_far_in_the_future_are_kept_in_the_index(
    library: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(library / "hum2.aez", (10_000_000_000, 10_000_000_000))  # the year 2286, 1e19 ns
    assert aez("similar", library / "hum1.aez", library) == 0
    first = capfd.readouterr()
    assert not first.err and len(Index.load(library).names) == 4
    real = similar.vector
    read: list[object] = []
    monkeypatch.setattr(similar, "vector", lambda *of: read.append(of) or real(*of))
    assert aez("similar", library / "hum1.aez", library) == 0
    assert capfd.readouterr() == first and len(read) == 1  # the song that is asked about


def test_a_folder_in_another_one_counts_once(library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert aez("similar", library / "hum1.aez", library, "--json") == 0
    once = capsys.readouterr().out
    (library.parent / "link").symlink_to(library / "deep")
    for more in (library, library / "deep", library.parent / "link"):
        assert aez("similar", library / "hum1.aez", library, more, "--json") == 0
        assert capsys.readouterr().out == once
