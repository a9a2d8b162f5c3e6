"""The calls of a lease.

    python -m training lease-run                        here: list the calls, with what each carries and its limit
    python -m training lease-run --unpack .lease/music-2 --steps speed,train    on the rented machine: one call

On the machine everything lies in one folder that stays between calls; the environment variable LEASE_HOME names
another one than usual, and OUT the folder that the tool hands back.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.lease import chain, results, slices
from training.numbers import positive, real

PYTHON = "python3"
"""The rented machine's interpreter."""


@dataclass(frozen=True)
class Call:
    """One call of the tool: what it carries ("" for nothing), its command, and its limit in seconds."""

    carry: str
    command: str
    seconds: int


def calls(config: dict[str, Any], folder: Path, *, rehearsal: bool = False, python: str = PYTHON) -> list[Call]:
    """The calls of a lease with the slices of a folder."""
    found = []
    for call in config["call"]:
        there = sorted(folder.glob(f"{call['group']}-[0-9]*"), key=_number)
        carried: list[Path | None] = [*there] or [None]
        for number, path in enumerate(carried, 1):
            steps = call["steps"] if number == len(carried) else []
            seconds = call["seconds"] if steps else 60
            words = [python, "-m", "training", "lease-run", "--seconds", str(seconds)]
            words += ["--unpack", path.as_posix()] if path else []
            words += ["--steps", ",".join(steps)] if steps else []
            words += ["--rehearsal"] if rehearsal else []
            found.append(Call(path.as_posix() if path else "", " ".join(words), seconds))
    return found


def _number(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def go(given: argparse.Namespace) -> int:
    """Unpack a slice and run steps, and leave results in OUT; the exit code is 1 if a step did not succeed."""
    deadline = time.monotonic() + given.seconds
    home = Path(os.environ.get("LEASE_HOME") or Path(tempfile.gettempdir()) / "lease")
    home.mkdir(parents=True, exist_ok=True)
    config = chain.load()
    run = chain.Chain(home, config, chain.values(config, home, rehearsal=given.rehearsal), deadline, given.used)
    chain.copy_tree(Path.cwd(), home / "tree")
    good = True
    for folder in given.unpack:
        try:
            count, damaged = slices.unpack(folder, home)
        except (OSError, ValueError, KeyError) as error:
            count, damaged = 0, [repr(error)]
        good = good and not damaged
        run.say(f"unpacked {folder}: {count} files{''.join(f', damaged {name}' for name in damaged)}")
    for name in given.steps:
        run.run(name)
        good = good and run.states[name] in ("ok", "running")
    if target := os.environ.get("OUT"):
        left_out = results.deliver(home, Path(target))
        run.say("handed back" + (f", but for {', '.join(left_out)}" if left_out else ""))
    return 0 if good else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training lease-run", description="The calls of a lease.")
    p.add_argument("--slices", type=Path, default=Path(".lease"), metavar="DIR", help="where they are (to list calls)")
    p.add_argument("--unpack", type=Path, action="append", default=[], metavar="SLICE", help="bring its files in place")
    p.add_argument("--steps", type=lambda text: text.split(","), default=[], help="of chain.toml, in their order")
    p.add_argument("--seconds", type=positive, default=590.0, help="limit of this call (default: %(default)g)")
    p.add_argument("--used", type=real(0), metavar="SECONDS", help="of the lease, before this call: sets the clock")
    p.add_argument("--rehearsal", action="store_true", help="with the values of a rehearsal")
    given = p.parse_args(arguments)
    if given.unpack or given.steps:
        return go(given)
    for number, call in enumerate(calls(chain.load(), given.slices, rehearsal=given.rehearsal), 1):
        print(f"{number}. carry: {call.carry or '-'}   limit: {call.seconds} s\n   {call.command}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
