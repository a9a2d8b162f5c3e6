"""Where each tier stands on the rate-quality frontier: `python -m training frontier --model DIR --music DIR [--write]`.

Encodes clips of the training split (never the test set) at every tier and several gains in this process, measures them,
and finds for every pair of neighbouring tiers the rate at which the larger one becomes the better one. A tier's default
lies in the middle of the stretch where it is the best, on the scale of log rate (of one that is best nowhere, between
its neighbours'), or higher where the founding study's error is beaten only there; `--write` puts defaults and bounds
into the model's card, which `aez encode --latent` and `--bitrate` read.
"""

import argparse
import csv
import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.api.calls import ArraySink
from codec.audio.source import ArraySource
from codec.pipeline import decode as decoding
from codec.pipeline import encode as encoding
from codec.pipeline.encode import BITRATES
from codec.runtime.models import Model
from formats.grid import SAMPLE_RATE, TIERS, nominal_kbps
from training.data.batches import Music, listed
from training.evaluation.founding import COLUMN
from training.metrics.clip import quick_metrics
from training.metrics.spectral import log_spectral_rmse
from training.metrics.visqol import resample

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
"""kbit/s from which the smallest tier's stretch is counted, and to which the largest's: what --bitrate takes."""


def score(row: dict[str, float]) -> float:
    """One number for ranking, higher is better: ViSQOL less the two distances.

    Mel counts six times: it is the one of the three in which the lead over other codecs is smallest.
    """
    return row["visqol"] - 6 * row["mel"] - 0.5 * row["stft"]


def measure(clip: NDArray[np.float32], model: str, latent: int, gain: int) -> dict[str, float]:
    """One clip [2, N] through the codec at one setting."""
    file, sink = io.BytesIO(), ArraySink()
    with ArraySource(clip, SAMPLE_RATE) as source:
        report = encoding.encode(source, file, latent=latent, gain=gain, model=model, device="cpu")
    file.seek(0)
    decoding.decode(file, sink, model=model, device="cpu")
    found = quick_metrics(clip, np.concatenate(sink.blocks, 1))
    low = [resample(x.mean(0, keepdims=True), SAMPLE_RATE, 8000) for x in (clip, np.concatenate(sink.blocks, 1))]
    found["rmse_8k"] = log_spectral_rmse(low[0], low[1], 512, 128)
    return {"latent": latent, "gain": gain, "kbps": report.kbps, **found}


def curve(rows: list[dict[str, float]], latent: int) -> NDArray[np.float64]:
    """Means over clips by gain: columns gain, log rate, score; by rising rate."""
    gains = sorted({row["gain"] for row in rows if row["latent"] == latent})
    points = []
    for gain in gains:
        chosen = [row for row in rows if row["latent"] == latent and row["gain"] == gain]
        points.append((gain, np.mean(np.log([row["kbps"] for row in chosen])), np.mean([score(row) for row in chosen])))
    return np.array(points)


def crossing(small: NDArray[np.float64], large: NDArray[np.float64]) -> float:
    """Log rate from which the larger tier is better at the same rate, within what both were measured at."""
    grid = np.linspace(max(small[0, 1], large[0, 1]), min(small[-1, 1], large[-1, 1]), 200)
    ahead = np.interp(grid, large[:, 1], large[:, 2]) > np.interp(grid, small[:, 1], small[:, 2])
    behind = np.flatnonzero(~ahead)
    return float(grid[min(behind[-1] + 1, len(grid) - 1)] if len(behind) else grid[0])


def beating(rows: list[dict[str, float]], latent: int) -> int:
    """The least gain at which a tier is ahead of the founding study's error at 8 kHz; the finest measured if none is.

    A tier is what people ask for by the study's name, so its default may not be worse than the study's.
    """
    gains = np.array(sorted({row["gain"] for row in rows if row["latent"] == latent}))
    if latent not in COLUMN:
        return int(gains[0])
    errors = [np.mean([r["rmse_8k"] for r in rows if (r["latent"], r["gain"]) == (latent, gain)]) for gain in gains]
    # Errors fall with the gain; np.interp wants them rising. A twentieth to spare: other songs than these will come.
    return round(float(np.interp(0.95 * COLUMN[latent], errors[::-1], gains[::-1])))


def tiers(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Bounds and default gain of every tier."""
    curves = {tier: curve(rows, tier) for tier in TIERS}
    bounds = [np.log(LOWEST)]
    for small, large in pairwise(TIERS):
        bounds.append(max(bounds[-1], crossing(curves[small], curves[large])))
    bounds.append(np.log(HIGHEST))
    middles = [(low + high) / 2 for low, high in pairwise(bounds)]
    for place, (low, high) in enumerate(pairwise(bounds)):
        if low == high and 0 < place < len(middles) - 1:
            middles[place] = (middles[place - 1] + middles[place + 1]) / 2
    out: dict[str, dict[str, float]] = {}
    for tier, middle, low in zip(TIERS, middles, bounds, strict=False):
        gain = round(float(np.interp(middle, curves[tier][:, 1], curves[tier][:, 0])))
        gain = max(gain, beating(rows, tier))
        start = 0.0 if tier == TIERS[0] else round(float(np.exp(low)), 2)
        out[str(tier)] = {"gain": gain, "from_kbps": start, "nominal_kbps": nominal_kbps(tier)}
    return out


def main() -> None:
    """Parse the command line, measure, print, write."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", type=Path, required=True, help="model folder")
    p.add_argument("--music", type=Path, required=True)
    p.add_argument("--cache", type=Path, default=Path(".cache"))
    p.add_argument("--clips", type=int, default=12)
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--out", type=Path, required=True, help="CSV of all measurements")
    p.add_argument("--write", action="store_true", help="put the result into model.json")
    a = p.parse_args()
    music, rng = Music(listed(a.music, "train"), a.cache, "train"), np.random.default_rng(1)
    clips = [music.crop(rng, round(a.seconds * SAMPLE_RATE)) for _ in range(a.clips)]
    rows = []
    for number, clip in enumerate(clips):
        for latent, gains in GAINS.items():
            rows += [{"clip": float(number), **measure(clip, str(a.model), latent, gain)} for gain in gains]
        print(f"clip {number + 1} of {len(clips)}", flush=True)
        with a.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    found = tiers(rows)
    print(json.dumps(found, indent=1))
    if a.write:
        card = {**Model(a.model).card, "tiers": found}
        (a.model / "model.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
