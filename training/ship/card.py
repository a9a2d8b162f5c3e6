"""Finish a model's card: `python -m training card --model models/NAME --music DIR [--results results.csv]`.

Adds what the model was trained on with its licences, the metrics of each tier from `training.evaluation.evaluate --tiers`,
and the commit; writes the attribution lines of the training music beside the card.
"""

import argparse
import csv
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

METRICS = ("kbps", "mel", "stft", "visqol", "nmr", "rmse_44k", "rmse_8k", "si_sdr", "width_error_db")


def data(music: Path) -> dict[str, Any]:
    """The training split of a manifest, counted."""
    with (music / "manifest.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == "train"]
    return {
        "songs": len(rows),
        "hours": round(sum(float(row["seconds"]) for row in rows) / 3600, 2),
        "artists": len({row["artist"] for row in rows}),
        "licences": dict(sorted(Counter(row["licence"] for row in rows).items())),
        "loops": f"{len(list((music / 'loops').glob('*')))} CC0 loops and one-shots from Sonic Pi's samples",
        "attribution": "ATTRIBUTION.md",
    }


def attribution(music: Path) -> str:
    """A line a song: title, artist, licence, source."""
    with (music / "manifest.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == "train"]
    head = "# Music this model was trained on\n\nExcerpts; none of it is part of the model's files.\n\n"
    songs = sorted({(r["artist"], r["title"], r["licence"], r["source_repo"]) for r in rows})
    return head + "".join(f"- {t} by {a}, {licence}, from {source}\n" for a, t, licence, source in songs)


def metrics(results: Path, system: str) -> dict[str, dict[str, float]]:
    """Means over clips of every tier at its default."""
    with results.open(newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if r["system"] == system and "latent" in r["setting"]]
    out: dict[str, dict[str, float]] = {}
    for setting in sorted({r["setting"] for r in rows}, key=lambda s: (len(s), s)):
        chosen = [r for r in rows if r["setting"] == setting]
        means = {
            m: round(float(np.nanmean([float(r[m]) for r in chosen if r.get(m)])), 3) for m in METRICS if m in rows[0]
        }
        out[setting] = {"clips": len(chosen), **means}
    return out


def main() -> None:
    """Parse the command line and rewrite model.json."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", type=Path, required=True)
    p.add_argument("--music", type=Path, required=True)
    p.add_argument("--results", type=Path)
    p.add_argument("--system", default="aez")
    p.add_argument("--hardware", default="")
    a = p.parse_args()
    card = json.loads((a.model / "model.json").read_text())
    card["data"] = data(a.music)
    if a.results:
        card["metrics"] = {"clips": "the test split, 10 s of each song", "tiers": metrics(a.results, a.system)}
    if a.hardware:
        card["training"]["hardware"] = a.hardware
    found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    card["commit"] = found.stdout.strip()
    (a.model / "model.json").write_text(json.dumps(card, indent=1) + "\n")
    (a.model / "ATTRIBUTION.md").write_text(attribution(a.music))


if __name__ == "__main__":
    main()
