"""Nothing is sent anywhere, and nothing is written but what the user named: ONNX Runtime would do both.

Every case runs in processes of its own with an empty home and an empty temporary folder, and strace watches for
sockets where it is installed.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.support import MODELS, ROOT
from training.data.songs import song

AEZ = (sys.executable, "-c", "from codec.cli.main import main; main()")

LIBRARY = """
import sys, aez, soundfile
from codec.runtime import models
models.DEFAULT = 'tiny'
samples, rate = soundfile.read('song.wav', dtype='float32', always_2d=True)
aez.decode(aez.encode(samples.T, rate, latent=64))
assert 'onnxruntime' in sys.modules
"""

WORKERS = """
import sys
from pathlib import Path
from codec.batch import pool
from codec.batch.jobs import Job
from codec.batch.tasks import EncodeTask, Manners
from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine

if __name__ == "__main__":
    jobs = [Job(Path("song.wav"), Path("out", f"{number}.aez")) for number in range(2)]
    with Engine("cpu", 1) as engine:
        task = EncodeTask(EncodePlan.make(model=sys.argv[1]), Manners())
        print([result.failure for result in pool.run(jobs, task, 2, engine)])
"""

SEEN_BY_C = """
import ctypes
read = ctypes.CDLL(None).getenv
read.restype = ctypes.c_char_p
print(read(b'ORT_DISABLE_TELEMETRY'))
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="reads the environment through the C library of POSIX")


def traceable() -> bool:
    """Whether strace is installed and may trace, which containers can forbid."""
    strace = shutil.which("strace")
    return bool(strace) and not subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True).returncode


class Sandbox:
    """A folder with a song in it, an empty home and an empty temporary folder, and where processes run in it."""

    def __init__(self, root: Path) -> None:
        self.root, self.home, self.temporary, self.work = root, root / "home", root / "tmp", root / "work"
        for folder in (self.home, self.temporary, self.work):
            folder.mkdir()
        soundfile.write(self.work / "song.wav", song(2.0).T, 44100)

    def run(self, *command: str | Path, home: Path | None = None, **variables: str) -> str:
        """Run a command in the work folder, and return what it printed; a socket that is opened is an error."""
        environment = {name: text for name, text in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
        environment |= {"HOME": str(home or self.home), "TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT)}
        environment |= {"AEZ_MODELS": str(MODELS), "PYTHONDONTWRITEBYTECODE": "1", **variables}
        watched = [str(part) for part in command]
        log = self.root / "strace.log"
        if traceable():
            watched = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(log), *watched]
        done = subprocess.run(watched, cwd=self.work, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        opened = re.findall(r"(?:socket|connect)\(.*", log.read_text()) if log.exists() else []
        assert not opened
        return done.stdout + done.stderr

    def left(self) -> list[str]:
        """What lies in the home and in the temporary folder."""
        paths = [*self.home.rglob("*"), *self.temporary.rglob("*")]
        return [str(path.relative_to(self.root)) for path in paths]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)


@posix
@pytest.mark.parametrize("asked", [{}, {"ORT_DISABLE_TELEMETRY": "0"}], ids=["unset", "0"])
@pytest.mark.parametrize("module", ["aez", "codec.cli.main", "codec.batch.worker", "training.model_files"])
def test_telemetry_is_off_for_the_c_library(module: str, asked: dict[str, str], sandbox: Sandbox) -> None:
    assert sandbox.run(sys.executable, "-c", f"import {module}\n{SEEN_BY_C}", **asked) == "b'1'\n"


def test_commands_write_only_what_was_named(sandbox: Sandbox) -> None:
    quiet = ("--model", MODELS / "tiny", "--quiet")
    said = [
        sandbox.run(*AEZ, "encode", "song.wav", "--latent", "64", *quiet),
        sandbox.run(*AEZ, "decode", "song.aez", "back.wav", *quiet),
        sandbox.run(*AEZ, "plot", "song.aez", *quiet),
    ]
    assert "".join(said) == ""
    assert sandbox.left() == []
    assert sorted(path.name for path in sandbox.work.iterdir()) == ["back.wav", "song.aez", "song.png", "song.wav"]


def test_worker_processes_write_only_what_was_named(sandbox: Sandbox) -> None:
    (sandbox.work / "workers.py").write_text(WORKERS)
    assert sandbox.run(sys.executable, "workers.py", str(MODELS / "tiny")) == "['', '']\n"
    assert sandbox.left() == []


def test_the_library_writes_nothing(sandbox: Sandbox) -> None:
    """It stays for as long as it would take ONNX Runtime 1.31 to ask for the address of its collector: 9 s."""
    wait = "import time; time.sleep(10)" if traceable() else ""
    assert sandbox.run(sys.executable, "-c", LIBRARY + wait) == ""
    assert sandbox.left() == []


def test_a_home_that_cannot_be_written_is_no_matter(sandbox: Sandbox) -> None:
    quiet = ("--model", MODELS / "tiny", "--quiet")
    nowhere = Path(os.devnull) / "home"
    said = sandbox.run(*AEZ, "encode", "song.wav", "--latent", "64", *quiet, home=nowhere)
    said += sandbox.run(*AEZ, "plot", "song.aez", *quiet, home=nowhere)
    assert said == ""
    assert sandbox.left() == []
