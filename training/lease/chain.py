"""The chain that chain.toml describes, as it runs on the rented machine: steps with limits, and a clock.

A step that fails leaves its log, and the chain goes on with the steps that do not need it. Steps run in a copy of the
working tree, since the tool may replace the original at the next call while a step in the background still reads it.
This module needs Python's own library only: it runs before anything is installed.
"""

import contextlib
import filecmp
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WAY_BACK = 15
"""Seconds that a call keeps for handing back its results."""


def load() -> dict[str, Any]:
    """The contents of chain.toml."""
    return tomllib.loads(Path(__file__).with_name("chain.toml").read_text(encoding="utf-8"))


class Clock:
    """Seconds of the lease that are used; every call of a lease reads the same clock.

    Attributes:
        total: seconds of the lease.
    """

    def __init__(self, home: Path, total: float, lead: float, used: float | None = None) -> None:
        """Read the clock, or set it: to `used` seconds if that is known, to `lead` seconds if nobody has set it."""
        self.total = total
        path = home / "clock"
        if used is not None or not path.is_file():
            path.write_text(str(time.time() - (lead if used is None else used)), encoding="utf-8")
        self._began = float(path.read_text(encoding="utf-8"))

    @property
    def used(self) -> float:
        """Seconds since the machine was asked for."""
        return time.time() - self._began

    @property
    def left(self) -> float:
        """Seconds until the machine is taken away."""
        return self.total - self.used


@dataclass
class Chain:
    """One call's run through some steps.

    Attributes:
        home: folder that stays between calls.
        config: chain.toml.
        values: what commands may contain.
        deadline: time.monotonic() at which the call must have handed back its results.
        used: seconds of the lease that are used at this moment, where that is known.
        states: of each step that has run in this lease: "ok", "running", or what went wrong.
    """

    home: Path
    config: Mapping[str, Any]
    values: dict[str, Any]
    deadline: float
    used: float | None = None
    states: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("logs", "out"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        lease = self.config["lease"]
        self.clock = Clock(self.home, lease["seconds"], lease["lead"], self.used)
        if (self._file).is_file():
            self.states = json.loads(self._file.read_text(encoding="utf-8"))

    @property
    def _file(self) -> Path:
        return self.home / "steps.json"

    def run(self, name: str) -> None:
        """Run a step, wait for one in the background, or say why not; its state is kept."""
        step = next((one for one in self.config["step"] if one["name"] == name), None)
        began, used = time.monotonic(), self.clock.used
        if step is None:
            state = "no such step"
        elif missing := [one for one in step.get("needs", []) if self.states.get(one) not in ("ok", "running")]:
            state = f"left out, since {', '.join(missing)} did not succeed"
        else:
            limit = min(step["seconds"], self.deadline - began - WAY_BACK, self.clock.left - WAY_BACK)
            try:
                state = self._run(step, max(limit, 1))
            except (OSError, ValueError, KeyError) as error:
                state = f"could not be started: {error!r}"
        self.states[name] = state
        self._file.write_text(json.dumps(self.states, indent=1), encoding="utf-8")
        self.say(f"{name}: {state} ({used:.0f} to {self.clock.used:.0f} s)")

    def say(self, text: str) -> None:
        """Print a line with the clock, and keep it."""
        line = f"[{self.clock.used:4.0f} of {self.clock.total:.0f} s] {text}"
        print(line, flush=True)
        with (self.home / "logs" / "chain.log").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def _run(self, step: Mapping[str, Any], limit: float) -> str:
        if "waits" in step:
            return self._wait(step["waits"], limit, step.get("file"))
        room = (self.clock.left - self.config["lease"]["reserve"]) / 60
        minutes = max(0.1, min(self.values["most_minutes"], room))
        values = {**self.values, "minutes": f"{minutes:.2f}"}
        command = shlex.split(step["command"].format(**values))
        log = self.home / "logs" / f"{step['name']}.log"
        if step.get("background"):
            return self._begin(step["name"], command, log, step["seconds"])
        with log.open("wb") as output:
            process = self._start(command, output)
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                stop(process)
                code = None
        show(log)
        return "ok" if code == 0 else f"stopped after {limit:.0f} s" if code is None else f"failed with code {code}"

    def _start(self, command: list[str], output: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self.home / "tree",
            env=environment(self.home),
            start_new_session=True,  # so that it can be stopped with its children, or outlast the call
        )

    def _begin(self, name: str, command: list[str], log: Path, limit: float) -> str:
        """Start a step that goes on after this call; a shell in a session of its own keeps its exit code."""
        code = self.home / f"{name}.code"
        code.unlink(missing_ok=True)
        limited = ["timeout", "--kill-after=10", f"{limit:.0f}", *command]
        script = f"({shlex.join(limited)}; echo $? > {shlex.quote(str(code))}) &"
        with log.open("wb") as output:
            self._start(["sh", "-c", script], output).wait()
        time.sleep(2)  # an error in its arguments shows at once
        return self._ended(name) or "running"

    def _ended(self, name: str) -> str:
        """State of a step in the background that has ended, "" while it runs."""
        code = self.home / f"{name}.code"
        text = code.read_text(encoding="utf-8").strip() if code.is_file() else ""
        return "" if not text else "ok" if text == "0" else f"failed with code {text}"

    def _wait(self, name: str, limit: float, file: str | None) -> str:
        """Wait for a step in the background to end or, with `file`, until there is such a file."""
        until = time.monotonic() + limit
        path = Path(file.format(**self.values)) if file else None
        while time.monotonic() < until:
            if path and path.is_file():
                return "ok"
            if state := self._ended(name):
                self.states[name] = state
                show(self.home / "logs" / f"{name}.log")
                return "ok" if state == "ok" else f"{name} {state}"
            if self.states.get(name) != "running":
                return f"{name} is not running"
            time.sleep(0.5)
        return f"{name} still runs after {limit:.0f} s"


def show(log: Path) -> None:
    """Print the end of a log."""
    print(log.read_text(encoding="utf-8", errors="replace")[-1500:], flush=True)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and its children."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)


def environment(home: Path) -> dict[str, str]:
    """The environment of a step: modules of the slices and the tree, and CUDA's libraries where they are installed."""
    nvidia = importlib.util.find_spec("nvidia")
    places = [Path(place) for place in (nvidia.submodule_search_locations or [] if nvidia else [])]
    libraries = [str(path) for place in places for path in sorted(place.glob("*/lib"))]
    known = os.environ.get("LD_LIBRARY_PATH")
    # Without bytecode every worker process would compile all modules anew.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **own,
        "PYTHONPATH": os.pathsep.join([str(home / "site"), str(home / "tree")]),
        "LD_LIBRARY_PATH": os.pathsep.join([*libraries, *([known] if known else [])]),
        "CUDA_MODULE_LOADING": "LAZY",  # the default, and what lets a library do with part of its device code
        "PYTHONUNBUFFERED": "1",
    }


def copy_tree(source: Path, target: Path) -> None:
    """Bring the copy of the working tree up to date."""
    for folder, names, files in os.walk(source):
        names[:] = [name for name in names if not name.startswith(".") and name != "__pycache__"]
        for name in files:
            path = Path(folder) / name
            place = target / path.relative_to(source)
            if not (place.is_file() and filecmp.cmp(path, place, shallow=False)):
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)


def values(config: Mapping[str, Any], home: Path, *, rehearsal: bool) -> dict[str, Any]:
    """What commands may contain."""
    chosen = config["rehearsal" if rehearsal else "values"]
    return {**chosen, "python": sys.executable, "home": home, "music": home / "music", "out": home / "out"}
