"""The command as a process: signals, pipes, the progress bar, a full disk; with a pipeline that only packs samples."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile

from codec.audio.sink import AudioSink
from codec.cli import signals, terminal
from codec.cli.terminal import run
from formats import Reader
from formats.errors import AezError
from tests.support.cli_fakes import FAKES, PROGRAM, RATE, aez, process
from tests.support.terminals import shown_on

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")


@pytest.fixture
def sigterm() -> Iterator[None]:
    """SIGTERM as the system handles it, as a command finds it."""
    old = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, old)


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


@posix
@pytest.mark.usefixtures("sigterm")
@pytest.mark.parametrize(("command", "name"), [("encode", "o.aez"), ("decode", "o.wav")])
def test_a_stop_that_was_swallowed_on_the_way_leaves_nothing(coded, song, tmp_path, monkeypatch, command, name):
    def swallowing(*arguments, **options):
        report = FAKES[command](*arguments, **options)
        with contextlib.suppress(SystemExit):  # as a callback in somebody's C code does
            signal.raise_signal(signal.SIGTERM)
        return report

    monkeypatch.setattr(f"codec.pipeline.{command}.{command}", swallowing)
    source = song if command == "encode" else coded
    assert aez(command, source, tmp_path / name, "--quiet") == 143
    assert not (tmp_path / name).exists()
    assert not list(tmp_path.glob(".*"))


@posix
@pytest.mark.usefixtures("sigterm")
def test_a_stop_that_was_swallowed_at_the_very_end_leaves_nothing(coded, tmp_path, monkeypatch):
    plain = AudioSink.close

    def swallowing(sink):
        plain(sink)
        with contextlib.suppress(SystemExit):
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(AudioSink, "close", swallowing)
    assert aez("decode", coded, tmp_path / "o.wav", "--quiet") == 143
    assert not (tmp_path / "o.wav").exists()


@posix
@pytest.mark.usefixtures("sigterm")
def test_a_stop_that_a_library_made_an_exit_code_of(fakes):
    @click.command()
    def engine() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except SystemExit:
            raise SystemExit(1) from None  # as Ray does

    assert run(engine, []) == 143


def test_progress_can_be_called_where_no_bar_is_drawn():
    with terminal.progress("encoding", quiet=True) as advance:
        advance(0.5)
        advance(None)


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
def test_a_reader_that_goes_away_is_no_error(coded):
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
        shown = shown_on(ours)
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


def test_python_runs_it_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "aez", "--version"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "aez, version 0.1.0\n")


@posix
@pytest.mark.usefixtures("sigterm")
def test_a_signal_that_comes_again_does_not_interrupt_the_cleaning_up(monkeypatch):
    monkeypatch.setattr(signals, "AGAIN", 0.02)
    cleaned = []

    def vio_read() -> None:
        signal.raise_signal(signal.SIGTERM)

    @click.command()
    def command() -> None:
        vio_read()
        try:
            signals.check_stopped()
        finally:
            time.sleep(0.1)
            cleaned.append(True)

    assert run(command, []) == 143
    assert cleaned == [True]


@posix
@pytest.mark.usefixtures("sigterm")
def test_a_signal_in_a_finalizer_is_not_swallowed(monkeypatch, capsys):
    monkeypatch.setattr(signals, "AGAIN", 0.02)

    class Closed:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    @click.command()
    def command() -> None:
        Closed()
        time.sleep(5)

    begun = time.monotonic()
    assert run(command, []) == 143
    assert time.monotonic() - begun < 3 and "ignored" not in capsys.readouterr().err


@posix
@pytest.mark.usefixtures("sigterm")
def test_a_signal_while_an_error_is_printed_is_not_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr(terminal, "advised", lambda text, kind: signal.raise_signal(signal.SIGTERM))

    @click.command()
    def command() -> None:
        raise AezError("a file is damaged")

    assert run(command, []) == 143
    assert capsys.readouterr().err == ""
