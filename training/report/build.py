"""A page that shows a study: measurements, players, a blind listening test, maps.

    python -m training report --results OUT --music DIR [--clips N] [--systems aez,opus,lame] --out OUT/report

It is made of what other commands saved in OUT (founding, evaluation, losses, genre, latents). Sections for which
nothing was saved are named at its end, with the command that makes them. The page is self-contained: it opens from a
file and needs no network.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from rich.console import Console

from formats.errors import AezError, UsageError
from training.evaluation import peers
from training.evaluation.clips import find_songs
from training.numbers import whole
from training.provenance import made
from training.report import listening, media, points, saved
from training.report.html import Part
from training.report.methods import HEAD, Fact, methods
from training.report.sections import FOUNDING, Made, Section, sections, shown

PAGE = Path(__file__).parent / "page"
GENERATOR = "aez training report"
STATIC = tuple(sorted(path.name for path in PAGE.iterdir() if path.suffix in (".css", ".js")))

LISTEN = "python -m training report --results OUT --music DIR"
"""What makes a page with players."""


class Missing(NamedTuple):
    """What the clips of a page lack, a line each: systems and songs that were skipped, round trips that failed."""

    skipped: list[str]
    failed: list[str]


def build(options: argparse.Namespace, console: Console) -> Missing:
    """Build the page as `options` say and put it in place when it is whole.

    Raises:
        UsageError: no results folder, no songs, or something in the way of the page.
        ModelError: a system's model is not there.
    """
    results, out = options.results, options.out or options.results / "report"
    if not results.is_dir():
        raise UsageError(f"{results} is no folder")
    if out.exists() and not is_report(out):
        raise UsageError(f"{out} is there already and is no report; name another folder")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            page = Path(scratch) / "page"
            page.mkdir()
            lacking = _fill(page, results, options, console)
            page.chmod(0o755)
            if out.exists():
                out.rename(Path(scratch) / "old")
            page.rename(out)
    except OSError as e:
        raise UsageError(f"cannot write {out}: {e.strerror or e}") from e
    return lacking


def is_report(folder: Path) -> bool:
    """Whether a folder is empty or was made by this command."""
    index = folder / "index.html"
    if index.is_file():
        return f'content="{GENERATOR}"' in index.read_text(encoding="utf-8", errors="replace")[:1000]
    return folder.is_dir() and not any(folder.iterdir())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (1: a codec failed on a clip)."""
    options = _parser().parse_args(arguments)
    found = made("report", arguments)
    options.made = Made(*(found[key] for key in ("command", "aez", "commit", "time")))
    console = Console(stderr=True)
    try:
        lacking = build(options, console)
    except AezError as e:
        console.print(f"report: {e}", style="red", markup=False, soft_wrap=True)
        return 2
    for line in lacking.skipped:
        console.print(line, markup=False, soft_wrap=True)
    for line in lacking.failed:
        console.print(line, style="red", markup=False, soft_wrap=True)
    print((options.out or options.results / "report") / "index.html")
    return 1 if lacking.failed else 0


def _fill(page: Path, results: Path, options: argparse.Namespace, console: Console) -> Missing:
    found = saved.rows(results / "evaluation" / "results.csv", console)
    clips, lacking = _clips(page, saved.measured(found, options.seconds), options, console)
    losses = saved.rows(results / "losses" / "results.csv", console)
    rates = {"evaluation": saved.rates(found), "losses": saved.rates(losses)}
    map_data = saved.maps(results, console)
    every = sections(results, page, console)
    drawn = {"maps": map_data, **rates}
    there = [section for section in every if not section.missing or drawn.get(section.id)]
    absent = [Fact(section.title, section.command) for section in every if section not in there]
    absent += [] if clips else [Fact("Players and blind tests", LISTEN)]
    heard = [f"{clip.name} {v.name} {v.audio}" for clip in clips for v in clip.versions]
    name = sha256("\n".join(heard).encode()).hexdigest()[:12]  # answers are kept by it: another page has other answers
    data = {"id": name, "clips": [asdict(clip) for clip in clips], "asked": sorted(set(options.kbps)),
            "rates": rates}  # fmt: skip
    environment = Environment(loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined)
    text = environment.get_template("index.html").render(
        title=options.title,
        generator=GENERATOR,
        facts=_facts(found, clips),
        first=[_marked(section, None) for section in there if section.id == FOUNDING.id],
        sections=[_marked(section, rates.get(section.id)) for section in there if section.id != FOUNDING.id],
        absent=absent,
        clips=clips,
        methods=methods(results, console),
        methods_head=HEAD,
        notes=[*lacking.skipped, *lacking.failed],
        seconds=f"{options.seconds:g}",
        decibels=media.DECIBELS,
        picture=media.PICTURE,
        listen_command=LISTEN,
        page_made=options.made._replace(command=shown(options.made.command, results)),
        maps=map_data,
        points=points.SCRIPT,
        data=Markup(_script(data)),
    )
    (page / "index.html").write_text(text, encoding="utf-8")
    if map_data:
        (page / points.SCRIPT).write_text(points.script(map_data), encoding="utf-8")
    for name in STATIC:
        shutil.copyfile(PAGE / name, page / name)
    return lacking


