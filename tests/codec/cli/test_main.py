"""The command as a whole: usage, version, help, and errors of one line that leave nothing behind."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.shell_completion import BashComplete

from codec.cli.main import COMMANDS, cli
from formats.errors import ModelError
from tests.support.cli_fakes import RATE, aez

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["encode"],
        ["peel", "--latent", "32", "a", "b", "c"],
        ["encode", "a", "--latent", "0"],
        ["encode", "a", "--latent", "many"],
        ["encode", "a", "--latent", "64", "--bitrate", "20"],
        ["encode", "a", "--gain", "1", "--bitrate", "20"],
        ["encode", "a", "--bitrate", "5.9"],
        ["encode", "a", "--bitrate", "129"],
        ["encode", "a", "--gain", "1.5"],
        ["encode", "a", "--coder", "zip"],
        ["encode", "a", "--chunk", "3"],
        ["encode", "-"],
        ["decode", "-"],
        ["decode", "a", "--start", "-1"],
        ["decode", "a", "--start", "1:2:3:4"],
        ["decode", "a", "--duration", "nan"],
        ["decode", "a", "--subtype", "8"],
        ["peel", "a", "b"],
        ["peel", "a"],
        ["info"],
        ["verify"],
        ["plot"],
        ["genre"],
    ],
)
def test_wrong_usage_is_code_2(arguments, capsys):
    assert aez(*arguments) == 2
    assert "Usage: aez" in capsys.readouterr().err


def test_aez_alone_prints_the_help(capsys):
    aez()
    alone = "".join(capsys.readouterr())
    aez("help")
    assert alone == capsys.readouterr().out


def test_version(capsys):
    assert aez("--version") == 0
    assert capsys.readouterr().out == "aez, version 0.1.0\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, capsys):
    assert aez(command, "--help") == 0
    assert capsys.readouterr().out.startswith(f"Usage: aez {command} ")


@pytest.mark.parametrize("command", ["decode", "verify", "peel", "plot", "genre", "info"])
def test_whatever_reads_a_coded_file_can_be_told_its_model(command):
    options = {option for parameter in cli.get_command(None, command).params for option in parameter.opts}
    assert "--model" in options
    assert ("--decoder" in options) == (command in ("decode", "plot"))


def failing(tmp_path: Path, song: Path, coded: Path) -> dict[str, tuple[list[object], str]]:
    text, folder, three, existing = (tmp_path / name for name in ("a.txt", "folder", "three.wav", "there.aez"))
    text.write_text("hello\n" * 100)
    folder.mkdir()
    soundfile.write(three, np.zeros((100, 3)), RATE)
    existing.write_bytes(b"old")
    cut = tmp_path / "cut.aez"
    cut.write_bytes(coded.read_bytes()[:-50])
    odd = tmp_path / "odd.wav"
    odd.write_bytes(coded.read_bytes())
    return {
        "missing": (["encode", tmp_path / "none.mp3"], "no such file"),
        "directory": (["encode", folder], "is a directory"),
        "text": (["encode", text], "a.txt"),
        "three": (["encode", three], "3 channels"),
        "encode onto a folder": (["encode", song, folder], f"aez encode {song} -o {folder}"),
        "encode onto a file": (["encode", song, existing], "exists already; --force"),
        "encode onto itself": (["encode", song, song, "--force"], "is the input itself"),
        "encode into nothing": (["encode", song, tmp_path / "none" / "a.aez"], "does not exist"),
        "encode with no model": (["encode", song, tmp_path / "o.aez", "--model", "none"], "no model 'none'"),
        "encode with no tier": (["encode", song, tmp_path / "o.aez", "--latent", 33], "no tier of 33"),
        "missing aez": (["decode", tmp_path / "none.aez"], "No such file"),
        "decode a folder": (["decode", folder, tmp_path / "o.wav"], "is a directory"),
        "decode onto a folder": (["decode", coded, folder], f"aez decode {coded} -o {folder}"),
        "decode text": (["decode", text], "not an .aez file"),
        "decode cut": (["decode", cut], "ends early"),
        "decode to aez": (["decode", coded, tmp_path / "o.aez"], "extension must be"),
        "decode onto itself": (["decode", odd, odd, "--force"], "is the input itself"),
        "decode to xyz": (["decode", coded, tmp_path / "o.xyz"], "extension must be"),
        "decode to float flac": (["decode", coded, tmp_path / "o.flac", "--subtype", "float"], "'16' or '24'"),
        "peel onto itself": (["peel", coded, coded, "--latent", 32, "--force"], "is the input itself"),
        "peel onto a folder": (["peel", coded, folder, "--latent", 32], f"aez peel --latent 32 {coded} -o {folder}"),
        "peel text": (["peel", text, tmp_path / "o.aez", "--latent", 32], "not an .aez file"),
        "plot onto a folder": (["plot", coded, folder], f"aez plot {coded} {folder / 'song.png'}"),
        "info text": (["info", text], "not an .aez file"),
        "info missing": (["info", tmp_path / "none.aez"], "No such file"),
        "info of an empty folder": (["info", folder], "no .aez file"),
        "verify an empty folder": (["verify", folder], "no .aez file"),
        "genre of an empty folder": (["genre", folder], "no .aez file"),
    }


def test_errors_are_one_line_and_leave_nothing(song, coded, tmp_path, capsys):
    before = None
    for name, (arguments, says) in failing(tmp_path, song, coded).items():
        before = before or {path: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()}
        assert aez(*arguments) == 1, name
        out, err = capsys.readouterr()
        assert out == ""
        assert re.fullmatch(r"aez: error: [^\n]+\n", err), (name, err)
        assert says in err, (name, err)
        assert {path: path.is_dir() or path.read_bytes() for path in tmp_path.iterdir()} == before, name


@pytest.mark.parametrize("error", [ModelError("lacks\nencoder"), OSError(28, "No space left on device"), MemoryError()])
@pytest.mark.parametrize("command", ["encode", "decode", "peel"])
def test_errors_of_the_pipeline_are_one_line_too(song, coded, tmp_path, capsys, monkeypatch, command, error):
    def fail(source, target, *args, **options):
        if command != "decode":
            target.write(b"half")
        raise error

    monkeypatch.setattr(f"codec.pipeline.{command}.{command}", fail)
    arguments = {"encode": [song, "o.aez"], "decode": [coded, "o.wav"], "peel": [coded, "o.aez", "--latent", 32]}[
        command
    ]
    monkeypatch.chdir(tmp_path)
    assert aez(command, *arguments) == 1
    line = {
        ModelError: r"lacks\nencoder",
        OSError: f"cannot write {arguments[1]}: No space left on device",
        MemoryError: "out of memory",
    }
    assert capsys.readouterr().err == f"aez: error: {line[type(error)]}\n"
    assert not (tmp_path / arguments[1]).exists()
    assert not list(tmp_path.glob(".*"))


def test_coding_loads_neither_scipy_nor_what_only_pictures_need() -> None:
    modules = ", ".join(f"codec.pipeline.{name}" for name in ("file_codec", "encode", "decode", "peel", "plan"))
    program = f"import sys, {modules}; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {name.partition(".")[0] for name in loaded} & {"scipy", "PIL", "rich", "audioread"}


@pytest.mark.parametrize(("side", "other"), [("encode", "decode"), ("decode", "encode")])
def test_either_direction_loads_only_its_own_side(side: str, other: str) -> None:
    program = f"import sys, codec.pipeline.file_codec, codec.pipeline.{side}; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert f"codec.pipeline.{side}" in loaded
    assert not {f"codec.pipeline.{other}", f"codec.pipeline.ranked_{other}r"} & set(loaded)


def test_help_is_a_command_too(capsys):
    assert aez("help") == 0
    assert capsys.readouterr().out.startswith("Usage: aez [OPTIONS] COMMAND")
    assert aez("help", "encode") == 0
    told = capsys.readouterr().out
    assert told.startswith("Usage: aez encode [OPTIONS] IN...")
    assert aez("encode", "--help") == 0
    assert capsys.readouterr().out == told
    assert aez("help", "encoed") == 2
    assert "No such command 'encoed'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("encode", "a.wav", "--bitrate", "12kbit"), "'12kbit' is not a number from 6 to 128\n"),
        (("encode", "a.wav", "--bitrate", "5k"), "'5k' is not a number from 6 to 128\n"),
        (("encode", "a.wav", "--bitrate", "nan"), "'nan' is not a number from 6 to 128\n"),
        (("encode", "a.wav", "--latent", "many"), "'many' is not a whole number of 1 or more\n"),
        (("encode", "a.wav", "--gain", "1k"), "'1k' is not a whole number from -512 to 512\n"),
        (("decode", "a.aez", "--rate", "44.1234k5"), "'44.1234k5' is not a whole number from 1000 to 768000\n"),
    ],
)
def test_numbers_are_called_numbers(arguments, says, capsys):
    assert aez(*arguments) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "incomplete", "found"),
    [
        (["encode"], "so", [("so", "file")]),
        (["encode", "a.wav"], "", [("", "file")]),
        (["encode", "a.wav", "-o"], "ou", [("ou", "file")]),
        (["decode", "--model"], "", [("", "file")]),
        (["info"], "x", [("x", "file")]),
        (["verify"], "x", [("x", "file")]),
        (["plot", "a.aez"], "x", [("x", "file")]),
        (["peel", "--latent", "32"], "x", [("x", "file")]),
        (["decode", "--to"], "f", [("flac", "plain")]),
        (["similar"], "x", [("x", "file")]),
        (["similar", "x.aez"], "m", [("m", "dir")]),
        (["page"], "x", [("x", "file")]),
        (["genre", "--classifier"], "x", [("x", "file")]),
        (["help"], "pe", [("peel", "plain")]),
        (["encode"], "--bit", [("--bitrate", "plain")]),
    ],
)
def test_shells_complete_names_of_files(typed, incomplete, found):
    completion = BashComplete(cli, {}, "aez", "_AEZ_COMPLETE").get_completions(typed, incomplete)
    assert [(item.value, item.type) for item in completion] == found
