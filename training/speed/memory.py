"""A thousand short files and one of ten hours: time, and whether memory stays bounded.

    python -m training memory [--files 1000] [--hours 10] [--decode] [--json FILE]

All audio is synthesized: the short files as flac, the long one as RF64 wav, because ten hours exceed the 4 GiB of a
plain wav. Each load is compared with a hundredth of it, which shows whether memory grows with the load. Every row is a
process of its own, and its peak is what the kernel counted. Ten hours need 6.4 GB for temporary files.
"""

import argparse
import json
import math
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console

from codec.audio.demo import BAR, song
from codec.dsp.mdct import Float
from formats.errors import AezError
from formats.grid import SAMPLE_RATE
from training import markdown
from training.evaluation import peers
from training.numbers import positive, real, whole
from training.speed import meter

BARS = 30
"""Bars of two seconds that a long file repeats with varying gain."""


@dataclass(frozen=True)
class Row:
    """One process: its files and seconds of audio, bytes in and out, and its costs in s and MB."""

    load: str
    files: int
    audio: float
    bytes_in: int
    bytes_out: int
    wall: float
    cpu: float
    peak: float


def blocks(seconds: float, seed: int = 0) -> Iterator[Float]:
    """Blocks [2, N] of stereo at 44.1 kHz, `seconds` in all; cheap enough for days of audio."""
    bars = list(song(2 * min(BARS, max(1, math.ceil(seconds / 2)))))
    left = round(seconds * SAMPLE_RATE)
    bar = seed
    while left > 0:
        gain = np.float32(0.6 + 0.3 * np.sin(0.7 * bar))
        yield bars[bar % len(bars)][:, :left] * gain
        left -= BAR
        bar += 1


def write(target: Path, seconds: float, seed: int = 0) -> None:
    """Write a stereo 16-bit file: flac by its extension, else RF64."""
    kind = "FLAC" if target.suffix == ".flac" else "RF64"
    with soundfile.SoundFile(target, "w", SAMPLE_RATE, 2, "PCM_16", format=kind) as file:
        for block in blocks(seconds, seed):
            file.write(block.T)


def size(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(load: str, files: int, audio: float, options: Sequence[str], source: Path, target: Path) -> Row:
    """Run one `aez` process over a folder, into another.

    Raises:
        training.evaluation.peers.PeerError: it failed.
    """
    cost = meter.run(meter.Job(load, [*peers.AEZ, *options]))
    return Row(load, files, audio, size(source), size(target), cost.wall, cost.cpu, cost.memory)


def many(folder: Path, files: int, seconds: float, jobs: int, options: Sequence[str]) -> Iterator[Row]:
    """Short files, all of them in one run of `aez encode`."""
    for count in dict.fromkeys((max(1, files // 100), files)):
        source, target = folder / f"short-{count}", folder / f"short-{count}-aez"
        for number in range(count):
            path = source / f"{number // 100:02}" / f"{number % 100:02}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, seconds, number)
        command = ("encode", str(source), "-o", str(target), "--jobs", str(jobs), "--quiet", *options)
        yield measure(f"encode {count} files of {seconds:g} s", count, count * seconds, command, source, target)
        shutil.rmtree(source)
        shutil.rmtree(target)


def long(folder: Path, hours: float, decode: bool, options: Sequence[str]) -> Iterator[Row]:
    """One long file, encoded and, if asked for, decoded."""
    for part in (hours / 100, hours):
        source, target, back = (folder / f"{name}-{part:g}" for name in ("long", "long-aez", "long-wav"))
        for made in (source, target, back):
            made.mkdir()
        write(source / "long.wav", part * 3600)
        coded = target / "long.aez"
        command = ("encode", str(source / "long.wav"), str(coded), "--quiet", *options)
        yield measure(f"encode {part:g} h", 1, part * 3600, command, source, target)
        shutil.rmtree(source)
        if decode:
            command = ("decode", str(coded), str(back / "long.wav"), "--quiet", *options)
            yield measure(f"decode {part:g} h", 1, part * 3600, command, target, back)
        for made in (target, back):
            shutil.rmtree(made)


def table(rows: Sequence[Row]) -> str:
    """Rows as markdown; x is audio over wall time."""
    head = ["load", "audio s", "wall s", "x", "files a second", "processor s", "peak MB", "MB in", "MB out"]
    lines = [
        [
            row.load, f"{row.audio:.0f}", f"{row.wall:.1f}", f"{row.audio / row.wall:.0f}",
            f"{row.files / row.wall:.2f}", f"{row.cpu:.1f}", f"{row.peak:.0f}", f"{row.bytes_in / 1e6:.1f}",
            f"{row.bytes_out / 1e6:.2f}",
        ]
        for row in rows
    ]  # fmt: skip
    return markdown.table(head, lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training memory", description="Time and memory of many files, and of a long one."
    )
    parser.add_argument("--files", type=whole(0), default=1000, help="short files; 0 leaves them out (default: 1000)")
    parser.add_argument("--seconds", type=positive, default=2.0, help="length of each (default: 2)")
    parser.add_argument("--hours", type=real(0), default=10.0, help="length of the long file; 0 leaves it out")
    parser.add_argument("--decode", action="store_true", help="decode the long file too")
    parser.add_argument("--jobs", type=whole(1), default=2, help="files at a time (default: 2)")
    parser.add_argument("--model", help="model of aez (default: its default)")
    parser.add_argument("--folder", type=Path, help="where temporary files go")
    parser.add_argument("--json", type=Path, help="write the rows there too, after every row")
    options = parser.parse_args(arguments)
    model = ("--model", options.model) if options.model else ()
    rows: list[Row] = []
    try:
        with tempfile.TemporaryDirectory(prefix="aez-load-", dir=options.folder) as name:
            folder = Path(name)
            short = many(folder, options.files, options.seconds, options.jobs, model) if options.files else ()
            long_ = long(folder, options.hours, options.decode, model) if options.hours else ()
            for loads in (short, long_):
                for row in loads:
                    rows.append(row)
                    if options.json:
                        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
        print(table(rows))
    except (AezError, soundfile.LibsndfileError) as error:
        Console(stderr=True).print(f"memory: {error}", style="red", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
