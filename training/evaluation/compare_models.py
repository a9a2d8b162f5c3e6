"""Compare models at one tier: `python -m training compare-models A B ... --music DIR --latent 512 --gains=-46,-26,-2`.

Clips of the training split are coded by each model at each gain. At rates that the first model and another both reach,
it prints by how many octaves of rate the other is ahead (`training.evaluation.advantage`), and every metric of both.
This is how small changes of the codec are judged without looking at the test split.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from codec.pipeline.workers import cores
from codec.runtime import models
from formats.errors import AezError, UsageError
from formats.grid import TIERS
from training.evaluation.advantage import JUDGES, Curve, advantage, common_rates
from training.evaluation.frontier import draw_clips, measure_clip
from training.evaluation.pool import clip_pool
from training.markdown import section
from training.metrics.catalogue import METRICS
from training.numbers import clip_length, integer, several, whole

SHARES = (0.15, 0.5, 0.85)
"""Places in the range of common rates, on the scale of log rate, at which models are compared."""


def comparison(name: str, ours: Curve, first: Curve) -> str:
    """A table of one model against the first one: advantage, and each metric's merit minus the first model's.

    Raises:
        UsageError: there is no rate that both were measured at.
    """
    rate = common_rates(first, ours)
    if not rate[0] < rate[-1]:
        raise UsageError(f"{name}: these gains give them no rates in common")
    at = np.quantile(rate, SHARES)
    lines = [["**octaves ahead**", *(f"{v:+.3f}" for v in np.interp(at, rate, advantage(ours, first, rate)))]]
    for metric in (metric for members in JUDGES.values() for metric in members if metric in first.merit):
        found = ours.at(at, metric) - first.at(at, metric)
        base = first.at(at, metric)
        cells = (
            f"{d:+.{METRICS[metric].digits + 1}f} ({b:.{METRICS[metric].digits}f})"
            for d, b in zip(found, base, strict=True)
        )
        lines.append([METRICS[metric].title, *cells])
    note = "Better by, and in brackets the first model's merit: what is better lower is negated."
    return section(name, note, ["kbit/s", *(f"{2**r:.1f}" for r in at)], lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training compare-models", description="Compare models at one tier.")
    p.add_argument(
        "models",
        nargs="+",
        metavar="MODEL",
        help="two models or more, by name or folder; the first is the base",
    )
    p.add_argument("--music", type=Path, required=True, help="collection whose training split is measured")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument("--latent", type=int, choices=TIERS, default=512, help="default: 512")
    p.add_argument("--gains", type=several(integer), default=[-46, -26, -2], metavar="G,G,...")
    p.add_argument("--clips", type=whole(1), default=8, help="default: 8")
    p.add_argument("--seconds", type=clip_length, default=7, help="length of a clip (default: 7)")
    p.add_argument("--jobs", type=whole(1), default=cores(), help="clips measured at once (default: all cores)")
    a = p.parse_args(arguments)
    try:
        if len(set(a.models)) < 2:
            raise UsageError("there have to be two models to compare")
        folders = {name: models.by_name(name).folder for name in a.models}  # before anything is measured
        clips = draw_clips(a.music, a.cache, a.clips, a.seconds, seed=2)
        settings = [(a.latent, gain) for gain in a.gains]
        curves = {}
        with clip_pool(a.jobs) as pool:
            for name, folder in folders.items():
                found = pool.map(measure_clip, clips, repeat(folder), repeat(settings))
                curves[name] = Curve.of_rows(list(chain.from_iterable(found)), "gain")
        first, *others = folders
        tables = [comparison(f"{other} against {first}", curves[other], curves[first]) for other in others]
    except (AezError, OSError) as error:
        print(f"compare-models: {error}", file=sys.stderr)
        return 2
    print("\n".join(tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