def _clips(
    page: Path, measured: listening.Measured, options: argparse.Namespace, console: Console
) -> tuple[list[listening.Clip], Missing]:
    if not options.clips or options.music is None:
        return [], Missing([], [])
    skipped, systems = [], []
    for name in options.systems:
        codec = peers.system(name)
        if missing := codec.missing():
            skipped.append(f"{name} is skipped: {', '.join(missing)} not on PATH")
        else:
            systems.append((codec, listening.settings(codec, options.kbps)))
    found = find_songs(options.music, options.split)
    songs = listening.choose(found.tracks, options.clips, measured)
    clips, unread, failed = listening.prepare(songs, options.seconds, systems, measured, page, options.jobs, console)
    return clips, Missing([*([found.note] if found.note else []), *skipped, *unread], failed)


def _facts(found: Sequence[dict[str, Any]], clips: Sequence[listening.Clip]) -> list[Fact]:
    facts = []
    if found:
        facts = [
            Fact("clips measured", f"{len({row['clip'] for row in found})}"),
            Fact("codecs", f"{len({row['system'] for row in found})}"),
            Fact("round trips measured", f"{len(found):,}"),
        ]
    if clips:
        facts.append(Fact("versions to hear", f"{sum(len(clip.versions) for clip in clips)}"))
    return facts


def _marked(section: Section, rates: dict[str, Any] | None) -> dict[str, Any]:
    # The HTML of `training.report.html` is escaped already.
    compared = section.compared
    html = {
        "lead": Markup(section.lead),
        "parts": [_part(part) for part in section.parts if part not in compared],
        "compared": [_part(part) for part in compared],
    }
    return {**vars(section), **html, "rates": rates}


def _part(part: Part) -> dict[str, str]:
    return {"title": part.title, "html": Markup(part.html)}


def _script(data: object) -> str:
    # JSON inside <script> must not end the element or open a comment.
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _numbers(text: str) -> list[float]:
    values = [float(part) for part in text.split(",")]
    if not all(0 < value < 10_000 for value in values):
        raise argparse.ArgumentTypeError("rates are positive numbers in kbit/s")
    return values


def _positive(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 600:
        raise argparse.ArgumentTypeError("a clip lasts 0.1 to 600 seconds")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training report", description="Show a study as one page.")
    parser.add_argument("--results", type=Path, required=True, help="folder of a study's results")
    parser.add_argument("--music", type=Path, help="folder of songs to hear; without it the page has no players")
    parser.add_argument("--split", default="test", help="split of the manifest, or sub-folder (default: test)")
    parser.add_argument(
        "--clips",
        type=whole(0),
        default=3,
        help="number of clips, of those measured if any; 0 leaves the players out (default: 3)",
    )
    parser.add_argument(
        "--seconds", type=_positive, default=10.0, help="length cut from each song's middle (default: 10)"
    )
    parser.add_argument("--systems", type=lambda s: s.split(","), default=["aez", *peers.PEER_NAMES])
    parser.add_argument("--kbps", type=_numbers, default=[12.0, 48.0], help="what peers are asked for (default: 12,48)")
    parser.add_argument("--title", default="aez, measured and heard", help="heading of the page")
    parser.add_argument(
        "--out", type=Path, help="folder of the page (default: RESULTS/report); an older one is replaced"
    )
    parser.add_argument("--jobs", type=whole(1), default=os.cpu_count() or 1, help="round trips at once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
