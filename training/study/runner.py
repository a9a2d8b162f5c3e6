"""Steps of the study, each in a process of its own, done once for the same data, settings and code."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codec.files import new_file
from formats.errors import UsageError
from training.__main__ import COMMANDS
from training.data.tracks import NOTHING_TO_DO
from training.study.sources import ROOT, code_digest

Argument = str | Path

COMMAND_LINE = ("codec.cli.main", "codec.cli.encode", "codec.cli.decode")
"""What a step runs besides its own module if it starts aez itself."""


@dataclass(frozen=True)
class Step:
    """One command: `python -m training <command> <arguments>`.

    Attributes:
        name: in OUT/logs.
        command: of `python -m training`.
        arguments: those that decide the result.
        folder: what it writes; emptied before the step is done anew.
        needs: names of the steps whose results it takes.
        made: once it is written, exit code 1 means that single clips failed.
        checkpoint: from which an interrupted run goes on.
        runs_aez: whether it starts the command aez.
        free: arguments that do not change the result.
        tools: what tells the programs that it starts from other versions of them.
    """

    name: str
    command: str
    arguments: Sequence[Argument]
    folder: Path | None = None
    needs: tuple[str, ...] = ()
    made: Path | None = None
    checkpoint: Path | None = None
    runs_aez: bool = False
    free: Sequence[Argument] = ()
    tools: tuple[str, ...] = ()


class Runner:
    """Runs steps, remembers for what they are done, and prints how long each took. Calls may come from several threads.

    Args:
        out: folder of the study.
        data: digest of everything that the data decide: files, their labels, how they are divided, installed models.
    """

    def __init__(self, out: Path, data: str = "") -> None:
        self._logs, self._out, self._data = out / "logs", out, data
        self._logs.mkdir(parents=True, exist_ok=True)
        self._keys: dict[str, str] = {}
        self._stopped = threading.Event()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ending = False
        self.notes: list[str] = []

    def stop(self, *, at_once: bool = False) -> None:
        """Start no further step; `at_once` ends those that run, of which trainings write a checkpoint first."""
        self._stopped.set()
        self._ending = at_once  # before those that run are looked at: one may just begin
        for process in tuple(self._running) if at_once else ():
            process.terminate()

    def key(self, step: Step) -> str:
        """What a step is done for: command, data, code, tools, and the keys of the steps before it that it needs."""
        modules = (COMMANDS[step.command][0], *(COMMAND_LINE if step.runs_aez else ()))
        parts = [step.command, *map(str, step.arguments), self._data, code_digest(modules)]
        parts += [*step.tools, *(self._keys.get(name, "") for name in step.needs)]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

    def __call__(self, step: Step) -> None:
        """Run a step unless it is finished.

        Raises:
            UsageError: it failed; the text has the last line of its log.
        """
        key = self._keys[step.name] = self.key(step)
        state = self._logs / f"{step.name}.json"
        known = _read(state)
        if known.get("key") == key and known.get("done"):
            self._note(step, known)
            return
        if self._stopped.is_set():
            return
        going_on = known.get("key") == key and step.checkpoint is not None and step.checkpoint.is_file()
        if not going_on and step.folder is not None and step.folder.exists():
            shutil.rmtree(step.folder)
        _write(state, {"key": key})
        more: list[Argument] = ["--resume", step.checkpoint] if going_on and step.checkpoint else []
        command = ["-m", "training", step.command, *map(str, [*step.arguments, *step.free, *more])]
        begun, started = time.monotonic(), time.time()
        log = self._logs / f"{step.name}.log"
        code = self._run(command, log)
        if self._stopped.is_set():
            return
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        single = code == 1 and step.made and step.made.is_file() and step.made.stat().st_mtime > started
        if code and code != NOTHING_TO_DO and not single:
            raise UsageError(f"step {step.name} failed ({lines[-1][:200]}); see {log}")
        seconds = round(time.monotonic() - begun, 1)
        done = {"key": key, "done": True, "command": command, "seconds": seconds}
        if code == NOTHING_TO_DO:
            done["skipped"] = lines[-1]
        elif code:
            done["failed"] = "some clips failed"
        _write(state, done)
        print(f"{step.name}: {'continued, ' if going_on else ''}{seconds:.0f} s", flush=True)
        self._note(step, done)

    def _note(self, step: Step, done: dict[str, object]) -> None:
        if "skipped" in done:
            self.notes.append(f"step {step.name} was left out: {done['skipped']}")
            print(self.notes[-1], flush=True)
        elif "failed" in done:
            self.notes.append(f"step {step.name}: {done['failed']}; see logs/{step.name}.log")
            print(self.notes[-1], flush=True)

    def _run(self, command: Sequence[str], log: Path) -> int:
        """Exit code of a process of this Python; one thread in its libraries, because steps and clips are parallel."""
        found = os.pathsep.join(filter(None, [str(self._out / "models"), os.environ.get("AEZ_MODELS")]))
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with log.open("a") as file:
            file.write(f"python {shlex.join(command)}\n")
            file.flush()
            process = subprocess.Popen(
                [sys.executable, *command], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                env={**threads, **os.environ, "AEZ_MODELS": found, "PYTHONPATH": path},
            )  # fmt: skip
        self._running.add(process)
        try:
            if self._ending:
                process.terminate()
            return process.wait()
        finally:
            self._running.discard(process)


def _read(path: Path) -> dict[str, object]:
    """A step's state; empty where there is none that can be read."""
    try:
        state = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _write(path: Path, state: dict[str, object]) -> None:
    with new_file(path, force=True) as file:
        file.write(json.dumps(state).encode())
