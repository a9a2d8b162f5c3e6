"""`aez plot`: pictures by extension, damaged files, and models that are named."""

import io
import struct
import sys

import pytest

from formats import Metadata, Reader
from tests.support.cli_fakes import aez, aez_file
from tests.support.codec import encoded

pytestmark = pytest.mark.usefixtures("tiny")


def png_size(data: bytes) -> tuple[int, ...]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


@pytest.fixture(scope="module")
def coded(tiny, music) -> bytes:
    return encoded(music, latent=64)


def test_pictures(coded, tmp_path, capsysbinary):
    song = tmp_path / "song.aez"
    song.write_bytes(coded)
    part = ("--start", "0:01", "--duration", 2)
    assert aez("plot", song, *part) == 0
    assert b"song.png: 0:02.0" in capsysbinary.readouterr().err
    picture = (tmp_path / "song.png").read_bytes()
    assert png_size(picture)[0] == 1440
    assert aez("plot", song, *part) == 1
    assert b"exists already" in capsysbinary.readouterr().err
    assert aez("plot", song, *part, "--force", "--quiet") == 0
    assert capsysbinary.readouterr() == (b"", b"")
    assert (tmp_path / "song.png").read_bytes() == picture
    assert aez("plot", song, tmp_path / "song.svg", *part) == 0
    for wrong in ("song.jpg", "song"):
        capsysbinary.readouterr()
        assert aez("plot", song, tmp_path / wrong) == 1
        assert b".png, .svg or .pdf" in capsysbinary.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["song.aez", "song.png", "song.svg"]


@pytest.mark.parametrize(("letter", "shown"), [("a", 79), ("夜", 39)])
def test_a_long_title_is_cut_to_what_a_picture_has_room_for(letter, shown):
    from codec.cli.plot import heading

    def title(count: int) -> str:
        return heading(Reader(io.BytesIO(aez_file(metadata=Metadata({"TITLE": (letter * count,)})))), "x").split()[0]

    assert title(shown + 1) == letter * (shown + 1)
    assert title(shown + 2) == title(500) == letter * shown + "…"


def test_damaged_files_leave_nothing_behind(coded, tmp_path, capsys):
    song = tmp_path / "song.aez"
    flipped = bytearray(coded)
    flipped[len(coded) // 2] ^= 255
    for data in (coded[: len(coded) // 2], bytes(flipped), b"no song"):
        song.write_bytes(data)
        assert aez("plot", song) == 1
        err = capsys.readouterr().err
        assert err.startswith("aez: error: ")
        assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["song.aez"]


def test_a_model_that_is_not_installed_can_be_named(coded, tiny, tmp_path, monkeypatch, capsys):
    from codec.runtime import models

    song = tmp_path / "song.aez"
    song.write_bytes(coded)
    part = ("--duration", 1, "--quiet")
    assert aez("plot", song, tmp_path / "a.png", *part) == 0
    monkeypatch.setattr(models, "folders", list)
    assert aez("plot", song, tmp_path / "b.png", *part) == 1
    assert "--model NAME or FOLDER" in capsys.readouterr().err
    named = ("--model", tiny.folder)
    assert aez("plot", song, tmp_path / "b.png", *part, *named) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert aez("plot", song, tmp_path / "c.png", *part, *named, "--decoder", "other") == 1
    assert "no decoder 'other'" in capsys.readouterr().err
    assert not (tmp_path / "c.png").exists()


def test_without_pillow_one_line_says_what_to_install(coded, tmp_path, monkeypatch, capsys):
    song = tmp_path / "song.aez"
    song.write_bytes(coded)
    for name in ("PIL", "PIL.Image"):
        monkeypatch.setitem(sys.modules, name, None)
    assert aez("plot", song) == 1
    err = capsys.readouterr().err
    assert "pip install pillow" in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["song.aez"]
