"""Ctrl-C and SIGTERM at any moment: the exit code says so, and nothing half-written stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio.demo import song
from tests.support import ROOT


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("interrupt") / "song.mp3"
    soundfile.write(path, np.concatenate(list(song(60)), 1).T, 44100)
    return path


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("calls", [1, 7, 40])
def test_a_signal_inside_a_read_stops_the_run(mp3: Path, tmp_path: Path, number: int, calls: int) -> None:
    script = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job may have it ignored
from codec.audio import libsndfile
plain, count = libsndfile._WholeMp3.readinto, 0

def readinto(self, buffer):
    global count
    count += 1
    if count == {calls}:
        os.kill(os.getpid(), {int(number)})
    return plain(self, buffer)

libsndfile._WholeMp3.readinto = readinto
sys.argv = ["aez", "encode", "--model", "tiny", {str(mp3)!r}, {str(tmp_path / "out.aez")!r}]
from codec.cli.main import main
main()
"""
    environment = {**os.environ, "AEZ_MODELS": str(ROOT / "tests" / "models"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 128 + number, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
