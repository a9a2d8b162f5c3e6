"""Standard input and output: whole chains of processes, terminals, pipes that end early; with the tiny model."""

import io
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.files import new_file
from formats import Reader
from tests.support import ROOT
from tests.support.terminals import shown_on
from training.data.songs import song

AEZ = (sys.executable, "-c", "from codec.cli.main import main; main()")
SAMPLES = 44100 + 17
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals and pipes")
buffering = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")


@pytest.fixture(autouse=True)
def _environment(tmp_path, monkeypatch):
    monkeypatch.setenv("AEZ_MODELS", str(ROOT / "tests" / "models"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "spool").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "spool"))


@pytest.fixture(scope="module")
def flac(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("pipes") / "song.flac"
    soundfile.write(path, song(SAMPLES / 44100).T, 44100)
    return path.read_bytes()


@pytest.fixture(scope="module")
def coded(flac) -> bytes:
    environment = os.environ | {"AEZ_MODELS": str(ROOT / "tests" / "models"), "PYTHONPATH": str(ROOT)}
    command = [*AEZ, "encode", "--model", "tiny", "-", "-"]
    return subprocess.run(command, input=flac, capture_output=True, check=True, env=environment).stdout


def aez(*arguments: object, data: bytes = b"", **options) -> subprocess.CompletedProcess:
    return subprocess.run([*AEZ, *map(str, arguments)], input=data, capture_output=True, **options)


def chain(*commands: list[str], data: bytes) -> bytes:
    """Run commands as a shell's pipe does; all have to end well."""
    running: list[subprocess.Popen] = []
    for command in commands:
        stdin = running[-1].stdout if running else subprocess.PIPE
        running.append(subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        if len(running) > 1:
            running[-2].stdout.close()
    running[0].stdin.write(data)
    running[0].stdin.close()
    out = running[-1].stdout.read()
    errors = [process.stderr.read() for process in running]
    for process in running:
        for stream in (process.stdout, process.stderr):
            stream.close()
    assert [process.wait() for process in running] == [0] * len(running), errors
    return out


def test_flac_in_wav_out_is_what_files_give(flac, coded, tmp_path):
    (tmp_path / "song.flac").write_bytes(flac)
    assert aez("encode", "--model", "tiny", tmp_path / "song.flac", tmp_path / "a.aez").returncode == 0
    assert (tmp_path / "a.aez").read_bytes() == coded
    assert aez("decode", tmp_path / "a.aez", tmp_path / "a.wav").returncode == 0
    assert aez("decode", "-", "-", data=coded).stdout == (tmp_path / "a.wav").read_bytes()
    assert soundfile.info(tmp_path / "a.wav").frames == SAMPLES
    assert soundfile.info(io.BytesIO(aez("decode", "-", "-", "--to", "flac", data=coded).stdout)).format == "FLAC"
    assert list((tmp_path / "spool").glob("aez-*")) == []


@ffmpeg
@posix
def test_between_two_ffmpegs(flac):
    """What comes out of ffmpeg is a wav that does not know its length, as ffmpeg cannot seek in a pipe."""
    out = chain(
        ["ffmpeg", "-v", "error", "-i", "-", "-f", "wav", "-"],
        [*AEZ, "encode", "--model", "tiny", "-", "-"],
        [*AEZ, "decode", "-", "-"],
        ["ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-"],
        data=flac,
    )
    back = np.frombuffer(out, "<i2").reshape(-1, 2)
    before = soundfile.read(io.BytesIO(flac), dtype="int16")[0]
    assert len(back) == len(before) == SAMPLES
    assert np.corrcoef(back[:, 0], before[:, 0])[0, 1] > 0.5


@ffmpeg
@posix
def test_a_length_that_only_the_trailer_knows(flac, tmp_path):
    mp3 = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "-", "-f", "mp3", "-"], input=flac, capture_output=True, check=True
    ).stdout
    coded = aez("encode", "--model", "tiny", "-", "-", data=mp3, check=True).stdout
    reader = Reader(io.BytesIO(coded))
    assert reader.header.samples is None
    wav = chain([*AEZ, "decode", "-", "-"], data=coded)
    assert soundfile.info(io.BytesIO(wav)).frames == reader.samples
    assert int.from_bytes(wav[4:8], "little") == len(wav) - 8  # a RIFF header that tells its true length
    to_file = aez("decode", "-", tmp_path / "a.flac", data=coded)
    assert to_file.returncode == 0
    assert soundfile.info(tmp_path / "a.flac").frames == reader.samples


