"""Where each tier stands on the rate-quality frontier: `python -m training frontier --model DIR --music DIR --out CSV`.

Encodes clips of the training split (never the test split) at every tier and several gains, measures them, and finds for
every pair of neighbouring tiers the rate from which the larger one is better. A tier's default gain is that of the
middle of the range where it is the best, on the scale of log rate. A tier that is best nowhere gets the middle between
its neighbours' defaults, and a tier gets a higher gain if only that beats the founding study's error. `--write` puts
defaults and bounds into the model's card, which `aez encode` uses for tiers and rates.
"""

import argparse
import csv
import io
import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.audio.source import ArraySource
from codec.pipeline.calls import ArraySink
from codec.pipeline.decode import decode
from codec.pipeline.encode import encode
from codec.pipeline.plan import BITRATES, DecodePlan, EncodePlan
from codec.pipeline.workers import Engine
from codec.runtime.models import Model
from formats.errors import AezError
from formats.grid import SAMPLE_RATE, TIERS, nominal_kbps
from training.data.batches import Music, listed
from training.evaluation.founding import COLUMN
from training.metrics.clip import quick_metrics
from training.metrics.spectral import log_spectral_rmse
from training.metrics.visqol import resample
from training.model_files.folder import write_card

GAINS = {
    32: (-40, -16, 8, 32),
    64: (-72, -48, -24, 0, 30),
    128: (-92, -72, -52, -30, -6, 30),
    256: (-84, -62, -40, -18, 8, 40),
    512: (-56, -30, -6, 18, 44, 75, 105),
    1024: (-20, 10, 40, 62, 90, 120, 150),
}
"""Gains tried for each tier: d = 2**(-gain / 32)."""

LOWEST, HIGHEST = BITRATES
"""kbit/s at which the smallest tier's range begins and the largest tier's ends: the rates that can be asked for."""


def score(row: dict[str, float]) -> float:
    """One number for ranking, higher is better: ViSQOL minus the two distances.

    Mel has a weight of six: it is the metric in which the lead over other codecs is smallest.
    """
    return row["visqol"] - 6 * row["mel"] - 0.5 * row["stft"]


def measure(clip: NDArray[np.float32], plan: EncodePlan, engine: Engine) -> dict[str, float]:
    """Metrics of one clip [2, N] that was encoded by a plan, and decoded."""
    file, sink = io.BytesIO(), ArraySink()
    with ArraySource(clip, SAMPLE_RATE) as source:
        report = encode(source, file, plan, engine=engine)
    file.seek(0)
    decode(file, sink, DecodePlan.make(model=str(plan.model.folder)), engine=engine)
    decoded = np.concatenate(sink.blocks, 1)
    low = [resample(x.mean(0, keepdims=True), SAMPLE_RATE, 8000) for x in (clip, decoded)]
    return {
        "latent": plan.latent,
        "gain": plan.gain,
        "kbps": report.kbps,
        **quick_metrics(clip, decoded),
        "rmse_8k": log_spectral_rmse(low[0], low[1], 512, 128),
    }


def curve(rows: list[dict[str, float]], latent: int) -> NDArray[np.float64]:
    """Means over clips by gain: columns gain, log rate, score; by rising rate."""
    gains = sorted({row["gain"] for row in rows if row["latent"] == latent})
    points = []
    for gain in gains:
        chosen = [row for row in rows if row["latent"] == latent and row["gain"] == gain]
        points.append((gain, np.mean(np.log([row["kbps"] for row in chosen])), np.mean([score(row) for row in chosen])))
    return np.array(points)


def crossing(small: NDArray[np.float64], large: NDArray[np.float64]) -> float:
    """Log rate from which the larger tier is better at the same rate, within the range that both were measured at."""
    grid = np.linspace(max(small[0, 1], large[0, 1]), min(small[-1, 1], large[-1, 1]), 200)
    ahead = np.interp(grid, large[:, 1], large[:, 2]) > np.interp(grid, small[:, 1], small[:, 2])
    behind = np.flatnonzero(~ahead)
    return float(grid[min(behind[-1] + 1, len(grid) - 1)] if len(behind) else grid[0])


