"""Reads what other commands saved: tables, pictures, rows and maps; None for what is missing or broken."""

import csv
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from training.evaluation.tables import COLUMNS
from training.metrics.catalogue import METRICS
from training.report.html import Part, parts
from training.report.listening import Measured

# Numbers in the style sheet's palette, whose hues are those of `training.evaluation.plot_style`.
_COLOURS = {name: i for i, name in enumerate(("aez", "opus", "lame", "aac", "vorbis", "resample"))}
_ROW = ("clip", "system", "setting", "kbps")


class Picture(NamedTuple):
    """A PNG in the page's folder."""

    path: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True)
class Section:
    """A section of the page made of a folder of results."""

    id: str
    title: str
    about: str
    command: str  # what makes it
    lead: str = ""
    parts: list[Part] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)

    @property
    def missing(self) -> bool:
        """Nothing was saved for it."""
        return not (self.lead or self.parts or self.pictures)


def section(blank: Section, results: Path, page: Path) -> Section:
    """Fill a section from the markdown and PNG files right in `results`; the pictures are copied into the page."""
    texts = [p.read_text(encoding="utf-8", errors="replace") for p in _files(results, "*.md")]
    split = [parts(text) for text in texts]
    pictures = [p for p in (_copy(path, blank.id, page) for path in _files(results, "*.png")) if p]
    leads = "".join(lead for lead, _ in split)
    return Section(
        blank.id, blank.title, blank.about, blank.command, leads, [p for _, more in split for p in more], pictures
    )


def rows(path: Path, console: Console) -> list[dict[str, Any]]:
    """Lines of a results.csv with what every row must have; numbers are floats, others text. Bad lines are counted."""
    if not path.is_file():
        return []
    found, bad = [], 0
    with path.open(newline="", encoding="utf-8", errors="replace") as f:
        for line in csv.DictReader(f):
            try:
                values = {k: _number(v) for k, v in line.items() if k not in _ROW and isinstance(v, str)}
                found.append({**{k: str(line[k]) for k in _ROW}, **values, "kbps": float(line["kbps"])})
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
    """Series for the plot of quality over rate: means over clips, with tiers and rates as separate series."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault((row["system"], row["setting"]), []).append(row)
    names = [name for name in COLUMNS if any(math.isfinite(row.get(name) or math.nan) for row in found)]
    series: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for (system, setting), group in groups.items():
        values = {name: _mean([row.get(name) for row in group]) for name in names}
        point = {"setting": setting, "kbps": _mean([row["kbps"] for row in group]), "values": values}
        if point["kbps"]:
            series.setdefault((system, not setting.startswith("latent")), []).append(point)
    if not names or not series:
        return None
    others = [name for name in dict.fromkeys(system for system, _ in series) if name not in _COLOURS]
    colours = {**_COLOURS, **{name: len(_COLOURS) + i for i, name in enumerate(others)}}
    return {
        "metrics": [{"key": name, "name": COLUMNS[name], "sense": _sense(name)} for name in names],
        "series": [
            {
                "name": system if line else f"{system} tiers",
                "line": line,
                "colour": colours[system],
                "points": sorted(points, key=lambda p: p["kbps"]),
            }
            for (system, line), points in series.items()
        ],
    }


def maps(results: Path, console: Console) -> dict[str, Any] | None:
    """What the page draws of the maps of all models: songs as points [x, y, genre, name] on each map.

    Maps are those of RESULTS/latents and of every RESULTS/latents-MODEL with the same songs, the latter under the name
    of their model.
    None if there is no such file, or one without points for all of its songs.
    """
    found: dict[str, Any] | None = None
    for folder in (results / "latents", *sorted(results.glob("latents-*"))):
        one = _maps(folder, console, "" if folder.name == "latents" else folder.name.removeprefix("latents-"))
        if found is None:
            found = one
        elif one is not None and one["labels"] == found["labels"]:
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
            points = [
                [float(x), float(y), number, name]
                for (x, y), number, (name, _) in zip(one["points"], numbers, songs, strict=True)
            ]
            title = str(one.get("title", key))
            name = f"{title}, model {model}" if model else title
            drawn.append({"name": name, "note": _note(one), "points": points})
    except (KeyError, TypeError, ValueError, AttributeError):
        console.print(
            f"{folder.name}/maps.json is not as expected: its pictures are shown alone", markup=False, soft_wrap=True
        )
        return None
    return {"labels": labels, "maps": drawn} if drawn and songs else None


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


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else []


def _copy(source: Path, room: str, page: Path) -> Picture | None:
    with source.open("rb") as f:
        head = f.read(24)
    if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 24:
        return None
    folder = page / "images" / room
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{len(list(folder.iterdir())):02}.png"
    shutil.copyfile(source, folder / name)
    width, height = (int.from_bytes(head[i : i + 4], "big") for i in (16, 20))
    return Picture(f"images/{room}/{name}", source.stem.replace("-", " ").replace("_", " "), width, height)


def _sense(name: str) -> str:
    return METRICS[name].better.value if name in METRICS else ""


def _note(one: dict[str, Any]) -> str:
    parts = []
    if isinstance(knn := one.get("knn"), float):
        chance = one.get("chance_knn")
        by_chance = f" (shuffled labels {100 * chance:.0f} %)" if isinstance(chance, float) else ""
        parts.append(f"k-NN accuracy {100 * knn:.0f} %{by_chance}")
    if isinstance(silhouette := one.get("silhouette"), float):
        parts.append(f"silhouette {silhouette:+.2f}")
    return ", ".join(parts)


def _mean(values: Sequence[float | None]) -> float | None:
    kept = [v for v in values if isinstance(v, float) and math.isfinite(v)]
    return sum(kept) / len(kept) if kept else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
