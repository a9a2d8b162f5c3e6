"""Codecs side by side on real songs, through their real commands, at equal measured rate.

    python -m training evaluate --music DIR --systems aez,aez:start,opus,lame,aac --kbps 8,16,32,64 --tiers --out DIR

The first aez system of the list is compared with every other system. Results are kept in OUT/cache, so that peers are
measured once, and a system again only when its program, code or model changed. OUT/results.csv holds every row,
OUT/table.md goals, means and comparisons, OUT/study.csv the founding study's table, OUT/*.png the plots.
"""

import argparse
import csv
import hashlib
import itertools
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr
from rich.console import Console
from rich.progress import Progress

from codec.pipeline.encode import BITRATES
from formats.errors import AezError, UsageError
from training.evaluation import founding, peers, tables
from training.evaluation.compare import Row
from training.metrics import clip, pre_echo

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"}
LOWEST, HIGHEST = BITRATES
EDGE = 1.25  # an aez system under comparison is measured this factor beyond the rates asked for, so curves overlap


class Task(NamedTuple):
    """One clip through one system at one setting."""

    clip: Path
    clip_hash: str
    system: str
    fingerprint: str
    setting: peers.Setting
    cache: Path
    onsets: tuple[float, ...] = ()  # seconds in the clip


class Clip(NamedTuple):
    """A piece of a song, as the wav file that every codec gets."""

    path: Path
    digest: str
    onsets: tuple[float, ...]


def find_songs(music: Path, split: str | None) -> list[Path]:
    """Songs of a folder in sorted order: by its manifest.csv (columns path, split) if it has one, else by its files.

    Without a manifest, a split is a folder of that name, or everything if there is no such folder.

    Raises:
        UsageError: nothing there.
    """
    manifest = music / "manifest.csv"
    if manifest.is_file():
        with manifest.open(newline="", encoding="utf-8") as f:
            songs = [music / row["path"] for row in csv.DictReader(f) if not split or row["split"] == split]
    else:
        folder = music / split if split and (music / split).is_dir() else music
        songs = [p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES]
    if not songs:
        raise UsageError(f"no songs in {music}" + (f" for split {split}" if split else ""))
    return sorted(songs)


