"""One checkpoint from several runs: `python -m training merge --start S.pt RUN.pt... --out C.pt`.

Averages the averaged weights of runs that went on from the same checkpoint with different music (Wortsman et al. 2022,
Model soups; LOG.md has the numbers), and leaves out the optimisers' state. A single run is only stripped of its
optimiser.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from formats.errors import AezError, UsageError
from training.loop.checkpoint import save
from training.ranked.checkpoint import load_ranked


def average(start: dict[str, Any], runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean of the runs' averaged weights; steps, seconds and audio of the start and of what every run did after it.

    Raises:
        UsageError: the runs have different networks, or one of them is not further than the start.
    """
    first = runs[0]
    names = list(first["ema"])
    for run in runs:
        if run["config"]["network"] != first["config"]["network"] or list(run["ema"]) != names:
            raise UsageError("the runs are of different networks")
        if run["step"] < start["step"]:
            raise UsageError("a run is not further than the start")
    mean: dict[str, Tensor] = {name: torch.stack([run["ema"][name] for run in runs]).mean(0) for name in names}
    spent = {key: start[key] + sum(run[key] - start[key] for run in runs) for key in ("step", "seen", "spent")}
    return {"ema": mean, "config": first["config"], **spent}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training merge", description="One checkpoint from several runs.")
    p.add_argument("runs", nargs="+", type=Path, metavar="RUN.pt")
    p.add_argument("--start", type=Path, required=True, help="checkpoint that all of them went on from")
    p.add_argument("--out", type=Path, required=True)
    a = p.parse_args(arguments)
    try:
        start, *runs = (load_ranked(path) for path in (a.start, *a.runs))
        merged = average(start, runs)
        save(a.out, **merged)
    except (AezError, OSError) as error:
        print(f"merge: {error}", file=sys.stderr)
        return 2
    print(f"{a.out}: {merged['step']} steps, {merged['seen']:.0f} s of audio, {merged['spent'] / 60:.0f} min")
    return 0


if __name__ == "__main__":
    sys.exit(main())
