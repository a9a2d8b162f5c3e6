"""A device next to the CPU: speed over a folder of songs, and whether both give the same.

    python -m training speed-device --songs DIR [--device cuda] [--hours 4] [--processes 16 24] [--flac] [--json FILE]

The songs are repeated, under other names, until they make so many hours. All are encoded and decoded as `aez encode DIR
-o OUT` does, in processes whose networks run here, in batches; then the same on the CPU, where each process runs its
own. What the start of the device takes is stated apart. Several numbers of processes are tried on the device one after
another. With `--flac` the songs are FLAC files, which cost less to read than mp3 and Vorbis. Parity compares files by
byte, and the audio that both devices decode from the same file, in decibels of its level. `--device cpu` takes the path
of a GPU with the CPU in its place, which tries everything but the GPU.
"""

import argparse
import json
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile

from codec.audio.open import open_source
from codec.batch import pool
from codec.batch.jobs import AUDIO, CODED, Job, find, pair
from codec.batch.run import PROCESSES, Task, attempt
from codec.batch.tasks import DecodeTask, EncodeTask, Manners
from codec.pipeline.calls import ArraySink
from codec.pipeline.decode import decode
from codec.pipeline.encode import encode
from codec.pipeline.plan import DecodePlan, EncodePlan
from codec.pipeline.workers import Engine, cores
from codec.runtime.device import check
from codec.runtime.session import Sessions
from formats.errors import AezError
from training import markdown
from training.numbers import positive, whole


@dataclass
class Row:
    """One run over all songs.

    Attributes:
        what, device: what was done, and where the networks ran.
        processes, files: numbers of them.
        seconds: of audio.
        start, wall: seconds that the first song takes, done in this process, which starts the device; and all of them.
        owner, workers: processor seconds of this process and of the others for all songs, their starts included.
        batches: batches that ran, by size.
        pinned: whether their buffers were locked in memory for the GPU.
    """

    what: str
    device: str
    processes: int
    files: int
    seconds: float
    start: float
    wall: float
    owner: float
    workers: float
    batches: dict[int, int] = field(default_factory=dict)
    pinned: bool = False


@dataclass(frozen=True)
class Parity:
    """One song on both devices: whether its files are equal, and how far apart its decoded audio is."""

    song: str
    equal_files: bool
    bytes_cpu: int
    bytes_device: int
    audio_db: float


def central(device: str) -> Engine:
    """An engine whose networks run in batches, for other processes too."""
    return Engine(device, sessions=Sessions(device, batched=True))


def repeated(songs: Sequence[Path], folder: Path, seconds: float) -> list[Path]:
    """Links to songs, under other names, until they make so many seconds (by their headers, a minute where those say
    nothing)."""
    lengths = {}
    for song in songs:
        with open_source(song) as source:
            lengths[song] = (source.samples or 60 * source.sample_rate) / source.sample_rate
    made, total = list[Path](), 0.0
    while total < seconds:
        for song in songs:
            made.append(folder / f"{len(made):05}{song.suffix}")
            made[-1].symlink_to(song.resolve())
            total += lengths[song]
    return made


def measure(what: str, jobs: list[Job], task: Task, engine: Engine, processes: int) -> Row:
    """Do all jobs in a pool.

    Raises:
        AezError: a job failed.
    """
    begun = time.perf_counter()
    with engine:
        if engine.central:
            attempt(task, jobs[0], engine)
        ready, before, seconds = time.perf_counter(), os.times(), 0.0
        for result in pool.run(jobs, task, processes, engine):
            if result.failure:
                raise AezError(f"{result.job.source}: {result.failure}")
            seconds += result.seconds
        wall = time.perf_counter() - ready
        after = os.times()
        own = engine.sessions if isinstance(engine.sessions, Sessions) else Sessions()
        batches, pinned = own.batches, own.pinned
    owner = after.user + after.system - before.user - before.system
    workers = after.children_user + after.children_system - before.children_user - before.children_system
    return Row(
        what, engine.device.name, processes, len(jobs), seconds, ready - begun, wall, owner, workers, batches, pinned
    )


def as_flac(songs: Sequence[Path], folder: Path) -> list[Path]:
    """The songs as FLAC files of 16 bits, in a folder that is made."""
    folder.mkdir()
    targets = [folder / f"{number:05}.flac" for number in range(len(songs))]
    with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as workers:
        list(workers.map(_write_flac, songs, targets))
    return targets


def _write_flac(song: Path, target: Path) -> None:
    with open_source(song) as source:
        samples = np.concatenate(list(source.blocks()), 1)
        soundfile.write(target, samples.T, source.sample_rate, "PCM_16")


