"""Batches of training items from several processes, for training that is faster than one process makes them."""

import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from codec.runtime.blas import single_threaded_blas
from formats.errors import AezError
from training.data.batches import Batch, Maker, Music, listed, with_voices
from training.data.shards import end_with_parent

AHEAD = 3
"""Batches a process that are made or waiting to be fetched; they take the memory, however large a collection is."""

Names = Sequence[Sequence[int]]
"""Names of the items of a batch."""


@dataclass(frozen=True)
class Recipe:
    """What items are made of.

    Attributes:
        music: collection with or without a folder loops/; its training split is used.
        cache: folder for decoded music.
        voices: a second of a song with voices is taken so many times as often as another one.
        cache_gb: size of the cache, see `training.data.shards.Shards.build`.
    """

    music: Path
    cache: Path
    voices: float = 1.0
    cache_gb: float | None = None

    def open(self, *, tell: bool = True) -> tuple[Music, Music]:
        """Music and loops, decoded if they are not in the cache yet; `tell`s of songs that are left out.

        Raises:
            UsageError: there is no such collection, or nothing in it to train on.
        """
        weights = {} if self.voices == 1 else dict.fromkeys(with_voices(self.music, "train"), self.voices)
        music = Music(listed(self.music, "train"), self.cache, "train", weights, self.cache_gb, tell=tell)
        loops = sorted((self.music / "loops").glob("*"))
        return music, Music(loops, self.cache, "loops", limit_gb=self.cache_gb, tell=tell)


def produce(maker: Maker, batches: Iterable[Names], jobs: int, *, wait: bool = False) -> Generator[Batch]:
    """Make batches, in their order, in `jobs` processes, or in this one if there are to be none.

    At its end it waits for the processes to end, if that is wanted. They import the main module anew, which has to have
    its `if __name__ == "__main__"`.

    Raises:
        AezError: a process died.
        UsageError: none of the music can be read.
    """
    if not jobs:
        yield from map(maker.make, batches)
        return
    # Not forked: threads of torch in this process may hold locks that a fork would never get back.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(maker,))
    pending: deque[Future[Batch]] = deque()
    try:
        for names in batches:
            pending.append(pool.submit(_make, names))
            if len(pending) >= AHEAD * jobs:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool:
        raise AezError("a process that makes training items died (out of memory?)") from None
    finally:
        pool.shutdown(wait=wait, cancel_futures=True)


# What runs in the processes

_single_thread = ExitStack()
_maker: list[Maker] = []


def _begin(maker: Maker) -> None:
    """Prepare a process: one thread, lower priority than training, the parent handles Ctrl-C, it ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if hasattr(os, "setpgid"):  # torchrun stops groups of processes, and the training still saves its last step then
        os.setpgid(0, 0)
    threading.Thread(target=end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)
    _single_thread.enter_context(single_threaded_blas())
    _maker.append(maker)


def _make(names: Names) -> Batch:
    return _maker[0].make(names)
