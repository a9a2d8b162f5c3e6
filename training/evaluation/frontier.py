"""Where each tier stands on the rate-quality frontier: `python -m training frontier --model DIR --music DIR --out CSV`.

Encodes clips of the training split (never the test split) at every tier and several gains, measures them, and finds for
every tier the rate from which it is ahead of all smaller ones, by all judges of `training.evaluation.advantage` alike:
`aez encode --bitrate` takes the best tier for a rate. `--latent` takes a tier with its default gain, at which these
clips have DEFAULT_KBPS. `--write` puts both into the model's card.
"""

import argparse
import io
import json
import sys
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.audio.source import ArraySource
from codec.files import check_target
from codec.pipeline.calls import ArraySink
from codec.pipeline.decode import decode
from codec.pipeline.encode import encode
from codec.pipeline.plan import BITRATES, DecodePlan, EncodePlan
from codec.pipeline.workers import Engine, cores
from codec.runtime import models
from codec.runtime.models import Model
from formats.errors import AezError
from formats.grid import SAMPLE_RATE, TIERS, nominal_kbps
from training.csv_table import write_csv
from training.data.batches import Music, listed
from training.evaluation.advantage import Curve, advantage, common_rates
from training.evaluation.pool import clip_pool
from training.metrics.clip import quick_metrics
from training.metrics.panel import panel
from training.model_files.folder import update_card
from training.numbers import clip_length, whole

GAINS = {
    32: (-40, -16, 8, 32),
    64: (-72, -48, -24, 0, 30),
    128: (-92, -72, -52, -30, -6, 30),
    256: (-100, -84, -62, -40, -18, 8, 40),
    512: (-84, -56, -30, -6, 18, 44, 75, 105),
    1024: (-56, -32, -8, 20, 50, 85, 120, 150),
}
"""Gains tried for each tier: d = 2**(-gain / 32)."""

MARGIN = 0.1
"""Octaves by which a tier must be ahead of all smaller ones, because more latents take more time."""

DEFAULT_KBPS = {32: 6.0, 64: 8.0, 128: 15.0, 256: 22.0, 512: 40.0, 1024: 85.0}
"""kbit/s of each tier's default gain, mean over clips."""


def measure(clip: NDArray[np.float32], plan: EncodePlan, engine: Engine) -> dict[str, float]:
    """Metrics of one clip [2, N] that was encoded by a plan, and decoded."""
    file, sink = io.BytesIO(), ArraySink()
    with ArraySource(clip, SAMPLE_RATE) as source:
        report = encode(source, file, plan, engine=engine)
    file.seek(0)
    decode(file, sink, DecodePlan.make(model=str(plan.model.folder)), engine=engine)
    decoded = np.concatenate(sink.blocks, 1)
    metrics = {**quick_metrics(clip, decoded), **panel(clip, decoded)}
    return {"latent": plan.latent, "gain": plan.gain, "kbps": report.kbps, **metrics}


def crossing(small: Curve, large: Curve) -> float:
    """log2 of the rate from which the larger tier is better by MARGIN, within the range that both were measured at.

    The larger tier's lowest rate if there is no such range.
    """
    rate = common_rates(small, large)
    if not rate[0] < rate[-1]:
        return float(large.rate[0])
    behind = np.flatnonzero(advantage(large, small, rate) <= MARGIN)
    return float(rate[min(behind[-1] + 1, len(rate) - 1)] if len(behind) else rate[0])


