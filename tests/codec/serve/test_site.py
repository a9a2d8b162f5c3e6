"""A page as a folder: what is in it, what it refuses, what it leaves alone, and that it appears whole or not at all."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from codec import player
from codec.serve import site
from tests.support.cli_fakes import aez


@pytest.fixture
def built(tiny: SimpleNamespace, coded: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A player that holds the tiny model's bitstream, and no more."""
    from codec.runtime.models import by_name

    dist = tmp_path / "dist"
    (dist / "page").mkdir(parents=True)
    (dist / "model" / by_name("tiny").id.hex()).mkdir(parents=True)
    (dist / "model" / by_name("tiny").id.hex() / "decoder.onnx").write_text("network")
    for name in ("index.html", "page.js", "sw.js"):
        (dist / "page" / name).write_text(name)
    for name in ("aez.js", "aez.d.ts"):
        (dist / name).write_text(name)
    monkeypatch.setattr(player, "folder", lambda: dist)
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "Ünï <code> & more.aez").write_bytes(coded)
    (tmp_path / "songs" / "uni code more.aez").write_bytes(coded)
    return dist


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


PLAYER = {"index.html", "page.js", "sw.js", "playlist.json", "player/aez.js"}


def test_a_site_has_all_that_a_page_needs(
    built: Path, coded: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "site"
    assert aez("page", tmp_path / "songs", "-o", out, "--title", "Mine") == 0
    assert "2 songs" in capsys.readouterr().err
    songs = {"songs/uni-code-more.aez", "songs/uni-code-more-2.aez"}
    model = {name for name in names(out) if name.startswith("player/model/")}
    assert names(out) == PLAYER | songs | model and len(model) == 1
    listed = json.loads((out / "playlist.json").read_text())
    assert listed["title"] == "Mine"
    assert {row["title"] for row in listed["songs"]} == {"Ünï <code> & more", "uni code more"}
    assert all((out / row["src"]).read_bytes() == coded and row["bytes"] == len(coded) for row in listed["songs"])
    assert listed["songs"][0]["duration"] == 25.0
    assert out.stat().st_mode & 0o777 == (tmp_path / "songs").stat().st_mode & 0o777


def test_nothing_is_overwritten_without_force_nor_what_others_made_with_it(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
    shutil.rmtree(built / "model")
    assert aez("page", tmp_path / "songs", "-o", tmp_path / "site") == 1
    assert "bitstream" in capsys.readouterr().err
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
