"""A page as a folder: what is in it, what it refuses, what it leaves alone, and that it appears whole or not at all."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from codec import player
from codec.runtime.models import by_name
from codec.serve import site
from tests.support.cli_fakes import aez


@pytest.fixture
def built(tiny: SimpleNamespace, coded: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A player without code."""
    dist = tmp_path / "dist"
    (dist / "page").mkdir(parents=True)
    for name in ("page.js", "sw.js"):
        (dist / "page" / name).write_text(name)
    (dist / "page" / "index.html").write_text("%VERSION% %MODEL%")
    for name in ("aez.js", "aez.d.ts"):
        (dist / name).write_text(name)
    monkeypatch.setattr(player, "folder", lambda: dist)
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "Ünï <code> & more.aez").write_bytes(coded)
    (tmp_path / "songs" / "uni code more.aez").write_bytes(coded)
    return dist


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def models(folder: Path) -> list[str]:
    """Bitstreams of the models of a site, each of which is there as a whole."""
    found = {path.name: {file.name for file in path.iterdir()} for path in (folder / "player" / "model").iterdir()}
    parts = {"model.json", "tables.bin.zst", "noise.bin.zst", "decoder.bin.zst"}
    assert all(files == parts for files in found.values())
    return sorted(found)


PLAYER = {"index.html", "page.js", "sw.js", "playlist.json", "player/aez.js"}


def test_a_site_has_all_that_a_page_needs(
    built: Path, coded: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site"
    assert aez("page", tmp_path / "songs", "-o", out, "--title", "Mine") == 0
    assert "2 songs" in capsys.readouterr().err
    songs = {"songs/uni-code-more.aez", "songs/uni-code-more-2.aez"}
    model = {name for name in names(out) if name.startswith("player/model/")}
    assert names(out) == PLAYER | songs | model and models(out) == [by_name().id.hex()]
    version, loaded = (out / "index.html").read_text().split()
    assert loaded == by_name().id.hex()
    stated, built_before = (out / "sw.js").read_text().splitlines()
    kept = json.loads(stated.removeprefix("const SITE=").removesuffix(";"))
    assert kept["version"] == version and built_before == "sw.js"
    assert set(kept["files"]) == {"./"} | names(out) - songs - {"index.html", "sw.js", "playlist.json"}
    listed = json.loads((out / "playlist.json").read_text())
    assert listed["title"] == "Mine"
    assert {row["title"] for row in listed["songs"]} == {"Ünï <code> & more", "uni code more"}
    assert all((out / row["src"]).read_bytes() == coded and row["bytes"] == len(coded) for row in listed["songs"])
    assert listed["songs"][0]["duration"] == 25.0
    assert out.stat().st_mode & 0o777 == (tmp_path / "songs").stat().st_mode & 0o777


def test_nothing_is_overwritten_without_force_nor_what_others_made_with_it(
    built: Path, own: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, song = tmp_path / "site", tmp_path / "songs" / "uni code more.aez"
    assert aez("page", tmp_path / "songs", "-o", out) == 0
    (out / "CNAME").write_text("example.org")
    (out / "songs" / "mine.aez").write_text("put there by hand")
    before = names(out)
    assert aez("page", song, "-o", out) == 1
    assert "--force" in capsys.readouterr().err and names(out) == before
    renamed = song.rename(tmp_path / "songs" / "other.aez")
    assert aez("page", renamed, "-o", out, "--force") == 0
    assert names(out) == before - {"songs/uni-code-more.aez", "songs/uni-code-more-2.aez"} | {"songs/other.aez"}
    assert aez("page", renamed, "-o", out, "--force", "--model", own.folder) == 0
    assert models(out) == sorted([own.bitstream, by_name().id.hex()])
    assert aez("page", renamed, "-o", out, "--force") == 0  # a model that is no longer used goes
    assert models(out) == [by_name().id.hex()] and (out / "songs" / "mine.aez").exists()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "playlist.json").write_text('{"songs": []}')
    for force in ([], ["--force"]):
        assert aez("page", renamed, "-o", foreign, *force) == 1
        assert "other things" in capsys.readouterr().err
    assert names(foreign) == {"playlist.json"}


def test_what_would_not_play_is_refused_and_nothing_is_left(
    built: Path,
    coded: bytes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flipped = bytearray(coded)
    flipped[len(coded) // 2] ^= 255
    for data, why in (
        (bytes(flipped), "damaged"),
        (coded[:-9], "ends early"),
        (b"", "not an .aez"),
        (b"RIFF", "not an"),
    ):
        (tmp_path / "bad.aez").write_bytes(data)
        assert aez("page", tmp_path / "songs", tmp_path / "bad.aez", "-o", tmp_path / "site") == 1
        err = capsys.readouterr().err
        assert "bad.aez" in err and why in err and err.count("\n") == 1
    monkeypatch.setattr(player, "folder", lambda: None)
    assert aez("page", tmp_path / "songs", "-o", tmp_path / "site") == 1
    assert "npm run build" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"songs", "dist", "bad.aez"}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_site_that_cannot_be_finished_leaves_nothing(
    built: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(site, "_put", full)
    assert aez("page", tmp_path / "songs", "-o", tmp_path / "site") in (1, 130)
    (tmp_path / "empty").mkdir()
    assert aez("page", tmp_path / "songs", "-o", tmp_path / "empty") in (1, 130)
    assert {path.name for path in tmp_path.iterdir()} == {"songs", "dist", "empty"}
    assert not names(tmp_path / "empty")


def test_songs_of_several_models_and_the_first_song_s_is_loaded_with_the_page(
    built: Path, own: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.aez").write_bytes(own.song)
    out, both = tmp_path / "site", (tmp_path / "mine.aez", tmp_path / "songs")
    assert aez("page", *both, "-o", out) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"aez: error: {tmp_path / 'mine.aez'}: ") and own.bitstream in line and "--model" in line
    assert not out.exists()
    assert aez("page", *both, "-o", out, "--model", own.folder) == 0
    assert models(out) == sorted([own.bitstream, by_name().id.hex()])
    assert (out / "index.html").read_text().split()[1] == own.bitstream
    assert len(json.loads((out / "playlist.json").read_text())["songs"]) == 3


@pytest.mark.parametrize("named", [False, True])
def test_a_model_that_browsers_cannot_run_is_refused_with_what_to_do_instead(
    built: Path, plain: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], named: bool
) -> None:
    song = tmp_path / "plain.aez"
    song.write_bytes(plain)
    options = ["--model", "tiny-dense"] if named else []
    assert aez("page", tmp_path / "songs" if named else song, "-o", tmp_path / "site", *options) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "'tiny-dense', because it is plain; aez decode" in line and ("plain.aez: " in line) == (not named)
    assert not (tmp_path / "site").exists()


def test_a_page_goes_into_no_pipe(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert aez("page", tmp_path / "songs", "-o", "-") == 1
    assert capsys.readouterr().err == "aez: error: a page is a folder; a pipe cannot take it\n"
    assert not Path("-").exists()