def tiers(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Bounds and default gain of every tier; a bound is the rate from which one is ahead of all smaller ones."""
    parts = {tier: [row for row in rows if row["latent"] == tier] for tier in TIERS}
    curves = {tier: Curve.of_rows(part, "gain") for tier, part in parts.items()}
    lowest = float(np.log2(BITRATES[0]))
    bounds = [
        max([lowest, *(crossing(curves[small], curves[tier]) for small in TIERS[:i])]) for i, tier in enumerate(TIERS)
    ]
    for i in reversed(range(len(TIERS) - 1)):  # a tier that is best nowhere gives way at once to the one that is
        bounds[i] = min(bounds[i], bounds[i + 1])
    out: dict[str, dict[str, float]] = {}
    for tier, low in zip(TIERS, bounds, strict=True):
        gains = sorted({row["gain"] for row in parts[tier]})
        gain = round(float(np.interp(np.log2(DEFAULT_KBPS[tier]), curves[tier].rate, gains)))
        start = 0.0 if tier == TIERS[0] else round(float(np.exp2(low)), 2)
        out[str(tier)] = {"gain": gain, "from_kbps": start, "nominal_kbps": nominal_kbps(tier)}
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: measure, print, write; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training frontier", description="Find the tiers' defaults and bounds.")
    p.add_argument("--model", type=Path, required=True, help="model, by name or folder")
    p.add_argument("--music", type=Path, required=True, help="collection whose training split is measured")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument(
        "--clips", type=whole(1), default=12, help="at most, and no more than hold all the music (default: 12)"
    )
    p.add_argument("--seconds", type=clip_length, default=10, help="length of a clip, at most (default: 10)")
    p.add_argument("--out", type=Path, required=True, metavar="CSV", help="file for all measurements")
    p.add_argument("--jobs", type=whole(1), default=cores(), help="clips measured at once (default: all cores)")
    p.add_argument("--write", action="store_true", help="put the result into model.json")
    a = p.parse_args(arguments)
    try:
        folder = models.by_name(str(a.model)).folder  # no such model is an error before anything is measured
        a.out.parent.mkdir(parents=True, exist_ok=True)
        check_target(a.out, force=True)
        clips = draw_clips(a.music, a.cache, a.clips, a.seconds, seed=1)
        found = tiers(measure_all(clips, folder, a.out, a.jobs))
        print(json.dumps(found, indent=1))
        if a.write:
            update_card(folder, tiers=found)
    except (AezError, OSError) as error:
        print(f"frontier: {error}", file=sys.stderr)
        return 2
    return 0


def measure_all(clips: Sequence[NDArray[np.float32]], folder: Path, out: Path, jobs: int) -> list[dict[str, float]]:
    """Rows of all clips at all tiers and gains; a clip takes minutes, so the CSV file grows tier by tier."""
    rows: list[dict[str, float]] = []
    parts = [(number, tier) for number in range(len(clips)) for tier in GAINS]
    settings = ([(tier, gain) for gain in GAINS[tier]] for _, tier in parts)
    with clip_pool(jobs) as pool:
        results = pool.map(measure_clip, (clips[number] for number, _ in parts), repeat(folder), settings)
        for (number, tier), found in zip(parts, results, strict=True):
            rows += [{"clip": float(number), **row} for row in found]
            print(f"clip {number + 1} of {len(clips)}: {tier} latents", flush=True)
            write_csv(out, list(rows[0]), rows)
    return rows


def draw_clips(music: Path, cache: Path, count: int, seconds: float, seed: int) -> list[NDArray[np.float32]]:
    """Clips [2, N] of a collection's training split, no longer than its songs and no more than hold all of it."""
    songs, rng = Music(listed(music, "train"), cache, "train"), np.random.default_rng(seed)
    length = min(round(seconds * SAMPLE_RATE), max(songs.shards.lengths, default=SAMPLE_RATE))
    return [songs.crop(rng, length) for _ in range(songs.enough(count, seconds))]


def measure_clip(
    clip: NDArray[np.float32], folder: Path, settings: Sequence[tuple[int, int]]
) -> list[dict[str, float]]:
    """Rows of one clip by one model, a row for each tier and gain of `settings`."""
    model = Model(folder)
    plans = [EncodePlan.make(latent=latent, gain=gain, model=model) for latent, gain in settings]
    with Engine("cpu") as engine:
        return [measure(clip, plan, engine) for plan in plans]


if __name__ == "__main__":
    sys.exit(main())
