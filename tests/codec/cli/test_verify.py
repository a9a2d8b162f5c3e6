"""`aez verify`: which files it looks at, what it says, and its exit codes."""

import json
import os

import pytest

from formats.grid import SEGMENT
from tests.support.cli_fakes import aez
from tests.support.codec import encoded


@pytest.fixture(scope="module")
def small(tiny, music) -> bytes:
    """Two chunks."""
    return encoded(music[:1, :100_000], latent=32, gain=-512, chunk_frames=SEGMENT)


@pytest.fixture(scope="module")
def big(tiny, music) -> bytes:
    """13 chunks of 2 s."""
    return encoded(music, latent=64, chunk_frames=SEGMENT)


def test_many_files_and_folders(small, big, tmp_path, capsys):
    (tmp_path / "album" / "disc").mkdir(parents=True)
    for name, data in {
        "album/a.aez": small,
        "album/bad.aez": big[:2000] + bytes([big[2000] ^ 1]) + big[2001:],
        "album/disc/c.aez": big,
        "album/cover.jpg": b"no song",
        "no.aez": b"no song",
    }.items():
        (tmp_path / name).write_bytes(data)
    names = [str(tmp_path / name) for name in ("no.aez", "album", "missing.aez")]
    before = sorted(tmp_path.rglob("*"))
    assert aez("verify", *names) == 1
    out, err = capsys.readouterr()
    assert sorted(tmp_path.rglob("*")) == before
    assert "4 files checked: 2 whole, 2 damaged; 1 not checked" in err and "missing.aez: not found\n" in err
    assert "not an .aez file" in out and "missing" not in out and "cover" not in out
    assert "bad.aez: lost: chunk" in out and "--salvage keeps 12 undamaged chunks" in out
    assert aez("verify", *names, "--quiet") == 1
    out, err = capsys.readouterr()
    assert err == f"aez: error: {names[2]}: not found\n" and "whole" not in out and "bad.aez" in out
    assert aez("verify", *names, "--json", "--quiet") == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["good"] for record in records] == [False, True, False, True, False]
    assert records[2]["lost"][0]["first"] == records[2]["lost"][0]["last"]
    assert aez("verify", names[1] + "/disc", names[1] + "/a.aez") == 0
    assert "2 files checked: 2 whole, 0 damaged" in capsys.readouterr().err


def test_files_are_found_as_decode_finds_them(small, tmp_path, capsys):
    for name in ("a.aez", "B.AEZ", ".hidden.aez", "c.wav"):
        (tmp_path / name).write_bytes(small)
    assert aez("verify", tmp_path) == 0
    out, err = capsys.readouterr()
    assert "2 files checked: 2 whole" in err and "B.AEZ: whole" in out
    assert aez("decode", tmp_path, "-o", tmp_path / "out") == 0
    assert "2 decoded" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["verify", "info"])
def test_a_folder_that_cannot_be_read_is_told(small, tmp_path, monkeypatch, capsys, command):
    (tmp_path / "a.aez").write_bytes(small)
    walk = os.walk

    def closed(folder, onerror):
        onerror(PermissionError(13, "Permission denied", str(tmp_path / "closed")))
        return walk(folder)

    monkeypatch.setattr(os, "walk", closed)
    assert aez(command, tmp_path) == 1
    out, err = capsys.readouterr()
    assert f"aez: error: {tmp_path / 'closed'}: Permission denied\n" in err and "a.aez" in out


def test_a_model_that_is_not_installed_can_be_named(small, tiny, tmp_path, monkeypatch, capsys):
    from codec.runtime import models

    (tmp_path / "a.aez").write_bytes(small)
    monkeypatch.setattr(models, "folders", list)
    assert aez("verify", tmp_path / "a.aez") == 1
    out, err = capsys.readouterr()
    assert "a.aez: NOT CHECKED: the payloads cannot be checked" in out and "DAMAGED" not in out
    assert "1 file checked: 1 whole" not in err and "0 damaged; 1 not checked" in err
    assert aez("verify", tmp_path / "a.aez", "--model", tiny.folder) == 0


def test_a_file_of_a_newer_version_is_not_called_damaged(small, tmp_path, capsys):
    (tmp_path / "a.aez").write_bytes(small[:8] + b"\2\0" + small[10:])
    assert aez("verify", tmp_path / "a.aez") == 1
    out, err = capsys.readouterr()
    assert "NOT CHECKED: the file has format version 2" in out and "a newer aez is needed" in out
    assert "0 files checked: 0 whole, 0 damaged; 1 not checked" in err
    assert aez("verify", "--json", tmp_path / "a.aez") == 1
    assert json.loads(capsys.readouterr().out)["checked"] is False
