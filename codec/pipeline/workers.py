"""Work on chunks in several threads, results in order, with a bounded number under way."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[float | None], None]
"""Called with the fraction done, 0 to 1, or None where the length is not known."""

WORKERS = max(1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
"""Threads that work on chunks. Each holds about 50 MB when encoding and 75 MB when decoding, on top of 130 MB: four
stay under 400 MB."""


def ordered_map(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """`map` over a pool that takes items only as results are asked for: at most WORKERS + 1 are under way.

    The files of a batch divide that among them, so that ten at once do not hold ten times as much.
    """
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            while len(pending) > _ahead():
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


@dataclass
class _Shared:
    """The pool of the batch that runs, its threads, and how many files use it."""

    pool: ThreadPoolExecutor
    threads: int
    files: int = 0


_shared: list[_Shared] = []
_lock = Lock()


def _ahead() -> int:
    shared = _shared[-1:]
    return max(1, shared[0].threads // max(1, shared[0].files)) if shared else WORKERS


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """Threads for the chunks of one file: those that a batch shares among its files, else its own."""
    if not _shared:
        with ThreadPoolExecutor(WORKERS) as pool:
            yield pool
        return
    shared = _shared[-1]
    with _lock:
        shared.files += 1
    try:
        yield shared.pool
    finally:
        with _lock:
            shared.files -= 1


@contextmanager
def shared_workers(count: int = WORKERS) -> Iterator[ThreadPoolExecutor]:
    """Let all files that are coded meanwhile, in whatever thread, share `count` threads, and so their memory."""
    shared = _Shared(ThreadPoolExecutor(count), count)
    _shared.append(shared)
    try:
        yield shared.pool
    finally:
        _shared.remove(shared)
        shared.pool.shutdown(cancel_futures=True)
