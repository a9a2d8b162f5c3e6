"""Compare models at one tier: `python -m training compare-models A B ... --music DIR --latent 512 --gains=-46,-26,-2`.

Clips of the training split are coded by each model at each gain. At rates that the first model and another both reach,
it prints by how many octaves of rate the other is ahead (`training.evaluation.advantage`), and every metric of both.
This is how small changes of the codec are judged without looking at the test split.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine, cores
from codec.runtime.models import Model
from formats.errors import AezError
from formats.grid import SAMPLE_RATE, TIERS
from training.data.batches import Music, listed
from training.evaluation.advantage import JUDGES, Curve, advantage, common_rates
from training.evaluation.frontier import measure
from training.evaluation.pool import clip_pool
from training.markdown import section
from training.metrics.catalogue import METRICS

SHARES = (0.15, 0.5, 0.85)
"""Places in the range of common rates, on the scale of log rate, at which models are compared."""


def measure_clip(clip: NDArray[np.float32], folder: Path, latent: int, gains: Sequence[int]) -> list[dict[str, float]]:
    """Rows of one clip by one model, a row a gain."""
    model = Model(folder)
    plans = [EncodePlan.make(latent=latent, gain=gain, model=model) for gain in gains]
    with Engine("cpu") as engine:
        return [measure(clip, plan, engine) for plan in plans]


def comparison(name: str, ours: Curve, first: Curve) -> str:
    """A table of one model against the first one: advantage, and each metric's merit minus the first model's."""
    rate = common_rates(first, ours)
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
        "models", type=Path, nargs="+", metavar="MODEL", help="model folders, the first of which is the base"
    )
    p.add_argument("--music", type=Path, required=True, help="collection whose training split is measured")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument("--latent", type=int, choices=TIERS, default=512, help="default: 512")
    p.add_argument("--gains", type=lambda s: [int(g) for g in s.split(",")], default=[-46, -26, -2], metavar="G,G,...")
    p.add_argument("--clips", type=int, default=8, help="default: 8")
    p.add_argument("--seconds", type=float, default=7, help="length of a clip (default: 7)")
    p.add_argument("--jobs", type=int, default=cores(), help="clips measured at once (default: all cores)")
    a = p.parse_args(arguments)
    try:
        music, rng = Music(listed(a.music, "train"), a.cache, "train"), np.random.default_rng(2)
        clips = [music.crop(rng, round(a.seconds * SAMPLE_RATE)) for _ in range(a.clips)]
        with clip_pool(a.jobs) as pool:
            tasks = list(product(a.models, clips))
            job = partial(measure_clip, latent=a.latent, gains=a.gains)
            rows = list(pool.map(job, [clip for _, clip in tasks], [model for model, _ in tasks]))
    except (AezError, OSError) as error:
        print(f"compare-models: {error}", file=sys.stderr)
        return 2
    parts = np.split(np.arange(len(tasks)), len(a.models))  # the tasks of each model
    curves = {
        model: Curve.of_rows([row for number in numbers for row in rows[number]], "gain")
        for model, numbers in zip(a.models, parts, strict=True)
    }
    first, *others = a.models
    print("\n".join(comparison(f"{other} against {first}", curves[other], curves[first]) for other in others))
    return 0


if __name__ == "__main__":
    sys.exit(main())
