"""The commands of the README, in its order, in a folder that holds what they name: each ends well."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.support import ROOT
from tests.support.albums import make_album
from training.data.songs import song

README = (ROOT / "README.md").read_text()
ENDS = {"aez decode damaged.aez rest.wav --salvage": 3}
"""Exit codes of commands that do not end with 0."""


def commands(after: str) -> list[str]:
    """Lines of the first indented block after a text, without their comments."""
    block = re.search(r"\n\n((?:    .+\n)+)", README[README.index(after) :])
    assert block
    return [line.split(" # ")[0].strip() for line in block[1].splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of music, with the command and another machine that is this one on the path."""
    sound = song(61.5, 8000).T
    soundfile.write(tmp_path / "song.flac", sound, 8000)
    soundfile.write(tmp_path / "in.mp3", sound[:16000], 8000)
    make_album(tmp_path / "album")
    (tmp_path / "album" / "cd2" / "bad.flac").unlink()
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in (("aez", f'exec "{sys.executable}" -m aez "$@"'), ("ssh", 'shift; exec sh -c "$*"')):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    return tmp_path


def run(line: str, place: Path) -> subprocess.CompletedProcess[str]:
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if name != "AEZ_MODELS"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=place, env={**kept, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="commands are for a shell")
@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="one of the commands uses ffmpeg")
def test_commands_run_in_order(place: Path) -> None:
    lines = [*commands("for the command line and for Python"), *commands("## Sixty seconds")]
    assert len(lines) > 12
    for line in lines:
        if "damaged.aez" in line:
            data = bytearray((place / "best.aez").read_bytes())
            data[len(data) // 2] ^= 255
            (place / "damaged.aez").write_bytes(data)
        if "video.mkv" in line:
            made = run("ffmpeg -v error -f lavfi -i color=s=16x16:d=2 -i song.flac -t 2 video.mkv", place)
            assert made.returncode == 0, made.stderr
        done = run(line, place)
        assert done.returncode == ENDS.get(line, 0), (line, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr


def test_the_example_in_python_runs(place: Path) -> None:
    soundfile.write(place / "in.mp3", song(62, 44100).T, 44100)  # its example decodes from one minute on
    code = README[README.index("```python\n") + 10 :].split("```")[0]
    (place / "front.jpg").write_bytes(b"\xff\xd8\xff")
    (place / "example.py").write_text(f"import numpy as np\nsamples = np.zeros((2, 44100), np.float32)\n{code}")
    done = run(f'"{sys.executable}" example.py', place)
    assert done.returncode == 0, done.stderr
    assert soundfile.info(place / "out.wav").duration == pytest.approx(62.0 - 60, abs=0.2)
