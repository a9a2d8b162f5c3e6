"""What coding needs besides files: an `Engine` with network sessions on one device and threads that work on chunks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Self, TypeVar

from codec.runtime.blas import single_threaded_blas
from codec.runtime.session import Sessions

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[float | None], None]
"""Called with the fraction done, 0 to 1, or None where the length is not known. What it raises ends the job."""

WORKERS = max(1, min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
"""Threads that work on chunks. Each holds about 50 MB when encoding and 75 MB when decoding, on top of 130 MB: four
stay under 400 MB."""


class Engine:
    """Network sessions on one device, and threads for chunks; a context manager.

    One engine serves one file, or all files of a batch at the same time: a session is made once for each network, and
    the files divide the number of chunks under way among them, so that ten files at once do not hold ten times as much.

    Attributes:
        sessions: what `codec.runtime.session.Sessions` says.
    """

    def __init__(self, device: str = "auto", workers: int = WORKERS) -> None:
        """Prepare an engine; nothing is loaded yet.

        Args:
            device: auto, cpu, cuda or cuda:N; one that is not there is an error when the first network is asked for.
            workers: threads, 1 or more.
        """
        self.sessions = Sessions(device)
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, "aez-chunk")
        self._files = 0
        self._lock = Lock()
        self._exit = ExitStack()

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """`map` over the threads, results in order, that takes items only as results are asked for.

        At most one chunk more than there are threads is under way; files that share the engine divide that.
        """
        pending: deque[Future[R]] = deque()
        try:
            for item in items:
                pending.append(self._pool.submit(work, item))
                while len(pending) > max(1, self._workers // max(1, self._files)):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()

    @contextmanager
    def file(self) -> Iterator[Self]:
        """Count a file as under way for the length of a with block."""
        with self._lock:
            self._files += 1
        try:
            yield self
        finally:
            with self._lock:
                self._files -= 1

    def stop(self) -> None:
        """Cancel what waits, without waiting for what runs: whoever waits for a chunk gives up at once."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        self._exit.enter_context(single_threaded_blas())
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._exit.close()


@contextmanager
def engine_for_file(engine: Engine | None) -> Iterator[Engine]:
    """The engine that was passed in, or else one of its own, for one file."""
    if engine is not None:
        with engine.file():
            yield engine
        return
    with Engine() as own, own.file():
        yield own