def rows(songs: Sequence[Path], device: str, hours: float, processes: Sequence[int], *, flac: bool) -> Iterator[Row]:
    """Encode and decode everything on the device with each number of processes, then on the CPU with the first."""
    with tempfile.TemporaryDirectory(prefix="aez-device-") as name:
        folder = Path(name)
        (folder / "songs").mkdir()
        own = as_flac(songs, folder / "flac") if flac else songs
        repeated(own, folder / "songs", 3600 * hours)
        manners = Manners(force=True)
        for kind, count in (*(("device", count) for count in processes), ("cpu", processes[0])):
            coded, back = folder / f"{kind}-aez", folder / "wav"
            for what, source, target, extension, taken, task in (
                ("encode", folder / "songs", coded, ".aez", AUDIO, EncodeTask(EncodePlan.make(), manners)),
                ("decode", coded, back, ".wav", CODED, DecodeTask(DecodePlan.make(), manners)),
            ):
                jobs, _ = pair(find([source], taken).files, target, extension)
                yield measure(what, jobs, task, central(device) if kind == "device" else Engine("cpu"), count)


def parity(song: Path, device: str) -> Parity:
    """Encode a song on both devices, and decode the CPU's file on both."""
    files, waves = [], []
    for engine in (Engine("cpu"), central(device)):
        out, sink = BytesIO(), ArraySink()
        with engine, open_source(song) as source:
            encode(source, out, EncodePlan.make(), engine=engine)
            files.append(out.getvalue())
            decode(BytesIO(files[0]), sink, DecodePlan.make(), engine=engine)
        waves.append(np.concatenate(sink.blocks, 1))
    away, level = (float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (waves[1] - waves[0], waves[0]))
    decibels = 20 * math.log10(max(away, 1e-12) / max(level, 1e-12))
    return Parity(song.name, files[0] == files[1], len(files[0]), len(files[1]), decibels)


def tables(found: Sequence[Row], same: Sequence[Parity]) -> str:
    """All results as markdown."""
    speed = [
        [
            row.what, row.device, str(row.processes), str(row.files), f"{row.seconds:.0f}", f"{row.start:.1f}",
            f"{row.wall:.1f}", f"{row.seconds / row.wall:.0f}", f"{row.seconds / (row.start + row.wall):.0f}",
            f"{row.owner / row.wall:.1f}", f"{row.workers / row.wall:.1f}",
            " ".join(f"{count} of {size}" for size, count in row.batches.items()) or "-", "yes" if row.pinned else "no",
        ]
        for row in found
    ]  # fmt: skip
    head = [
        "", "device", "processes", "files", "audio s", "start s", "wall s", "x", "x with start", "cores of the owner",
        "cores of the processes", "batches", "pinned",
    ]  # fmt: skip
    both = [
        [
            one.song,
            "equal" if one.equal_files else "differ",
            f"{one.bytes_cpu}",
            f"{one.bytes_device}",
            f"{one.audio_db:.0f}",
        ]
        for one in same
    ]
    titles = ["song", "files", "bytes on the CPU", "bytes on the device", "difference of decoded audio, dB"]
    return markdown.table(head, speed) + "\n\n" + markdown.table(titles, both)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training speed-device", description="A device next to the CPU.")
    p.add_argument("--songs", type=Path, required=True, help="folder of audio files")
    p.add_argument("--device", default="cuda", help="cuda, cuda:N or, to try the path of a GPU, cpu (default: cuda)")
    p.add_argument("--hours", type=positive, default=4.0, help="of audio (default: 4)")
    p.add_argument(
        "--processes", type=whole(1), nargs="+", default=[PROCESSES], metavar="N",
        help=f"worker processes; several numbers are tried one after another (default: {PROCESSES})",
    )  # fmt: skip
    p.add_argument("--flac", action="store_true", help="make FLAC files of the songs first")
    p.add_argument("--parity", type=whole(0), default=4, metavar="N", help="songs that both devices code (default: 4)")
    p.add_argument("--json", type=Path, help="write the numbers there too, after every row")
    given = p.parse_args(arguments)
    found: list[Row] = []
    same: list[Parity] = []
    try:
        check(given.device)
        songs = [path for path, _ in find([given.songs], AUDIO).files]
        if not songs:
            raise AezError(f"there is no audio in {given.songs}")
        for row in rows(songs, given.device, given.hours, given.processes, flac=given.flac):
            found.append(row)
            report(found, same, given.json)
        for song in songs[:: max(1, len(songs) // max(1, given.parity))][: given.parity]:
            same.append(parity(song, given.device))
            report(found, same, given.json)
    except (AezError, OSError) as error:
        print(f"speed-device: {error}", file=sys.stderr)
        return 1
    print(tables(found, same))
    return 0


def report(found: Sequence[Row], same: Sequence[Parity], target: Path | None) -> None:
    """Print the newest result, and write all of them as JSON."""
    import onnxruntime

    print((same or found)[-1], flush=True)
    if target:
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        machine |= {"python": platform.python_version(), "onnxruntime": onnxruntime.__version__}
        content = {"machine": machine, "rows": [asdict(row) for row in found], "parity": [asdict(one) for one in same]}
        target.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
