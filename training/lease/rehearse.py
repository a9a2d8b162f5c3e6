"""A whole lease here, on the CPU: `python -m training lease-rehearse [--slices .lease]`.

Every call runs as on the rented machine: in a copy of the working tree with the slice that it carries, with an empty
folder OUT, against its limit. What is checked: the sizes of what travels and of what comes back, and every step. The
values of the chain's commands are those of its table `rehearsal`. Slices for it are small, and hold no software:

    python -m training lease-prepare --music DIR --out .lease/rehearsal --no-runtime --slice-mib 4 --loops 1
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from training import markdown
from training.lease import chain, results
from training.lease.prepare import CALL, tree_files
from training.lease.run import Call, calls
from training.lease.slices import MIB

COMMAND = 2000
"""Characters of a command, at most."""

NAME = re.compile(r"[A-Za-z0-9._-]+")


def rehearse(folder: Path, place: Path) -> list[tuple[str, float, list[str]]]:
    """Run all calls with the slices of a folder; for each its command, its seconds, and what is wrong.

    `place` then holds the machine's folders, and in back/ what came back.
    """
    root = Path.cwd()
    report = []
    for call in calls(chain.load(), folder, rehearsal=True, python=sys.executable):
        wrong = carry(call, root, place / "tree")
        out = place / "OUT"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        environment |= {"OUT": str(out), "LEASE_HOME": str(place / "lease")}
        began = time.monotonic()
        try:
            command = ["bash", "-c", call.command]
            code = subprocess.run(command, cwd=place / "tree", env=environment, timeout=call.seconds, check=False)
            wrong += [f"code {code.returncode}"] if code.returncode else []
        except subprocess.TimeoutExpired:
            wrong.append(f"stopped after {call.seconds} s")
        report.append((call.command, time.monotonic() - began, wrong + returned(out)))
        shutil.copytree(out, place / "back", dirs_exist_ok=True)
    return report


def carry(call: Call, root: Path, tree: Path) -> list[str]:
    """Bring the working tree and the carried folder to a place, as the tool does; what breaks a limit."""
    total = 0
    for path in tree_files(root):
        target = tree / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        total += path.stat().st_size
    if call.carry:
        shutil.rmtree(tree / call.carry, ignore_errors=True)
        shutil.copytree(root / call.carry, tree / call.carry)
        total += sum(path.stat().st_size for path in (tree / call.carry).rglob("*") if path.is_file())
    wrong = [f"{total / MIB:.1f} MiB travel"] if total > CALL else []
    return wrong + ([f"{len(call.command)} characters"] if len(call.command) > COMMAND else [])


def returned(out: Path) -> list[str]:
    """What of the files that come back breaks the tool's limits."""
    files = [path for path in out.rglob("*") if path.is_file()]
    wrong = [f"{len(files)} files come back"] if len(files) > results.FILES else []
    wrong += [f"{path.name} is too large" for path in files if path.stat().st_size > 16 * MIB]
    return wrong + [f"{path.name} has an odd name" for path in files if not NAME.fullmatch(path.name)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training lease-rehearse", description="A whole lease on the CPU.")
    p.add_argument("--slices", type=Path, default=Path(".lease/rehearsal"), metavar="DIR", help="below the repository")
    p.add_argument("--keep", type=Path, metavar="DIR", help="keep everything there, to look at it or to land it")
    given = p.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        place: Path = (given.keep or Path(temporary)).absolute()
        report = rehearse(given.slices, place)
        states = json.loads((place / "lease" / "steps.json").read_text(encoding="utf-8"))
    rows = [
        [command.partition("lease-run")[2], f"{seconds:.1f}", "; ".join(wrong)] for command, seconds, wrong in report
    ]
    print(markdown.table(["call", "seconds", "wrong"], rows))
    print(markdown.table(["step", "state"], states.items()))
    return 1 if any(wrong for _, _, wrong in report) else 0


if __name__ == "__main__":
    sys.exit(main())
