"""Names and tags may hold any letters: every command takes them, and prints them so that they do no harm."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from codec.cli.escape import escaped
from formats import Metadata
from tests.support import MODELS, ROOT
from tests.support.cli_fakes import aez, aez_file
from tests.support.codec import Array, encoded

AEZ = (sys.executable, "-c", "from codec.cli.main import main; main()")
FOREIGN = {
    "TITLE": ["Zoë 漢字 😀"], "ARTIST": ["a\x9b2Jb"], "ALBUM": ["\u202egpj.exe"],
    "COMMENT": ["one\ntwo\x7f\u3000three"],
}  # fmt: skip
NAME = b"bad\xff \x1b[2J\n"
SHOWN = r"bad\xff \x1b[2J\n"

bytewise = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names there are text")
pytestmark = pytest.mark.usefixtures("tiny")


def named(folder: Path, extension: str) -> Path:
    """A path whose name is not UTF-8 and has an escape sequence and a line feed in it."""
    return folder / os.fsdecode(NAME + extension.encode())


@pytest.fixture
def bad(tmp_path: Path, music: Array, tiny: SimpleNamespace) -> Path:
    """A good file of a bad name."""
    path = named(tmp_path, ".aez")
    path.write_bytes(encoded(music[:, :90_000], latent=64))
    return path


@bytewise
@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "ogg", "m4a"])
def test_any_name_can_be_encoded(tmp_path, music, capfd, kind):
    if kind == "m4a" and not shutil.which("ffmpeg"):
        pytest.skip("no ffmpeg here")
    made = "wav" if kind == "m4a" else kind
    soundfile.write(tmp_path / f"a.{made}", music[:, :44100].T, 44100)
    if kind == "m4a":
        command = ["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", tmp_path / "a.m4a"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    path = named(tmp_path, f".{kind}")
    (tmp_path / f"a.{kind}").rename(path)
    assert aez("encode", path) == 0
    assert path.with_suffix(".aez").is_file()
    assert capfd.readouterr().err.startswith(f"{tmp_path}/{SHOWN}.aez: 0:01.0, ")


@bytewise
def test_every_command_takes_any_name(bad, classifier, tmp_path, capfd):
    targets = {"decode": ".mp3", "plot": ".png", "peel": "2.aez"}
    for command in ("info", "verify", "genre", "decode", "plot", "peel"):
        target = [named(tmp_path, targets[command])] if command in targets else []
        assert aez(command, bad, *target, *(["--latent", "32"] if command == "peel" else [])) == 0, command
        told = "".join(capfd.readouterr())
        assert f"{tmp_path}/{SHOWN}" in told, command
        assert told.replace("\n", "").isprintable(), command
        assert all(path.is_file() for path in target)
    for command in ("info", "verify", "genre"):
        assert aez(command, bad, "--json") == 0
        out = capfd.readouterr().out
        assert json.loads(out)["file"] == str(bad)
        assert out.rstrip("\n").isprintable() and out.count("\n") == 1
    assert aez("decode", bad, "-o", named(tmp_path, "out"), "--verbose") == 0
    assert aez("decode", bad, "-o", named(tmp_path, "out"), "--resume") == 0
    err = capfd.readouterr().err
    assert f"{SHOWN}.wav: decoded\n" in err and f"{SHOWN}out: 0 decoded, 1 done before\n" in err
    journal = (named(tmp_path, "out") / ".aez-resume.jsonl").read_bytes()
    assert journal.decode("ascii").rstrip("\n").isprintable()


@bytewise
@pytest.mark.parametrize(
    "arguments",
    [["encode", "a.wav"], ["decode", "a.aez"], ["info", "a.aez"], ["verify", "a.aez"], ["genre", "a.aez"],
     ["peel", "--latent", "32", "a.aez", "b.aez"], ["plot", "a.aez"], ["encode", "a.wav", "-o", "out"],
     ["decode", "b.aez", "a.ogg"], ["encode", "b.wav", "a.wav"], ["encode", "a.wav", "b.wav", "c.aez"]],
    ids=" ".join,
)  # fmt: skip
def test_errors_show_any_name_too(tmp_path, capfd, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    names = [str(named(tmp_path, word)) if "." in word else word for word in arguments]
    assert aez(*names) in (1, 2)
    err = capfd.readouterr().err
    assert f"{tmp_path}/{SHOWN}" in err and err.replace("\n", "").isprintable()
    assert err.count("\n") == (2 if {"out", "verify"} & set(arguments) else 4 if "Usage" in err else 1)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii", "utf-8"])
def test_info_prints_tags_whatever_the_terminal_can_show(tmp_path, encoding):
    path = tmp_path / "a.aez"
    path.write_bytes(aez_file(metadata=Metadata({key: tuple(values) for key, values in FOREIGN.items()})))
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "AEZ_MODELS": str(MODELS)}
    told = subprocess.run([*AEZ, "info", path], capture_output=True, env=environment, check=True)
    assert told.stderr == b""
    written = "utf-8" if encoding == "ascii" else encoding  # click takes ASCII for a mistake
    lines = told.stdout.decode(written).splitlines()
    expected = FOREIGN["TITLE"][0].encode(written, "backslashreplace").decode(written)
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("  TITLE")] == [expected]
    listed = subprocess.run([*AEZ, "info", "--json", path], capture_output=True, env=environment, check=True)
    assert json.loads(listed.stdout.decode(encoding))["tags"] == FOREIGN


@pytest.mark.skipif(sys.platform == "win32", reason="a locale of POSIX")
@pytest.mark.parametrize("utf8", ["0", ""])
def test_the_c_locale(tmp_path, music, utf8):
    path = tmp_path / "漢.wav"
    soundfile.write(path, music[:, :44100].T, 44100)
    environment = {**os.environ, "LC_ALL": "C", "PYTHONPATH": str(ROOT), "AEZ_MODELS": str(MODELS)}
    environment |= {"PYTHONUTF8": utf8, "PYTHONCOERCECLOCALE": "0"} if utf8 else {}
    for arguments in (["encode", "--model", "tiny", path], ["info", path.with_suffix(".aez")]):
        done = subprocess.run([*AEZ, *arguments], capture_output=True, env=environment, check=True)
        assert b".aez" in done.stdout + done.stderr


def test_what_stranger_letters_become():
    assert escaped("漢字 Zoë\u3000x") == "漢字 Zoë\u3000x"
    assert escaped("\x00\x1b\x7f\x9b\u202e\ud800\udcff\t\r\n") == r"\x00\x1b\x7f\x9b\u202e\ud800\xff\t\r\n"
    assert escaped("\U000e0001") == r"\U000e0001"


def test_json_has_escapes_for_what_acts_on_a_terminal(tmp_path, capsys):
    path = tmp_path / "a.aez"
    tags = FOREIGN | {"GENRE": ["\U000e0001"]}
    path.write_bytes(aez_file(metadata=Metadata({key: tuple(values) for key, values in tags.items()})))
    assert aez("info", "--json", path) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["tags"] == tags
    assert r"a\u009b2Jb" in out and r"\u202egpj.exe" in out and r"\udb40\udc01" in out and "Zoë 漢字" in out
    assert not set(out) & set("\x9b\u202e\x7f\U000e0001")
    assert aez("info", path) == 0
    out = capsys.readouterr().out
    assert r"a\x9b2Jb" in out and r"\u202egpj.exe" in out and r"one\ntwo\x7f" in out
    assert not set(out) & set("\x9b\u202e\x7f\U000e0001")


@pytest.mark.parametrize("letter", ["漢", "é", "😀", "a"])
def test_names_as_long_as_the_disk_takes(bad, tmp_path, music, capsys, letter):
    stem = letter * (240 // len(os.fsencode(letter)))
    wav = tmp_path / f"{stem}.wav"
    soundfile.write(wav, np.zeros((1000, 1), np.float32), 44100)
    assert aez("encode", wav, "--quiet") == 0
    assert aez("decode", wav.with_suffix(".aez"), wav, "--force", "--quiet") == 0
    assert aez("encode", wav, tmp_path / f"{stem * 2}.aez") == 1
    assert capsys.readouterr().err.endswith(".aez: File name too long\n")
