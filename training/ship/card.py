"""Finish a model's card: what it was trained on, with licences and attribution, its date, and a line of its history.

`python -m training card --model models/NAME --music DIR --history "what is new"`; with `--results results.csv` also the
metrics of each tier, as `python -m training evaluate --tiers` measured them. The attribution of the training music is
written beside the card.
"""

import argparse
import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from formats.errors import UsageError
from training.data import tracks
from training.data.collection import MANIFEST, manifest
from training.data.tracks import SPLITS
from training.model_files.folder import CARD, read_card, write_card

METRICS = ("kbps", "mel", "stft", "visqol", "nmr", "rmse_44k", "rmse_8k", "si_sdr", "width_error_db")

COLUMNS = ("split", "seconds", "artist", "title", "licence", "source_repo")
"""What a card and an attribution say of a song, as columns of the manifest."""

ATTRIBUTION = "ATTRIBUTION.md"

DATED = re.compile(r"20\d\d-\d\d-\d\d ")
"""How a line of a history begins."""


def training_rows(music: Path) -> list[dict[str, str]]:
    """The training split of a music folder's manifest.

    Raises:
        UsageError: the manifest cannot be read, or says too little for a card.
    """
    found = manifest(music)
    if lacking := [name for name in COLUMNS if found and name not in found[0]]:
        raise UsageError(f"{music / MANIFEST} lacks the columns {', '.join(lacking)}, which a card needs")
    chosen = [row for row in found if SPLITS.get(row["split"].strip()) == "train"]
    if not chosen:
        raise UsageError(f"{music / MANIFEST} lists no songs to train on")
    for row in chosen:
        try:
            good = 0 <= float(row["seconds"]) < math.inf
        except ValueError:
            good = False
        if not good:
            raise UsageError(f"{music / MANIFEST}: {row['path']} has no length in seconds, but {row['seconds']!r}")
    return chosen


def data(music: Path) -> dict[str, Any]:
    """What a card says of the training split."""
    rows = training_rows(music)
    return {
        "songs": len(rows),
        "hours": round(sum(float(row["seconds"]) for row in rows) / 3600, 2),
        "artists": len({row["artist"] for row in rows}),
        "licences": dict(sorted(Counter(row["licence"] for row in rows).items())),
        "loops": f"{len(list((music / 'loops').glob('*')))} CC0 loops and one-shots from Sonic Pi's samples",
        "attribution": ATTRIBUTION,
    }


def attribution(music: Path) -> str:
    """A line a song: title, artist, licence, source."""
    rows = training_rows(music)
    head = "# Music this model was trained on\n\nExcerpts; none of it is part of the model's files.\n\n"
    songs = sorted({(row["artist"], row["title"], row["licence"], row["source_repo"]) for row in rows})
    lines = (f"- {title} by {artist}, {licence}, from {source}\n" for artist, title, licence, source in songs)
    return head + "".join(lines)


def metrics(results: Path, system: str) -> dict[str, dict[str, float]]:
    """Means over clips of every tier at its default gain, from results of `training.evaluation.evaluate`.

    Raises:
        UsageError: the file cannot be read, or has no tiers of this system.
    """
    lines = tracks.rows(results)
    head = next(lines, [])
    found = (dict(zip(head, line, strict=False)) for line in lines)
    rows = [row for row in found if row.get("system") == system and "latent" in row.get("setting", "")]
    if not rows:
        raise UsageError(f"{results} has no tiers of {system}: measure them with the command evaluate and its --tiers")
    out: dict[str, dict[str, float]] = {}
    for setting in sorted({row["setting"] for row in rows}, key=lambda s: (len(s), s)):
        chosen = [row for row in rows if row["setting"] == setting]
        means = {
            name: round(float(np.nanmean([float(row[name]) for row in chosen if row.get(name)])), 3)
            for name in METRICS
            if name in rows[0]
        }
        out[setting] = {"clips": len(chosen), **means}
    return out


def finish(
    folder: Path, music: Path, line: str, *, results: Path | None = None, system: str = "aez", hardware: str = ""
) -> dict[str, Any]:
    """Write a model's card and attribution; returns the card.

    Args:
        folder: the model, as an export made it.
        music: folder of the training music, with manifest.csv.
        line: what is new about this model, for its history; today's date is put before it unless it begins with one.
        results: CSV of `training.evaluation.evaluate`; without it the card keeps the metrics that it has,
            which are those of the model in the folder: what replaces a model drops them.
        system: name of the model in the results.
        hardware: what it was trained on.

    Raises:
        UsageError: the folder holds no model, or the manifest or the results say too little.
    """
    card = read_card(folder)
    if not (folder / CARD).is_file():
        raise UsageError(f"{folder} holds no model: it has no model.json")
    credits = attribution(music)
    today = date.today().isoformat()
    dated = line if DATED.match(line) else f"{today} {line}"
    card |= {"date": today, "history": [*card.get("history", []), dated], "data": data(music)}
    if results:
        card["metrics"] = {"clips": "the test split, 10 s of each song", "tiers": metrics(results, system)}
    if hardware:
        card["training"]["hardware"] = hardware
    write_card(folder, card)
    (folder / ATTRIBUTION).write_text(credits, encoding="utf-8")
    return card


def options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `finish` but for the folder."""
    parser.add_argument("--music", type=Path, required=True, help="folder of the training music, with manifest.csv")
    parser.add_argument("--history", required=True, metavar="TEXT", help="what is new, a line, dated or not")
    parser.add_argument("--results", type=Path, help="CSV of `evaluate`, for the card's metrics")
    parser.add_argument("--system", default="aez", help="name of the model in the results")
    parser.add_argument("--hardware", default="", help="what the model was trained on")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training card", description="Finish a model's card.")
    p.add_argument("--model", type=Path, required=True, help="model folder")
    options(p)
    given = p.parse_args(arguments)
    before = _songs(given.model)
    finish(given.model, given.music, given.history, results=given.results, system=given.system, hardware=given.hardware)
    if dropped := before - _songs(given.model):
        print(
            f"card: {given.model / ATTRIBUTION} no longer names {len(dropped)} songs that {given.music} does not list; "
            "if the model was trained on them as well, put them back",
            file=sys.stderr,
        )
    return 0


def _songs(model: Path) -> set[str]:
    """The lines of songs in a model's attribution; none where there is none."""
    path = model / ATTRIBUTION
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return {line for line in lines if line.startswith("- ")}


if __name__ == "__main__":
    sys.exit(main())
