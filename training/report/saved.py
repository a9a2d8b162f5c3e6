"""Reads what other commands saved as numbers: rows and maps; None for what is missing or broken."""

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from training.evaluation.compare import difference
from training.evaluation.tables import COLUMNS
from training.metrics.catalogue import METRICS
from training.palette import OTHER, genre_look, looks
from training.report.listening import Measured
from training.report.marks import mark

_ROW = ("clip", "system", "setting", "kbps")
_TEXT = (*_ROW, "artist")


def rows(path: Path, console: Console) -> list[dict[str, Any]]:
    """Lines of a results.csv with what every row must have; numbers are floats, others text. Bad lines are counted."""
    if not path.is_file():
        return []
    found, bad = [], 0
    with path.open(newline="", encoding="utf-8", errors="replace") as f:
        for line in csv.DictReader(f):
            try:
                values = {k: _number(v) for k, v in line.items() if k not in _TEXT and isinstance(v, str)}
                text = {"artist": line.get("artist") or "", **{k: str(line[k]) for k in _ROW}}
                found.append({**text, **values, "kbps": float(line["kbps"])})
            except (KeyError, TypeError, ValueError):
                bad += 1
    if bad:
        console.print(f"{path.name}: {bad} lines left out that are no rows of results", markup=False, soft_wrap=True)
    return found


def measured(found: Sequence[dict[str, Any]], seconds: float) -> Measured:
    """Metrics by clip, system and setting, of the rows measured on clips of this length (a shorter song counts)."""
    return {
        (row["clip"], row["system"], row["setting"]): {k: v for k, v in row.items() if isinstance(v, float)}
        for row in found
        if not row.get("seconds") or row["seconds"] <= seconds + 0.01
    }


def rates(found: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Series for the plot of quality over rate: means over clips and halves of their 95 % intervals over artists.

    Tiers and rates of a system are separate series.
    """
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault((row["system"], row["setting"]), []).append(row)
    names = [name for name in COLUMNS if any(math.isfinite(row.get(name) or math.nan) for row in found)]
    series: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for (system, setting), group in groups.items():
        told = {name: _interval(group, name) for name in names}
        values, halves = ({name: pair[end] for name, pair in told.items()} for end in (0, 1))
        point = {"setting": setting, "kbps": _interval(group, "kbps")[0], "values": values, "halves": halves}
        if point["kbps"]:
            series.setdefault((system, not setting.startswith("latent")), []).append(point)
    if not names or not series:
        return None
    drawn = looks([system for system, _ in groups])
    return {
        "metrics": [{"key": name, "name": COLUMNS[name], "sense": _sense(name)} for name in names],
        "series": [
            {
                "name": drawn[system].label if line else f"{drawn[system].label} tiers",
                "line": line,
                "look": mark(drawn[system]),
                "points": sorted(points, key=lambda p: p["kbps"]),
            }
            for (system, line), points in series.items()
        ],
    }


def maps(results: Path, console: Console) -> dict[str, Any] | None:
    """What the page draws of the maps of all models: names and genres of songs, and on each map their points [x, y].

    `held` says which songs a map was not fitted on, `frame` where outliers begin; genres are numbers of `labels`, which
    have their `looks`.
    Maps are those of RESULTS/latents and of every RESULTS/latents-MODEL with the same songs, the latter under the name
    of their model.
    None if there is no such file, or one without points for all of its songs.
    """
    found: dict[str, Any] | None = None
    for folder in (results / "latents", *sorted(results.glob("latents-*"))):
        one = _maps(folder, console, "" if folder.name == "latents" else folder.name.removeprefix("latents-"))
        if found is None:
            found = one
        elif one is not None and all(one[key] == found[key] for key in ("labels", "songs", "genres")):
            found["maps"] += one["maps"]
    return found


def _maps(folder: Path, console: Console, model: str) -> dict[str, Any] | None:
    """The maps of one folder, as `maps` gives those of all."""
    results = read_json(folder / "maps.json", console)
    if not results:
        return None
    try:
        songs = [(str(song["name"]), str(song.get("genre") or "")) for song in results["songs"]]
        genres = [str(genre) for genre in results["genres"]]
        labels = [*genres, "other or unknown"]
        numbers = [genres.index(genre) if genre in genres else len(genres) for _, genre in songs]
        if len(genres) not in numbers:
            labels.pop()
        drawn = []
        for key, one in results["maps"].items():
            points = [(_finite(x), _finite(y)) for (x, y), _ in zip(one["points"], songs, strict=True)]
            held = [bool(value) for value, _ in zip(one.get("left_out") or [False] * len(songs), songs, strict=True)]
            title = str(one.get("title", key))
            name = f"{title}, model {model}" if model else title
            frame = _frame(one["frame"]) if "frame" in one else None
            told = {"name": name, "note": _note(one, held), "points": points, "held": held, "frame": frame}
            drawn.append(told)
    except (KeyError, TypeError, ValueError, AttributeError):
        console.print(
            f"{folder.name}/maps.json is not as expected: its pictures are shown alone", markup=False, soft_wrap=True
        )
        return None
    given = [genre_look(genre, number) for number, genre in enumerate(genres)]
    marks = [mark(look) for look in [*given, OTHER][: len(labels)]]
    names = [name for name, _ in songs]
    if not drawn or not songs:
        return None
    return {"labels": labels, "looks": marks, "songs": names, "genres": numbers, "maps": drawn}


def read_json(path: Path, console: Console) -> dict[str, Any]:
    """A JSON object; empty if there is none, or none that can be read."""
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        value = None
    if not isinstance(value, dict):
        console.print(f"{path.parent.name}/{path.name} cannot be read and is left out", markup=False, soft_wrap=True)
        return {}
    return value


def _sense(name: str) -> str:
    return METRICS[name].better.value if name in METRICS else ""


def _note(one: dict[str, Any], held: Sequence[bool]) -> str:
    parts = []
    if isinstance(knn := one.get("knn"), float):
        chance = one.get("chance_knn")
        by_chance = f" (shuffled labels {100 * chance:.0f} %)" if isinstance(chance, float) else ""
        parts.append(f"k-NN accuracy {100 * knn:.0f} %{by_chance}")
    if isinstance(silhouette := one.get("silhouette"), float):
        parts.append(f"silhouette {silhouette:+.2f}")
    if any(held):
        parts.append("of songs left out of the fit, which are the large marks")
    return ", ".join(parts)


def _interval(group: Sequence[dict[str, Any]], name: str) -> tuple[float | None, float | None]:
    """Mean of a metric and half of its interval; None where there is none."""
    values = [value if isinstance(value := row.get(name), float) else math.nan for row in group]
    told = difference(values, [row.get("artist") or "" for row in group])
    mean, half = (value if math.isfinite(value) else None for value in (told.mean, told.half))
    return mean, half


def _frame(value: Any) -> list[list[float]]:
    """Lowest and highest [x, y], as the maps' file has them; ValueError or TypeError for anything else."""
    low, high = ([_finite(x), _finite(y)] for x, y in value)
    return [low, high]


def _finite(value: Any) -> float:
    """A number, as JSON has them; ValueError or TypeError for anything else, as for Python's NaN."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no place")
    return number


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