@posix
@pytest.mark.parametrize("command", ["encode", "decode", "peel"])
def test_a_terminal_is_never_fed_binary(command, flac, coded):
    import pty

    ours, theirs = pty.openpty()
    options = {"encode": ["--model", "tiny"], "decode": [], "peel": ["--latent", "32"]}[command]
    done = subprocess.run(
        [*AEZ, command, *options, "-", "-"], input=flac if command == "encode" else coded, stdout=theirs,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(theirs)
    shown = shown_on(ours)
    os.close(ours)
    assert (done.returncode, shown) == (1, b"")
    assert done.stderr == b"aez: error: the output is not written to a terminal; name a file, or pipe it on\n"


@posix
@pytest.mark.parametrize(
    "arguments", [["encode", "-", "-"], ["decode", "-", "-"], ["peel", "-", "-", "--latent", "32"], ["info", "-"]]
)
def test_nobody_waits_for_someone_to_type_a_song(arguments):
    import pty

    ours, theirs = pty.openpty()
    done = subprocess.run([*AEZ, *arguments], stdin=theirs, capture_output=True, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"aez: error: standard input is a terminal; pipe a file into it, or name one\n"


@pytest.mark.parametrize("command", ["encode", "decode", "peel"])
@pytest.mark.parametrize("data", [b"", b"no music"])
def test_nothing_of_use_in_a_pipe_is_one_line(command, data, tmp_path):
    done = aez(command, *(["--latent", "32"] if command == "peel" else []), "-", "-", data=data)
    assert (done.returncode, done.stdout) == (1, b"")
    line = done.stderr.decode()
    assert line.startswith("aez: error: ")
    assert line.count("\n") == 1
    assert "spool" not in line  # temporary files are nobody's business
    assert list((tmp_path / "spool").glob("aez-*")) == []


def test_a_pipe_that_is_cut_gives_no_wav(coded, tmp_path):
    for cut in (10, len(coded) // 2, len(coded) - 1):
        done = aez("decode", "-", "-", data=coded[:cut])
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.count(b"\n") == 1
        assert aez("decode", "-", tmp_path / "a.wav", data=coded[:cut]).returncode == 1
        assert not (tmp_path / "a.wav").exists()


def test_a_flac_that_is_cut_or_damaged_leaves_no_complete_stream(flac):
    done = aez("encode", "--model", "tiny", "-", "-", data=flac[: len(flac) // 2])
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"aez: error: standard input is cut")
    middle = len(flac) // 2
    done = aez("encode", "--model", "tiny", "-", "-", data=flac[:middle] + bytes(20) + flac[middle + 20 :])
    assert done.returncode == 1
    assert done.stderr.startswith(b"aez: error: standard input is damaged")
    assert not done.stdout or not Reader(io.BytesIO(done.stdout)).complete


@posix
@buffering
@pytest.mark.parametrize("command", ["encode", "decode"])
def test_a_reader_that_goes_away_is_no_drama(command, unbuffered, flac, coded, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with new_file(tmp_path / "in") as file:
        file.write(flac if command == "encode" else coded)
    options = ["--model", "tiny"] if command == "encode" else []
    with (tmp_path / "in").open("rb") as source:
        running = subprocess.Popen(
            [*AEZ, command, *options, "-", "-"], stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    running.stdout.close()  # before anything is written
    errors = running.stderr.read()
    running.stderr.close()
    assert running.wait() == 1
    assert b"Traceback" not in errors
    assert b"error" not in errors.lower()
    assert errors == b""  # nor is a song reported that nobody has


@posix
@buffering
@pytest.mark.parametrize("command", ["encode", "decode", "peel", "info", "verify", "--help", "--version"])
def test_a_full_disk_behind_standard_output_is_one_line(command, unbuffered, flac, coded, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    options = {"encode": ["--model", "tiny", "-", "-"], "decode": ["-", "-"], "peel": ["--latent", "32", "-", "-"]}
    rest = options.get(command, [] if command.startswith("--") else ["-"])
    data = flac if command == "encode" else coded
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*AEZ, command, *rest], input=data, stdout=full, stderr=subprocess.PIPE)
    text = b"aez: error: cannot write standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, text)


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_whose_reader_sleeps(number, code, tmp_path):
    """Decoded audio that fits neither the pipe nor the buffer waits for a reader; a signal must not wait with it."""
    long = tmp_path / "long.flac"
    soundfile.write(long, song(12.0).T, 44100)
    command = [*AEZ, "encode", "--model", "tiny", long, tmp_path / "long.aez"]
    subprocess.run(command, check=True, capture_output=True)
    command = [*AEZ, "decode", tmp_path / "long.aez", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.read(4) == b"RIFF"  # it is writing, and the rest does not fit the pipe
        running.send_signal(number)
        assert running.wait(60) == code
        assert running.stderr.read().strip() == b""  # click ends the line of the terminal's ^C