def beating(rows: list[dict[str, float]], latent: int) -> int:
    """The least gain at which a tier beats the founding study's error at 8 kHz; the highest measured one if none does.

    Tiers are known by the study's numbers of latents, so that their defaults may not be worse than the study.
    """
    gains = np.array(sorted({row["gain"] for row in rows if row["latent"] == latent}))
    if latent not in COLUMN:
        return int(gains[0])
    errors = [np.mean([r["rmse_8k"] for r in rows if (r["latent"], r["gain"]) == (latent, gain)]) for gain in gains]
    # Errors fall with the gain, and np.interp needs them rising. A margin of a twentieth is for other songs than these.
    return round(float(np.interp(0.95 * COLUMN[latent], errors[::-1], gains[::-1])))


def tiers(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Bounds and default gain of every tier."""
    curves = {tier: curve(rows, tier) for tier in TIERS}
    bounds = [np.log(LOWEST)]
    for small, large in pairwise(TIERS):
        bounds.append(max(bounds[-1], crossing(curves[small], curves[large])))
    bounds.append(np.log(HIGHEST))
    middles = [(low + high) / 2 for low, high in pairwise(bounds)]
    for i, (low, high) in enumerate(pairwise(bounds)):
        if low == high and 0 < i < len(middles) - 1:
            middles[i] = (middles[i - 1] + middles[i + 1]) / 2
    out: dict[str, dict[str, float]] = {}
    for tier, middle, low in zip(TIERS, middles, bounds, strict=False):
        gain = round(float(np.interp(middle, curves[tier][:, 1], curves[tier][:, 0])))
        gain = max(gain, beating(rows, tier))
        start = 0.0 if tier == TIERS[0] else round(float(np.exp(low)), 2)
        out[str(tier)] = {"gain": gain, "from_kbps": start, "nominal_kbps": nominal_kbps(tier)}
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: measure, print, write; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training frontier", description="Find the tiers' defaults and bounds.")
    p.add_argument("--model", type=Path, required=True, help="model folder")
    p.add_argument("--music", type=Path, required=True, help="collection whose training split is measured")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument("--clips", type=int, default=12, help="default: 12")
    p.add_argument("--seconds", type=float, default=10, help="length of a clip (default: 10)")
    p.add_argument("--out", type=Path, required=True, metavar="CSV", help="file for all measurements")
    p.add_argument("--write", action="store_true", help="put the result into model.json")
    a = p.parse_args(arguments)
    try:
        model = Model(a.model)
        music, rng = Music(listed(a.music, "train"), a.cache, "train"), np.random.default_rng(1)
        clips = [music.crop(rng, round(a.seconds * SAMPLE_RATE)) for _ in range(a.clips)]
        found = tiers(measure_all(clips, model, a.out))
        print(json.dumps(found, indent=1))
        if a.write:
            write_card(a.model, {**model.card, "tiers": found})
    except (AezError, OSError) as error:
        print(f"frontier: {error}", file=sys.stderr)
        return 2
    return 0


def measure_all(clips: Sequence[NDArray[np.float32]], model: Model, out: Path) -> list[dict[str, float]]:
    """Rows of all clips at all tiers and gains; the CSV file is written anew after every clip."""
    rows: list[dict[str, float]] = []
    plans = [EncodePlan.make(latent=t, gain=gain, model=model) for t, gains in GAINS.items() for gain in gains]
    with Engine("cpu") as engine:
        for number, clip in enumerate(clips):
            rows += [{"clip": float(number), **measure(clip, plan, engine)} for plan in plans]
            print(f"clip {number + 1} of {len(clips)}", flush=True)
            with out.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
    return rows


if __name__ == "__main__":
    sys.exit(main())
