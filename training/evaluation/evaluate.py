"""Compare codecs on real songs, through their real commands, at equal measured rate.

    python -m training evaluate --music DIR --systems aez,aez:start,opus,lame,aac --kbps 8,16,32,64 --tiers --out DIR

The first aez system of the list is compared with every other system. Results are cached in OUT/cache, so that peers are
measured once, and a system again only if its program, code or model has changed. OUT/results.csv holds every row,
OUT/table.md goals, means and comparisons, OUT/study.csv the founding study's table, OUT/*.png the plots.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from rich.console import Console
from rich.progress import Progress

from codec.pipeline.plan import BITRATES
from formats.errors import AezError
from training import provenance
from training.evaluation import founding, peers, tables
from training.evaluation.clips import cut_all, find_songs
from training.evaluation.compare import Row
from training.evaluation.pool import clip_pool
from training.evaluation.results import write_csv
from training.metrics import clip, pre_echo
from training.numbers import clip_length, positive, real, several, whole

LOWEST, HIGHEST = BITRATES
EDGE = 1.25
"""Factor beyond the rates asked for at which further aez systems are measured as well, so that curves overlap."""


class Task(NamedTuple):
    """One clip through one system at one setting."""

    clip: Path
    clip_hash: str
    system: str
    fingerprint: str
    setting: peers.Setting
    cache: Path
    onsets: tuple[float, ...] = ()  # seconds in the clip
    artist: str = ""
    spectra: bool = False  # only the founding study's metrics


def settings_for(
    codec: peers.System, kbps: Sequence[float], with_tiers: bool, first: bool, ratio: float = 1.0
) -> list[peers.Setting]:
    """What to measure of a system so that it can be compared at the rates asked for (and at the tiers).

    Opus is measured up to `ratio` times those rates as well.
    """
    wide = [*kbps, LOWEST, HIGHEST] if with_tiers else list(kbps)
    if codec.name == "opus":
        wide.append(max(kbps) * ratio)
    if codec.ladder:
        return [peers.Setting(r) for r in codec.ladder if min(wide) / 1.6 <= r <= max(wide) * 1.6]
    rates = set(kbps)
    if not first:
        rates |= {max(LOWEST, min(wide) / EDGE), min(HIGHEST, max(wide) * EDGE)}
    tiers = codec.tiers() if with_tiers else ()
    return [*(peers.Setting(r) for r in sorted(rates)), *(peers.Setting(latent=t) for t in tiers)]


def measure_task(task: Task) -> Row:
    """Run one task, or take it from the cache.

    The cache has two layers: a row by clip, system and setting, and metrics by the decoded samples, so that nothing is
    measured again after a change of code that changes no sample.

    Raises:
        peers.PeerError: the codec failed on this clip.
    """
    onsets = [f"onsets {onset:.6f}" for onset in task.onsets]
    kind = f"{clip.VERSION} spectra" if task.spectra else str(clip.VERSION)
    key = _digest(task.clip_hash, task.fingerprint, task.setting.key, kind, *onsets)
    kept = task.cache / "rows" / f"{key}.json"
    if kept.is_file():
        named = {"clip": task.clip.stem, "system": task.system, "artist": task.artist}
        return Row(**{**json.loads(kept.read_text()), **named})
    with tempfile.TemporaryDirectory(prefix="aez-evaluate-") as folder:
        trip = peers.round_trip(peers.system(task.system), task.clip, task.setting, Path(folder))
    reference = soundfile.read(str(task.clip), dtype="float32", always_2d=True)[0].T
    samples = _digest(task.clip_hash, hashlib.sha256(trip.decoded.tobytes()).hexdigest(), kind)
    values = task.cache / "metrics" / f"{samples}.json"
    if values.is_file():
        measured = json.loads(values.read_text())
    else:
        measure = clip.spectral_errors if task.spectra else clip.measure
        measured = measure(np.ascontiguousarray(reference), trip.decoded)
        _save(values, measured)
    if task.onsets:
        measured |= {
            "pre_echo_db": pre_echo.pre_echo(reference, trip.decoded, task.onsets),
            "pre_echo_original_db": pre_echo.pre_echo(reference, reference, task.onsets),
        }
    seconds = reference.shape[1] / clip.RATE
    row = Row(
        clip=task.clip.stem,
        system=task.system,
        setting=str(task.setting),
        kbps=trip.coded_bytes * 8 / seconds / 1000,
        seconds=seconds,
        coded_bytes=trip.coded_bytes,
        encode_seconds=trip.encode_seconds,
        decode_seconds=trip.decode_seconds,
        length_error=trip.length_error,
        metrics=measured,
        artist=task.artist,
    )
    _save(kept, asdict(row))
    return row


def run_tasks(tasks: Sequence[Task], jobs: int, console: Console) -> tuple[list[Row], list[str]]:
    """Measure all tasks, in `jobs` processes; returns rows in the order of the tasks, and a line for each failure."""
    rows: dict[int, Row] = {}
    failures: list[str] = []
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("measuring", total=len(tasks))
        for index, result in _results(tasks, jobs):
            if isinstance(result, Row):
                rows[index] = result
            else:
                failures.append(f"{tasks[index].clip.stem}: {result}")
            progress.advance(bar)
    return [rows[index] for index in sorted(rows)], failures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (1: some rows failed)."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        code = _evaluate(options, console)
        provenance.record(options.out, "evaluate", arguments)
    except AezError as e:
        console.print(f"evaluate: {e}", style="red", markup=False)
        return 2
    return code


def _evaluate(options: argparse.Namespace, console: Console) -> int:
    systems = []
    for name in options.systems:
        codec = peers.system(name)
        codec.tiers()  # a model that there is not is one line, and not one for each clip
        if missing := codec.missing():
            console.print(f"{name} is skipped: {', '.join(missing)} not on PATH", markup=False)
        else:
            systems.append(codec)
    out: Path = options.out
    cache: Path = options.cache or out / "cache"
    songs = find_songs(options.music, options.split)
    if songs.note:
        console.print(songs.note, markup=False, soft_wrap=True)
    clips = cut_all(options.music, songs.tracks, options.seconds, cache, console, limit=options.limit)
    ours = next((s.name for s in systems if s.ours), None)
    tasks = [
        Task(clip.path, clip.digest, codec.name, fingerprint, setting, cache, clip.onsets, clip.artist)
        for codec in systems
        for fingerprint in [codec.fingerprint()]
        for setting in settings_for(codec, options.kbps, options.tiers, codec.name == ours, options.ratio)
        for clip in clips
    ]
    rows, failures = run_tasks(tasks, options.jobs, console)
    if not any(row.system == ours for row in rows):
        ours = None  # every one of its clips failed, which the failures say
    out.mkdir(parents=True, exist_ok=True)
    write_csv(rows, out / "results.csv")
    voices = {clip.path.stem for clip in clips if clip.voices}
    text = tables.report(rows, ours, failures, options.seconds, options.ratio, voices, songs.note)
    (out / "table.md").write_text(text, encoding="utf-8")
    if lines := founding.tiers(rows):
        founding.write_study(lines, out / "study.csv")
    if rows and not options.no_plots:
        from training.evaluation import plots

        plots.draw_all(rows, ours, out)
    print(text)
    for line in failures:
        console.print(line, style="red", markup=False)
    return 1 if failures else 0


def _results(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[int, Row | str]]:
    if jobs == 1:
        for index, task in enumerate(tasks):
            yield index, _attempt(task)
        return
    with clip_pool(jobs) as pool:
        futures = {pool.submit(_attempt, task): index for index, task in enumerate(tasks)}
        for future in as_completed(futures):
            yield futures[future], future.result()


def _attempt(task: Task) -> Row | str:
    try:
        return measure_task(task)
    except peers.PeerError as e:
        return f"{task.system} at {task.setting}: {e}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _save(target: Path, value: object) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(value))
    part.replace(target)


def _numbers(text: str) -> list[float]:
    values = several(positive)(text)
    if max(values) >= 10_000:
        raise argparse.ArgumentTypeError("rates are in kbit/s, below 10000")
    return values


def _ratio(text: str) -> float:
    value = real(1)(text)
    if value > 16:
        raise argparse.ArgumentTypeError("the ratio lies between 1 and 16")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training evaluate", description="Measure codecs side by side.")
    add_clip_options(parser)
    parser.add_argument("--systems", type=lambda s: s.split(","), default=["aez", *peers.PEER_NAMES])
    parser.add_argument("--kbps", type=_numbers, default=[8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0])
    parser.add_argument("--tiers", action="store_true", help="also every tier of aez at its default gain")
    parser.add_argument("--ratio", type=_ratio, default=2.0, help="also compare with Opus at this many times our rate")
    parser.add_argument("--no-plots", action="store_true", help="tables only")
    return parser


def add_clip_options(parser: argparse.ArgumentParser) -> None:
    """Add which clips are measured, and where the results go."""
    parser.add_argument("--music", type=Path, required=True, help="folder of songs, with a manifest.csv or without")
    parser.add_argument("--split", default="test", help="split of the manifest, or sub-folder (default: test)")
    parser.add_argument("--limit", type=whole(1), help="so many songs, spread over artists and genres")
    parser.add_argument(
        "--seconds",
        type=clip_length,
        default=10.0,
        help="length cut from each song's middle (default: 10)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for tables, plots and the cache")
    parser.add_argument("--cache", type=Path, help="folder for the cache (default: OUT/cache)")
    parser.add_argument("--jobs", type=whole(1), default=os.cpu_count() or 1, help="clips measured at once")


if __name__ == "__main__":
    sys.exit(main())
