"""How fast training items are made: seconds of audio a processor second, for several numbers of processes.

    python -m training speed-loader --music DIR [--jobs 0 1 2] [--batches 100]

A row is the loader of a training run without the training. Its processor time is that of all processes, without their
start: what some more batches cost. Its wall time goes from the first batch to the last. What is held ahead is all that
the loader keeps in memory, whatever the size of the collection.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from codec.runtime.blas import single_threaded_blas
from formats.errors import AezError, UsageError
from training import markdown
from training.data.batches import Batch, Maker, names
from training.data.produce import AHEAD, Recipe, produce
from training.numbers import positive, whole

FRAME_RATE = 63


@dataclass(frozen=True)
class Row:
    """What some batches cost: seconds of audio, of a clock, and of all processors; bytes that are held ahead."""

    jobs: int
    audio: float
    wall: float
    cpu: float
    ahead: int


def measure(maker: Maker, jobs: int, batches: int, size: int) -> Row:
    """Make batches twice, a few and many more: the difference has no start of processes in it."""
    few = max(1, AHEAD * jobs)
    short, _, _ = _run(maker, jobs, few, size)
    cpu, wall, batch = _run(maker, jobs, few + batches, size)
    held = AHEAD * max(1, jobs) * sum(array.nbytes for array in batch)
    audio = batches * size * maker.frames / FRAME_RATE
    return Row(jobs, audio, wall * batches / (few + batches - 1), max(1e-9, cpu - short), held)


def _run(maker: Maker, jobs: int, count: int, size: int) -> tuple[float, float, Batch]:
    """Processor seconds of so many batches, wall seconds after the first one, and the last batch."""
    before = _processor_seconds()
    with closing(produce(maker, (names(0, number, size) for number in range(count)), jobs, wait=True)) as made:
        batch = next(made)
        began = time.monotonic()
        for one in made:
            batch = one
        wall = time.monotonic() - began
    return _processor_seconds() - before, wall, batch


def _processor_seconds() -> float:
    """Of this process and of those of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def table(rows: Sequence[Row]) -> str:
    """Rows as markdown."""
    head = ["processes", "audio s", "audio s a second", "audio s a processor second", "held ahead, MB"]
    return markdown.table(
        head,
        [
            [
                str(row.jobs) if row.jobs else "0 (the training's own)", f"{row.audio:.0f}",
                f"{row.audio / row.wall:.0f}", f"{row.audio / row.cpu:.0f}", f"{row.ahead / 1e6:.0f}",
            ]
            for row in rows
        ],
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training speed-loader", description="Time the loader of a training.")
    p.add_argument("--music", type=Path, required=True, help="a collection of music, with or without a folder loops/")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument(
        "--jobs", type=whole(0), nargs="+", default=[0, 1, 2], metavar="N", help="processes (default: 0 1 2)"
    )
    p.add_argument("--batches", type=whole(1), default=100, help="of each row (default: %(default)d)")
    p.add_argument("--batch", type=whole(1), default=4, help="items of a batch (default: %(default)d)")
    p.add_argument("--seconds", type=positive, default=4.0, help="length of an item (default: %(default)g)")
    p.add_argument("--gpu", action="store_true", help="items without waves, which a GPU makes of their coefficients")
    p.add_argument(
        "--plain", action="store_true", help="items of plain autoencoders of the kind dense instead of ranked ones"
    )
    given = p.parse_args(arguments)
    try:
        if given.seconds >= 3600:
            raise UsageError("--seconds has to be below 3600")
        music, loops = Recipe(given.music, given.cache).open()
        frames = max(1, round(given.seconds * FRAME_RATE / 126)) * 126
        maker = Maker(music, loops, frames, "plain" if given.plain else "adapted", waves=not (given.plain or given.gpu))
        with single_threaded_blas():
            rows = [measure(maker, jobs, given.batches, given.batch) for jobs in given.jobs]
    except (AezError, OSError) as error:
        print(f"speed-loader: {error}", file=sys.stderr)
        return 2
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
