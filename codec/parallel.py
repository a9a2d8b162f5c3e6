"""Work on chunks in several threads, results in order, with a bounded number under way."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[float | None], None]
"""Called with the fraction done, 0 to 1, or None where the length is not known."""

WORKERS = max(1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
"""Threads that work on chunks. Each holds about 30 MB when encoding and 110 MB when decoding, on top of 130 and 120 MB:
four stay under 700 MB, eight would not."""


def ordered_map(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """`map` over a pool that takes items only as results are asked for: at most WORKERS + 1 are under way."""
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) > WORKERS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


_shared: list[ThreadPoolExecutor] = []
"""The pool of the batch that runs, if one does."""


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """Threads for the chunks of one file: those that a batch shares among its files, else its own."""
    if _shared:
        yield _shared[-1]
        return
    with ThreadPoolExecutor(WORKERS) as pool:
        yield pool


@contextmanager
def shared_workers(count: int = WORKERS) -> Iterator[ThreadPoolExecutor]:
    """Let all files that are coded meanwhile, in whatever thread, share `count` threads, and so their memory."""
    pool = ThreadPoolExecutor(count)
    _shared.append(pool)
    try:
        yield pool
    finally:
        _shared.remove(pool)
        pool.shutdown(cancel_futures=True)