def cut_clip(song: Path, seconds: float, target: Path) -> float:
    """Write the middle `seconds` of a song (all of a shorter one) as 16-bit stereo wav at 44.1 kHz.

    Returns:
        seconds of the song before the clip

    Raises:
        UsageError: the song is not readable, or empty.
    """
    try:
        x, rate = soundfile.read(str(song), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as e:
        raise UsageError(f"cannot read {song.name}") from e
    if not len(x):
        raise UsageError(f"{song.name} is empty")
    stereo = np.repeat(x, 2, axis=1) if x.shape[1] == 1 else x[:, :2]
    if rate != clip.RATE:
        stereo = soxr.resample(stereo, rate, clip.RATE, "VHQ")
    count = min(len(stereo), round(seconds * clip.RATE))
    start = (len(stereo) - count) // 2
    part = target.with_suffix(f".{os.getpid()}.part.wav")
    soundfile.write(str(part), np.clip(stereo[start : start + count], -1, 1), clip.RATE, subtype="PCM_16")
    part.replace(target)
    return start / clip.RATE


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

    Two layers: a row by clip, system and setting, and metrics by the samples that came out, so that a change of code
    which changes no sample costs no measuring.

    Raises:
        peers.PeerError: the codec failed on this clip.
    """
    places = [f"onsets {onset:.6f}" for onset in task.onsets]
    key = _digest(task.clip_hash, task.fingerprint, task.setting.key, str(clip.VERSION), *places)
    kept = task.cache / "rows" / f"{key}.json"
    if kept.is_file():
        return Row(**{**json.loads(kept.read_text()), "clip": task.clip.stem, "system": task.system})
    with tempfile.TemporaryDirectory(prefix="aez-evaluate-") as folder:
        trip = peers.round_trip(peers.system(task.system), task.clip, task.setting, Path(folder))
    reference = soundfile.read(str(task.clip), dtype="float32", always_2d=True)[0].T
    samples = _digest(task.clip_hash, hashlib.sha256(trip.decoded.tobytes()).hexdigest(), str(clip.VERSION))
    values = task.cache / "metrics" / f"{samples}.json"
    if values.is_file():
        measured = json.loads(values.read_text())
    else:
        measured = clip.measure(np.ascontiguousarray(reference), trip.decoded)
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
    )
    _save(kept, asdict(row))
    return row


def run_tasks(tasks: Sequence[Task], jobs: int, console: Console) -> tuple[list[Row], list[str]]:
    """Measure all tasks, in parallel if asked; rows come back in the order of the tasks, failures as one line each."""
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


def write_csv(rows: Sequence[Row], target: Path) -> None:
    """Write one line per row, metrics as columns of their own; empty where a clip has no such metric."""
    with target.open("w", newline="", encoding="utf-8") as f:
        writer = csv.writer(f)
        names = [name for name in asdict(rows[0]) if name != "metrics"] if rows else []
        values = list(dict.fromkeys(name for row in rows for name in row.metrics))
        writer.writerow([*names, *values])
        for row in rows:
            own = [f"{row.metrics[name]:.6g}" if name in row.metrics else "" for name in values]
            writer.writerow([*(getattr(row, name) for name in names), *own])


def read_csv(source: Path) -> list[Row]:
    """Rows as `write_csv` wrote them, metrics to six digits.

    Raises:
        UsageError: not such a file.
    """
    rows = []
    try:
        with source.open(newline="", encoding="utf-8") as f:
            for line in csv.DictReader(f):
                own = {name: line.pop(name) for name in Row.__dataclass_fields__ if name != "metrics"}
                row = Row(
                    clip=own["clip"],
                    system=own["system"],
                    setting=own["setting"],
                    kbps=float(own["kbps"]),
                    seconds=float(own["seconds"]),
                    coded_bytes=int(own["coded_bytes"]),
                    encode_seconds=float(own["encode_seconds"]),
                    decode_seconds=float(own["decode_seconds"]),
                    length_error=int(own["length_error"]),
                    metrics={name: float(value) for name, value in line.items() if value},
                )
                rows.append(row)
    except (OSError, KeyError, TypeError, ValueError) as e:
        raise UsageError(f"{source.name} holds no results of training.evaluation.evaluate") from e
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (1: some rows failed)."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        return _evaluate(options, console)
    except AezError as e:
        console.print(f"evaluate: {e}", style="red", markup=False)
        return 2


def _evaluate(options: argparse.Namespace, console: Console) -> int:
    systems = []
    for name in options.systems:
        codec = peers.system(name)
        if missing := codec.missing():
            console.print(f"{name} is skipped: {', '.join(missing)} not on PATH", markup=False)
        else:
            systems.append(codec)
    out: Path = options.out
    cache: Path = options.cache or out / "cache"
    songs = find_songs(options.music, options.split)[: options.limit]
    clips = _cut_all(options.music, songs, options.seconds, cache, console)
    ours = next((s.name for s in systems if s.ours), None)
    tasks = [
        Task(clip.path, clip.digest, codec.name, fingerprint, setting, cache, clip.onsets)
        for codec in systems
        for fingerprint in [codec.fingerprint()]
        for setting in settings_for(codec, options.kbps, options.tiers, codec.name == ours, options.ratio)
        for clip in clips
    ]
    rows, failures = run_tasks(tasks, options.jobs, console)
    out.mkdir(parents=True, exist_ok=True)
    write_csv(rows, out / "results.csv")
    text = tables.report(rows, ours, failures, options.seconds, options.ratio)
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


def _cut_all(music: Path, songs: Sequence[Path], seconds: float, cache: Path, console: Console) -> list[Clip]:
    """Cut a clip of every readable song; again each time, because the cache may be shared with another folder's run."""
    folder = cache / f"clips-{seconds:g}s"
    folder.mkdir(parents=True, exist_ok=True)
    places = pre_echo.find_onsets(music)
    clips: dict[str, Clip] = {}
    for song in songs:
        name = next(n for n in _names(song.stem) if n not in clips)
        target = folder / f"{name}.wav"
        try:
            start = cut_clip(song, seconds, target)
        except UsageError as e:
            console.print(f"skipped: {e}", markup=False)
            continue
        known = tuple(onset - start for onset in places.get(song.relative_to(music).as_posix(), ()))
        here = tuple(onset for onset in known if 0 <= onset < seconds)
        clips[name] = Clip(target, hashlib.sha256(target.read_bytes()).hexdigest(), here)
    if not clips:
        raise UsageError("none of the songs could be read")
    return list(clips.values())


def _names(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}-{number}" for number in itertools.count(2))


def _results(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[int, Row | str]]:
    if jobs == 1:
        for index, task in enumerate(tasks):
            yield index, _attempt(task)
        return
    # One thread in every library of a worker: clips in parallel beat threads inside a clip.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
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
    values = [float(part) for part in text.split(",")]
    if not all(0 < value < 10_000 for value in values):
        raise argparse.ArgumentTypeError("rates are positive numbers in kbit/s")
    return values


def _ratio(text: str) -> float:
    if not 1 <= float(text) <= 16:
        raise argparse.ArgumentTypeError("the ratio lies between 1 and 16")
    return float(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training evaluate", description="Measure codecs side by side.")
    parser.add_argument("--music", type=Path, required=True, help="folder of songs, with a manifest.csv or without")
    parser.add_argument("--split", default="test", help="split of the manifest, or sub-folder (default: test)")
    parser.add_argument("--limit", type=int, help="take only the first so many songs")
    parser.add_argument("--seconds", type=float, default=10.0, help="length cut from each song's middle (default: 10)")
    parser.add_argument("--systems", type=lambda s: s.split(","), default=["aez", *peers.PEER_NAMES])
    parser.add_argument("--kbps", type=_numbers, default=[8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0])
    parser.add_argument("--tiers", action="store_true", help="also every tier of aez at its default gain")
    parser.add_argument("--ratio", type=_ratio, default=2.0, help="also compare with Opus at this many times our rate")
    parser.add_argument("--no-plots", action="store_true", help="tables only")
    parser.add_argument("--out", type=Path, required=True, help="folder for tables, plots and the cache")
    parser.add_argument("--cache", type=Path, help="folder for the cache (default: OUT/cache)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="clips measured at once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
