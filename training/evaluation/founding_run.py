"""The founding study's table alone, in minutes: `python -m training founding --music DIR --out OUT`.

Takes every tier of our systems at its default and the study's baseline through their commands, measures nothing but
spectral errors (`training.metrics.clip.spectral_errors`), and writes OUT/study.md, study.csv, results.csv and
study.png. `python -m training evaluate --tiers` makes the same table next to every other metric.
"""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from formats.errors import AezError, UsageError
from training import provenance
from training.evaluation import founding, peers, plots
from training.evaluation.clips import cut_all, find_songs
from training.evaluation.evaluate import Task, add_clip_options, run_tasks
from training.evaluation.results import write_csv

OURS = ("aez", "aez:dense", "aez:time")
"""Systems that are measured unless others are named: the default model and the two kinds that the study began with."""


def measure(options: argparse.Namespace, console: Console) -> list[str]:
    """Measure and write everything; returns a line for each failure.

    Raises:
        UsageError: no songs, or a system without tiers; ModelError: no such model.
    """
    systems = [peers.system(name) for name in options.systems]
    if bad := [codec.name for codec in systems if not codec.ours]:
        raise UsageError(f"{bad[0]} has no latents; the study's table is of aez's models")
    base = peers.system(founding.BASELINE)
    asked = [(codec, peers.Setting(latent=tier)) for codec in systems for tier in codec.tiers()]
    asked += [(base, peers.Setting(kbps)) for kbps in base.ladder]
    songs = find_songs(options.music, options.split)
    cache = options.cache or options.out / "cache"
    clips = cut_all(options.music, songs.tracks, options.seconds, cache, console, limit=options.limit)
    marks = {codec.name: codec.fingerprint() for codec, _ in asked}
    tasks = [
        Task(c.path, c.digest, codec.name, marks[codec.name], setting, cache, artist=c.artist, spectra=True)
        for codec, setting in asked
        for c in clips
    ]
    rows, failures = run_tasks(tasks, options.jobs, console)
    options.out.mkdir(parents=True, exist_ok=True)
    write_csv(rows, options.out / "results.csv")
    lines = founding.tiers(rows)
    if not lines:
        raise UsageError("no tier could be measured" + (f": {failures[0]}" if failures else ""))
    founding.write_study(lines, options.out / "study.csv")
    text = founding.study_table(lines)
    if songs.note:
        text = f"**{songs.note}.**\n\n{text}"
    (options.out / "study.md").write_text(text, encoding="utf-8")
    plots.draw_study(rows, systems[0].name, options.out)
    print(text)
    return failures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (1: some rows failed)."""
    p = argparse.ArgumentParser(prog="python -m training founding", description="Measure the founding study's table.")
    add_clip_options(p)
    p.add_argument("--systems", type=lambda s: s.split(","), default=list(OURS), help="default: aez,aez:dense,aez:time")
    options = p.parse_args(arguments)
    console = Console(stderr=True)
    try:
        failures = measure(options, console)
        provenance.record(options.out, "founding", arguments)
    except (AezError, OSError) as error:
        console.print(f"founding: {error}", style="red", markup=False, soft_wrap=True)
        return 2
    for line in failures:
        console.print(line, style="red", markup=False, soft_wrap=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
