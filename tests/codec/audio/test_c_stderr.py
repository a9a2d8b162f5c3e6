"""C libraries print nothing in the command's own processes, and what they like in those of others."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.cli import main

PROGRAM = """
import os, sys
from codec.audio import c_stderr
from codec.audio.open import open_source

def read():
    with open_source(sys.argv[1]) as source:
        print(sum(block.shape[1] for block in source.blocks(1 << 16)), flush=True)

read()
os.write(2, b"quiet, please\\n")
c_stderr.keep_quiet()
read()
print("Python", file=sys.stderr)
os.system("echo a child >&2")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc's stream can be exchanged")
def test_a_library_is_heard_until_it_is_told_to_keep_quiet(tmp_path: Path) -> None:
    path = tmp_path / "torn.mp3"
    sound = np.random.default_rng(1).normal(scale=0.1, size=(44100, 2))
    soundfile.write(path, sound, 44100, format="MP3", subtype="MPEG_LAYER_III")
    data = bytearray(path.read_bytes())
    at = 4000
    while (at := data.find(b"\xff\xfb", at)) >= 0:
        data[at + 40 : at + 104] = bytes(range(100, 164))  # behind the side information
        at += 104
    path.write_bytes(data)
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True)
    before, after = done.stdout.split()
    assert before == after
    heard, _, rest = done.stderr.partition("quiet, please\n")
    assert "libmpg123" in heard
    assert rest == "Python\na child\n"


def test_the_command_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(main, "keep_quiet", lambda: asked.append(True))
    monkeypatch.setattr(main, "end_on_signals", lambda: None)
    monkeypatch.setattr(main, "run", lambda _: 0)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "")
    with pytest.raises(SystemExit):
        main.main()
    assert asked
