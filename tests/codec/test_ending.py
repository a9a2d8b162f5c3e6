"""A network that never returns: a signal ends the process all the same, and leaves no part."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tests.support import ROOT
from tests.support.codec import encoded
from tests.support.endless import endless_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

SOON = 5.0
"""Seconds: far more than it takes, also on a busy machine, and far less than never."""

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
HEARD = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "signal.signal(signal.SIGHUP, signal.SIG_DFL)"  # which nohup ignores, and aez does then, too
)


@pytest.fixture
def stuck(tmp_path: Path, tiny: SimpleNamespace) -> Path:
    """A folder with a song, a coded one, and the model that never ends."""
    endless_model(tmp_path / "models")
    sound = np.random.default_rng(0).standard_normal((1, 44100)).astype(np.float32) * 0.1
    soundfile.write(tmp_path / "song.wav", sound.T, 44100)
    (tmp_path / "song.aez").write_bytes(encoded(sound))
    (tmp_path / "out").mkdir()
    return tmp_path


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def processes(group: int) -> list[str]:
    """Processes of a group that still run, as Linux lists them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(path.parent.name)
    return found


COMMANDS = {
    "encode": ("encode", "song.wav", "out/a.aez"),
    "decode": ("decode", "song.aez", "out/a.wav"),
    "batch": ("encode", "long", "-o", "out", "--jobs", "2"),
}


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_signal_ends_what_never_ends(command: tuple[str, ...], number: int, code: int, stuck: Path) -> None:
    wanted = 1
    if "long" in command:  # two processes are worth it
        wanted = 2
        (stuck / "long").mkdir()
        for name in ("a.wav", "b.wav"):
            soundfile.write(stuck / "long" / name, np.random.default_rng(0).standard_normal(80 * 44100) * 0.1, 44100)
    script = f"{HEARD}; from codec.cli.main import main; main()"
    whole = [sys.executable, "-c", script, *command, "--model", str(stuck / "models" / "tiny")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(stuck / "models")}
    with subprocess.Popen(whole, cwd=stuck, env=environment, stderr=subprocess.PIPE, process_group=0) as running:
        try:
            deadline = time.monotonic() + 30
            while len(parts(stuck / "out")) < wanted and running.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            assert len(parts(stuck / "out")) == wanted
            time.sleep(0.5)  # the network has begun
            begun = time.monotonic()
            running.send_signal(number)
            assert running.wait(10) == code
            took = time.monotonic() - begun
            assert b"Traceback" not in running.stderr.read()
            while (left := processes(running.pid)) and time.monotonic() < begun + 5:
                time.sleep(0.02)  # one that has closed its stderr takes a moment to end
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    assert took < SOON
    assert not left
    assert not parts(stuck)
    assert not list((stuck / "out").glob("*.*"))


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_a_signal_is_heard_where_standard_streams_are_closed(closed: str, tmp_path: Path) -> None:
    script = """
import os, signal, time, click
from codec.cli import main
signal.signal(signal.SIGTERM, lambda *_: None)
main.cli = click.Command("stuck", callback=lambda: (os.kill(os.getpid(), signal.SIGTERM), time.sleep(5)))
main.main()
"""
    whole = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", script]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(whole, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (143, b"")
