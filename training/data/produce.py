"""Training items from several processes, for training that is faster than one process makes them."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from codec.runtime.blas import single_threaded_blas
from training.data.batches import Batch, Music, batches, listed, with_voices
from training.data.shards import end_with_parent

AHEAD = 3
"""Batches a process that are made or waiting to be fetched."""


@dataclass(frozen=True)
class Recipe:
    """What items are made of.

    Attributes:
        music: collection with or without a folder loops/; its training split is used.
        cache: folder for decoded music.
        voices: a second of a song with voices is taken so many times as often as another one.
        frames: MDCT frames of an item.
    """

    music: Path
    cache: Path
    voices: float
    frames: int

    def open(self) -> tuple[Music, Music]:
        """Music and loops, decoded if they are not in the cache yet."""
        weights = dict.fromkeys(with_voices(self.music, "train"), self.voices)
        music = Music(listed(self.music, "train"), self.cache, "train", weights)
        return music, Music(sorted((self.music / "loops").glob("*")), self.cache, "loops")


def produce(recipe: Recipe, seed: Sequence[int], count: int, size: int, jobs: int) -> Iterator[Batch]:
    """`count` batches of `size` items, made by `jobs` processes; a seed names them, whatever the number of processes.

    They come without their waves, which their coefficients contain: half as much has to pass between processes.
    The music should be in the cache already, or each process decodes it. The main module is imported anew by the
    processes, which has to have its `if __name__ == "__main__"`.
    """
    # Not forked: threads of torch in this process may hold locks that a fork would never get back.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(recipe,))
    pending: deque[Future[Batch]] = deque()
    try:
        for number in range(count):
            pending.append(pool.submit(_make, [*seed, number], size))
            if len(pending) >= AHEAD * jobs:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


# What runs in the processes

_single_thread = ExitStack()
_open: list[tuple[Music, Music, int]] = []


def _begin(recipe: Recipe) -> None:
    """Prepare a process: one thread, lower priority than training, the parent handles Ctrl-C, it ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)
    _single_thread.enter_context(single_threaded_blas())
    _open.append((*recipe.open(), recipe.frames))


def _make(seed: Sequence[int], size: int) -> Batch:
    ((music, loops, frames),) = _open
    batch = next(batches(music, loops, seed, size, frames))
    return batch._replace(waves=np.zeros((0, 2, 0), np.float32))
