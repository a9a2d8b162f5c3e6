"""A song, the command on it in processes of their own, and what is looked at when one was hurt."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

OLD = b"what was here before"
SIZES = (0, 1, 60, 1000, 4096, 20_000)
"""Bytes that a disk may take before it is full."""

Hook = Callable[[], object]


@dataclass
class Job:
    """A command to hurt: its arguments, the target it names, and the target's bytes where all goes well."""

    arguments: list[str]
    target: Path
    complete: bytes = b""


@dataclass
class Tally:
    """What came of it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, outcome: str, *problems: str) -> None:
        """Count one fault."""
        self.outcomes[f"{what}: {outcome}"] += 1
        self.wrong += [f"{what}: {problem}" for problem in problems if problem]


@dataclass
class Run:
    """A forked process of `aez`: its number, and where its stderr comes out."""

    pid: int
    errors: int


def start(arguments: list[str], hook: Hook | None = None, out: int | None = None) -> Run:
    """`aez` with these arguments, in a forked process; `hook` is called in it before."""
    read, write = os.pipe()  # no file: a full disk would swallow the line
    pid = os.fork()
    if pid:
        os.close(write)
        return Run(pid, read)
    code = 70
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY) if out is None else out, 1)
        os.dup2(write, 2)
        os.close(read)
        os.close(write)
        from codec.cli.main import cli
        from codec.cli.terminal import run

        if hook:
            hook()
        code = run(cli, arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 70
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def finish(run: Run) -> tuple[int, str]:
    """Exit code of a process (negative: the signal that ended it), and what it said."""
    with os.fdopen(run.errors, "rb") as errors:
        text = errors.read().decode(errors="replace")
    return os.waitstatus_to_exitcode(os.waitpid(run.pid, 0)[1]), text


def state(job: Job) -> str:
    """absent, old, complete or a directory; or what it must not be."""
    if job.target.is_dir():
        return "a directory"
    if not job.target.exists():
        return "absent"
    data = job.target.read_bytes()
    return "old" if data == OLD else "complete" if data == job.complete else f"half-written, {len(data)} bytes"


def beside(job: Job, known: set[Path]) -> list[str]:
    """Files in the target's folder that were not there before."""
    return sorted(path.name for path in set(job.target.parent.iterdir()) - known - {job.target})


def one_line(text: str) -> str:
    """What is wrong with what was said; empty where nothing is."""
    good = text.count("\n") == 1 and text.startswith("aez: error: ")
    return "" if good else f"said {text[-600:]!r}"


class Lab:
    """A folder with a song in several formats, its .aez, and what to do with them."""

    def __init__(self, folder: Path, seconds: float) -> None:
        import numpy as np
        import soundfile

        from codec.audio.demo import song

        self.folder = folder
        self.out = folder / "out"
        self.out.mkdir()
        audio = np.concatenate(list(song(seconds)), 1).T
        for kind in ("wav", "flac", "ogg", "mp3"):
            with soundfile.SoundFile(folder / f"song.{kind}", "w", 44_100, 2) as file:
                for at in range(0, len(audio), 4096):
                    file.write(audio[at : at + 4096])
        self.coded = folder / "song.aez"
        self.clean(self.encode("wav", self.coded))
        self.seconds = {}
        for name, job in {"encode": self.encode(), "decode": self.decode()}.items():
            begun = time.monotonic()
            self.clean(job)
            self.seconds[name] = time.monotonic() - begun
        self.clear()

    def encode(self, kind: str = "wav", target: Path | None = None) -> Job:
        """Encode the song from one of its formats."""
        target = target or self.out / "new.aez"
        source = self.folder / f"song.{kind}"
        return Job(["encode", "--model", "tiny", "--latent", "64", str(source), str(target)], target)

    def decode(self, kind: str = "wav", target: Path | None = None) -> Job:
        """Decode it to one of them."""
        target = target or self.out / f"new.{kind}"
        return Job(["decode", str(self.coded), str(target)], target)

    def clean(self, job: Job) -> None:
        """Run without harm; remembers the bytes."""
        code, said = finish(start(job.arguments))
        if code:
            raise RuntimeError(f"without harm: {said}")
        job.complete = job.target.read_bytes()

    def tree(self, arguments: list[str]) -> dict[str, bytes]:
        """Run without harm into the folder behind -o -> what is in it, hidden files aside."""
        code, said = finish(start(arguments))
        if code:
            raise RuntimeError(f"without harm: {said}")
        folder = Path(arguments[arguments.index("-o") + 1])
        return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}

    def clear(self) -> None:
        """Empty the folder of targets."""
        for path in self.out.iterdir():
            if path.is_file():
                path.unlink()

    def refused(self, tally: Tally, what: str, job: Job, hook: Hook | None = None, old: bool = False) -> None:
        """One run that has to fail cleanly, or else to be complete; `old`: over an older target."""
        arguments = list(job.arguments)
        if old:
            job.target.write_bytes(OLD)
            arguments.append("--force")
        folder = job.target.parent
        before = set(folder.iterdir()) if folder.is_dir() else set()
        code, said = finish(start(arguments, hook))
        found = state(job)
        left = beside(job, before) if folder.is_dir() else []
        wanted = {"complete"} if code == 0 else {"old" if old else "absent", "a directory"}
        tally.add(
            what, f"exit code {code}, {found}",
            "" if code in (0, 1, 2) else f"exit code {code}",
            "" if found in wanted else f"exit code {code}, and the target is {found}",
            f"left {left}" if left else "",
            one_line(said) if code else "",
        )  # fmt: skip
        self.clear()


@contextlib.contextmanager
def small_disk(folder: Path, size: str, options: str = "rw") -> Iterator[Path | None]:
    """A tmpfs of so many bytes; None where it cannot be mounted."""
    folder.mkdir(exist_ok=True)
    mounted = (
        shutil.which("mount") is not None
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},{options}", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        ).returncode
    )
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
