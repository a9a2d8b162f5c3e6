"""One step of the chain that is this package's own: `python -m training lease-step STEP ...`; chain.toml calls them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from training.numbers import whole

# Only what a step needs is imported: the first one runs before anything is installed.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training lease-step", description="One step on the rented machine.")
    steps = p.add_subparsers(dest="step", required=True)
    one = steps.add_parser("install", help="unpack the software into HOME/site, and import it")
    one.add_argument("home", type=Path)
    one = steps.add_parser("check", help="compare a device with the CPU")
    one.add_argument("--device", default="cuda")
    one.add_argument("--json", type=Path, required=True)
    one = steps.add_parser("slim", help="a run's checkpoint, made small, and its log")
    one.add_argument("run", type=Path)
    one.add_argument("out", type=Path)
    one = steps.add_parser("export", help="a copy of the shipped model with a checkpoint's decoder")
    one.add_argument("checkpoint", type=Path)
    one.add_argument("name")
    one.add_argument("folder", type=Path)
    one = steps.add_parser("compare", help="measure all decoders of a model")
    one.add_argument("folder", type=Path)
    one.add_argument("--music", type=Path, required=True)
    one.add_argument("--jobs", type=whole(1), default=1)
    one.add_argument("--json", type=Path, required=True)
    given = p.parse_args(arguments)
    if given.step == "install":
        from training.lease.install import install

        return install(given.home)
    from formats.errors import AezError

    try:
        return _run(given)
    except (AezError, OSError) as error:
        print(f"lease-step: {error}", file=sys.stderr)
        return 2


def _run(given: argparse.Namespace) -> int:
    if given.step == "check":
        from training.lease.check import check

        return 0 if check(given.device, given.json) else 1
    if given.step == "slim":
        from training.lease.results import slim

        slim(given.run, given.out)
        return 0
    from training.lease import compare

    if given.step == "export":
        return compare.export(given.checkpoint, given.name, given.folder)
    compare.measure(given.folder, given.music, given.jobs, given.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
