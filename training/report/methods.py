"""The methods of a study for its page, from the study.json that `python -m training study` writes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from training.report.saved import read_json
from training.report.sections import shown


class Fact(NamedTuple):
    """A name and what there is to say about it."""

    name: str
    value: str


class Methods(NamedTuple):
    """What was done, on what and by what.

    Attributes:
        facts: data, division, command, code and machine.
        models: a row of text for each model, under `HEAD`.
        warnings: why the numbers must not be taken at face value.
        notes: what was left out.
    """

    facts: list[Fact]
    models: list[list[str]]
    warnings: list[str]
    notes: list[str]


HEAD = ("model", "kind", "loss", "steps", "audio seen", "training", "id")


def methods(results: Path, console: Console) -> Methods | None:
    """The methods of a folder of results; None without a study.json, or where that is not as expected."""
    found = read_json(results / "study.json", console)
    if not found:
        return None
    try:
        return Methods(_facts(found, results), [_model(one) for one in found.get("models", [])], _warnings(found),
                       [shown(str(note), results) for note in found.get("notes", [])])  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        console.print("study.json is not as expected: the page has no methods", markup=False, soft_wrap=True)
        return None


def _facts(found: Mapping[str, Any], results: Path) -> list[Fact]:
    data = found["data"]
    parts = [f"{name}: {_songs(part)}, {part['hours']} h" for name, part in data["parts"].items()]
    divided = {
        "artist": "70/30 by artist, none on both sides, balanced by genre",
        "random": "70/30 at random, song by song: artists are on both sides",
        "own": "as the collection says",
    }
    return [
        Fact("data", f"{data['name']} ({data['kind']}), {data['genres']} genres, {data['skipped']} files left out"),
        Fact("division", f"{divided.get(data['split'], data['split'])}. " + "; ".join(parts)),
        Fact("command", shown(str(found["command"]), results)),
        Fact("code", f"aez {found['aez']}" + (f", commit {found['commit']}" if found["commit"] else "")),
        Fact("made on", f"{found['date']}, {found['machine']}"),
    ]


def _songs(part: Mapping[str, Any]) -> str:
    """Songs of a part and their artists: 7 songs by 3 artists, 2 of them by unnamed ones."""
    by = f" by {part['artists']} artists" if part["artists"] else ""
    return f"{part['songs']} songs{by}" + (f", {part['unnamed']} of them by unnamed ones" if part["unnamed"] else "")


def _model(one: Mapping[str, Any]) -> list[str]:
    audio, spent, steps = one.get("seconds_of_audio"), one.get("training_seconds"), one.get("steps")
    return [
        str(one["name"]),
        str(one["kind"]),
        str(one.get("loss") or "-"),
        f"{steps:,}" if isinstance(steps, int) else "-",
        f"{audio / 3600:.3g} h" if isinstance(audio, (int, float)) else "-",
        f"{spent / 60:.3g} min" if isinstance(spent, (int, float)) else "-",
        str(one["id"]),
    ]


def _warnings(found: Mapping[str, Any]) -> list[str]:
    warnings = []
    if found["quick"]:
        quick = "Made with --quick: models trained for seconds, measured on two clips. The numbers mean nothing."
        warnings.append(quick)
    if found["synthesized"]:
        warnings.append("Made of synthesized music: nothing here says how any codec does on recordings.")
    return warnings
