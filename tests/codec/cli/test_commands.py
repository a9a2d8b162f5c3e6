"""The command line, with a pipeline that only packs samples: arguments, exit codes, errors, pipes, signals."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.cli.main import cli
from codec.cli.terminal import Time, clock, run
from codec.pipeline import decode as decoding
from codec.pipeline import encode as encoding
from formats import Chunk, Coder, Header, Metadata, Reader, Writer
from formats.errors import FormatError, ModelError
from tests.support.cli_fakes import FAKE_MODEL, FAKES, PROGRAM

RATE = 8000
SEGMENT = 2 * RATE
TAGS = {"title": "Jóga", "artist": "A", "track": "3"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")


@pytest.fixture(autouse=True)
def _fake(monkeypatch):
    for name, (module, fake) in FAKES.items():
        monkeypatch.setattr(module, name, fake)
    handlers = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
    }
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def song(tmp_path) -> Path:
    path = tmp_path / "song.flac"
    samples = np.random.default_rng(1).integers(-3000, 3000, (5 * RATE + 17, 2)).astype(np.int16)
    with soundfile.SoundFile(path, "w", RATE, 2) as file:
        file.title, file.artist, file.tracknumber = TAGS["title"], TAGS["artist"], TAGS["track"]
        file.write(samples)
    return path


@pytest.fixture
def coded(song) -> Path:
    assert aez("encode", song, "--quiet") == 0
    return song.with_suffix(".aez")


def aez(*arguments: object) -> int:
    return run(cli, [str(argument) for argument in arguments])


def process(*arguments: object, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", PROGRAM, *map(str, arguments)], capture_output=True, **options)


def aez_file(samples: int = 3 * RATE, metadata: Metadata | None = None, model: bytes = FAKE_MODEL) -> bytes:
    target = io.BytesIO()
    header = Header(
        sample_rate=RATE, channels=2, samples=samples, latent=64, hop=700, chunk_frames=126, gain=-5, coder=Coder.RANGE,
        model=model, encoder_version="0.1.0",
    )  # fmt: skip
    writer = Writer(target, header, metadata)
    for index in range(-(-samples // SEGMENT)):
        writer.write(Chunk(index, index * 126, 126, bytes(1000)))
    writer.finish(samples)
    return target.getvalue()


def test_there_and_back(song, tmp_path, capsys):
    assert aez("encode", song, tmp_path / "a.aez") == 0
    assert aez("decode", tmp_path / "a.aez", tmp_path / "a.flac") == 0
    before, after = soundfile.read(song, dtype="int16"), soundfile.read(tmp_path / "a.flac", dtype="int16")
    np.testing.assert_array_equal(after[0], before[0])
    assert after[1] == RATE
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert re.fullmatch(r".*a\.aez: 0:05\.0, 12\.34 kbit/s, \d\.\d:1 to 16 bit PCM, \d+ times real time", first)
    assert re.fullmatch(r".*a\.flac: 0:05\.0, 8000 Hz stereo, \d+ times real time", second)
    with soundfile.SoundFile(tmp_path / "a.flac") as file:
        assert (file.title, file.artist, file.tracknumber) == tuple(TAGS.values())


def test_names_that_are_not_given_follow_the_input(song):
    assert aez("encode", song, "--quiet") == 0
    assert aez("decode", song.with_suffix(".aez"), "--quiet") == 0
    assert sorted(path.name for path in song.parent.iterdir()) == ["song.aez", "song.flac", "song.wav"]


def test_options_reach_the_pipeline(song, coded, tmp_path, monkeypatch):
    seen = {}

    def record(name):
        def fake(source, target, **options):
            seen[name] = options
            return FAKES[name][1](source, target, **options)

        return fake

    monkeypatch.setattr(encoding, "encode", record("encode"))
    monkeypatch.setattr(decoding, "decode", record("decode"))
    assert aez("encode", song, tmp_path / "a.aez") == 0
    nothing = {"latent": None, "gain": None, "bitrate": None, "model": None, "coder": "auto", "device": "auto"}
    assert seen["encode"] == {**nothing, "progress": None}
    options = ("--latent", 256, "--gain", -7, "--coder", "zstd", "--model", "m", "--device", "cuda:1", "--force")
    assert aez("encode", song, tmp_path / "a.aez", *options) == 0
    given = {"latent": 256, "gain": -7, "coder": "zstd", "model": "m", "device": "cuda:1"}
    assert seen["encode"] == {**nothing, **given, "progress": None}
    assert aez("encode", song, tmp_path / "a.aez", "--bitrate", "31.5", "--force") == 0
    assert seen["encode"]["bitrate"] == 31.5
    assert aez("decode", coded, tmp_path / "a.wav", "--start", "0:01.5", "--duration", 2, "--device", "cpu") == 0
    given = {"start": 1.5, "duration": 2.0, "device": "cpu", "progress": None}
    assert seen["decode"] == {**given, "model": None, "salvage": False}
    assert soundfile.info(tmp_path / "a.wav").frames == 2 * RATE


@pytest.mark.parametrize(
    ("options", "subtype"), [([], "PCM_16"), (["--subtype", "24"], "PCM_24"), (["--subtype", "float"], "FLOAT")]
)
def test_subtypes(coded, tmp_path, options, subtype):
    assert aez("decode", coded, tmp_path / "a.wav", *options) == 0
    assert soundfile.info(tmp_path / "a.wav").subtype == subtype


def test_clipped_samples_are_told(coded, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FAKE_GAIN", "20")
    assert aez("decode", coded, tmp_path / "a.wav") == 0
    assert re.search(r", \d+ samples clipped, ", capsys.readouterr().err)
    assert aez("decode", coded, tmp_path / "b.wav", "--subtype", "float") == 0
    assert "samples clipped" not in capsys.readouterr().err


def test_quiet_and_verbose(song, tmp_path, capsys):
    assert aez("encode", song, tmp_path / "a.aez", "--quiet") == 0
    assert aez("decode", tmp_path / "a.aez", tmp_path / "a.wav", "--quiet") == 0
    assert aez("peel", tmp_path / "a.aez", tmp_path / "b.aez", "--latent", 128, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert aez("encode", song, tmp_path / "b.aez", "--verbose", "--force") == 0
    assert "model fake on CPUExecutionProvider, 128 latents, gain 0, zstd coder\n" in capsys.readouterr().err
    assert aez("decode", tmp_path / "b.aez", tmp_path / "b.wav", "--verbose") == 0
    assert "model fake on CPUExecutionProvider\n" in capsys.readouterr().err


def test_peel(coded, tmp_path, capsys):
    assert aez("peel", coded, tmp_path / "b.aez", "--latent", 128) == 0
    assert f"b.aez: 128 latents, {(tmp_path / 'b.aez').stat().st_size} bytes" in capsys.readouterr().err
    assert (tmp_path / "b.aez").read_bytes() == coded.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["encode"],
        ["encode", "a", "b", "c"],
        ["encode", "a", "--latent", "0"],
        ["encode", "a", "--latent", "many"],
        ["encode", "a", "--latent", "64", "--bitrate", "20"],
        ["encode", "a", "--gain", "1", "--bitrate", "20"],
        ["encode", "a", "--bitrate", "5.9"],
        ["encode", "a", "--bitrate", "129"],
        ["encode", "a", "--gain", "1.5"],
        ["encode", "a", "--coder", "zip"],
        ["encode", "-"],
        ["decode", "-"],
        ["decode", "a", "--start", "-1"],
        ["decode", "a", "--start", "1:2:3:4"],
        ["decode", "a", "--duration", "nan"],
        ["decode", "a", "--subtype", "8"],
        ["peel", "a", "b"],
        ["peel", "a"],
        ["info"],
    ],
)
def test_wrong_usage_is_code_2(arguments, capsys):
    assert aez(*arguments) == 2
    assert "Usage: aez" in capsys.readouterr().err


def test_version_and_help(capsys):
    assert aez("--version") == 0
    assert capsys.readouterr().out == "aez, version 0.1.0\n"
    for command in ("encode", "decode", "info", "peel"):
        assert aez(command, "--help") == 0
        assert capsys.readouterr().out.startswith(f"Usage: aez {command} ")


def failing(tmp_path: Path, song: Path, coded: Path) -> dict[str, tuple[list[object], str]]:
    text, folder, three, existing = tmp_path / "a.txt", tmp_path / "folder", tmp_path / "three.wav", tmp_path / "there"
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
        "encode onto a folder": (["encode", song, folder], "is a directory"),
        "encode onto a file": (["encode", song, existing], "exists already; --force"),
        "encode onto itself": (["encode", song, song, "--force"], "is the input itself"),
        "encode into nothing": (["encode", song, tmp_path / "none" / "a.aez"], "is no directory"),
        "missing aez": (["decode", tmp_path / "none.aez"], "No such file"),
        "decode a folder": (["decode", folder, tmp_path / "o.wav"], "is a directory"),
        "decode text": (["decode", text], "not an .aez file"),
        "decode cut": (["decode", cut], "ends early"),
        "decode onto a file": (["decode", coded, existing], "extension must be"),
        "decode onto itself": (["decode", odd, odd, "--force"], "is the input itself"),
        "decode to opus": (["decode", coded, tmp_path / "o.opus"], "extension must be"),
        "decode to float flac": (["decode", coded, tmp_path / "o.flac", "--subtype", "float"], "16 or 24"),
        "peel onto itself": (["peel", coded, coded, "--latent", 32, "--force"], "is the input itself"),
        "peel text": (["peel", text, tmp_path / "o.aez", "--latent", 32], "not an .aez file"),
        "info text": (["info", text], "not an .aez file"),
        "info missing": (["info", tmp_path / "none.aez"], "No such file"),
        "info folder": (["info", folder], "is a directory"),
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

    monkeypatch.setattr(FAKES[command][0], command, fail)
    arguments = {"encode": [song, "o.aez"], "decode": [coded, "o.wav"], "peel": [coded, "o.aez", "--latent", 32]}[
        command
    ]
    monkeypatch.chdir(tmp_path)
    assert aez(command, *arguments) == 1
    line = {
        ModelError: "lacks encoder",
        OSError: f"cannot write {arguments[1]}: No space left on device",
        MemoryError: "out of memory",
    }
    assert capsys.readouterr().err == f"aez: error: {line[type(error)]}\n"
    assert not (tmp_path / arguments[1]).exists()
    assert not list(tmp_path.glob(".*"))


def test_force_replaces_whole_or_not_at_all(song, coded, monkeypatch):
    old = coded.read_bytes()

    def fail(source, target, **options):
        target.write(b"half")
        raise FormatError("no")

    with monkeypatch.context() as patch:
        patch.setattr(encoding, "encode", fail)
        assert aez("encode", song, coded, "--force") == 1
    assert coded.read_bytes() == old
    assert aez("encode", song, coded, "--force", "--gain", 3) == 0
    assert coded.read_bytes() != old


def test_warnings_about_the_source(tmp_path, capsys):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((RATE, 2)), RATE)
    path.write_bytes(path.read_bytes()[:-1000])
    assert aez("encode", path, "--force") == 0
    assert re.search(r"^aez: warning: .*a\.wav is cut: ", capsys.readouterr().err)
    assert aez("encode", path, "--force", "--quiet") == 0
    assert capsys.readouterr().err == ""


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_leave_nothing_half_written(song, number, code):
    target = song.parent / "o.aez"
    environment = os.environ | {"FAKE_SLEEP": "20"}
    command = [sys.executable, "-c", PROGRAM, "encode", song, target]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 30
        while not list(song.parent.glob(".o.aez.*.part")) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert list(song.parent.glob(".o.aez.*.part"))
        time.sleep(0.2)
        running.send_signal(number)
        assert running.wait(10) == code
        assert b"Traceback" not in running.stderr.read()
    assert list(song.parent.iterdir()) == [song]


def test_pipes_all_the_way(song):
    encoded = process("encode", "-", "-", input=song.read_bytes(), check=True)
    assert Reader(io.BytesIO(encoded.stdout)).samples == 5 * RATE + 17
    peeled = process("peel", "-", "-", "--latent", 128, input=encoded.stdout, check=True)
    decoded = process("decode", "-", "-", "--subtype", "24", input=peeled.stdout, check=True)
    samples, rate = soundfile.read(io.BytesIO(decoded.stdout), dtype="int16")
    np.testing.assert_array_equal(samples, soundfile.read(song, dtype="int16")[0])
    assert rate == RATE
    assert soundfile.info(io.BytesIO(decoded.stdout)).subtype == "PCM_24"
    told = process("info", "-", "--json", input=encoded.stdout, check=True)
    assert json.loads(told.stdout)["samples"] == 5 * RATE + 17
    assert b"\r" not in encoded.stderr + decoded.stderr  # no progress bar where nobody watches
    assert encoded.stderr.count(b"\n") == decoded.stderr.count(b"\n") == 1


@posix
def test_a_reader_that_goes_away_is_no_drama(coded):
    command = [sys.executable, "-c", PROGRAM, "info", *[str(coded)] * 2000]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(30) == 1


@posix
@pytest.mark.parametrize(("option", "bar"), [("--force", True), ("--quiet", False)])
def test_a_bar_for_a_person_who_watches(song, option, bar):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, "encode", str(song), option]
    environment = os.environ | {"TERM": "xterm", "FAKE_SLEEP": "0.05"}
    with subprocess.Popen(command, stderr=theirs, stdin=subprocess.DEVNULL, env=environment) as running:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 1000):
                shown += data
        except OSError:  # Linux: the other end is closed
            pass
        assert running.wait() == 0
    os.close(ours)
    assert (b"encoding" in shown and b"50%" in shown) == bar
    assert bar or shown == b""


@posix
def test_a_full_disk(song, tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
    command = [sys.executable, "-c", limit + PROGRAM, "encode", str(song), str(tmp_path / "o.aez")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"aez: error: cannot write {tmp_path / 'o.aez'}: File too large\n"
    assert list(tmp_path.iterdir()) == [song]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1.5", 1.5), (".5", 0.5), ("1:00", 60), ("1:02:03.25", 3723.25), ("90", 90), ("0:90", 90)],
)
def test_times(text, seconds):
    assert Time()(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (83.456, "1:23.5"), (59.96, "1:00.0"), (3599.99, "1:00:00.0"), (7384.5, "2:03:04.5")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text
