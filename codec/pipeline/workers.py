"""The `Engine`: network sessions on one device, and threads that work on chunks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Self, TypeVar

from codec.runtime.blas import single_threaded_blas
from codec.runtime.device import choose
from codec.runtime.session import Networks, Sessions

T = TypeVar("T")
R = TypeVar("R")

Progress = Callable[[float | None], None]
"""Called with the fraction done, 0 to 1, or None where the length is not known. What it raises ends the job."""


def cores() -> int:
    """Cores that this process may use, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


WORKERS = min(4, cores())
"""Threads that work on chunks. Each takes about 30 MB, on top of 115 MB, so that four stay under 250 MB."""


class Engine:
    """Network sessions on one device, and threads for chunks; a context manager.

    One engine serves one file, or all files of a batch at the same time. A session is made once for each network. The
    files share the number of chunks under way, so that ten files at once do not need ten times the memory.

    Attributes:
        device: the device, and why it was chosen.
        sessions: where networks come from.
        central: whether other processes should have their networks run here: a GPU has room for one that owns it.
    """

    def __init__(
        self,
        device: str = "auto",
        workers: int = WORKERS,
        *,
        seconds: float | None = None,
        sessions: Networks | None = None,
    ) -> None:
        """Prepare an engine; nothing is loaded yet.

        Args:
            device: auto, cpu, cuda or cuda:N; a missing device is an error when the first network is asked for.
            workers: threads, 1 or more.
            seconds: of audio that there are to code, which auto depends on; None if nobody knows.
            sessions: where networks come from, instead of sessions on the device.

        Raises:
            UsageError: there is no device of this name.
        """
        self.device = choose(device, seconds)
        self.sessions: Networks = sessions or Sessions(self.device.name)
        self.central = sessions is not None or self.device.name != "cpu"
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, "aez-chunk")
        self._files = 0
        self._lock = Lock()
        self._exit = ExitStack()

    def map(self, work: Callable[[T], R], items: Iterable[T], stages: int = 1) -> Iterator[R]:
        """As the built-in `map`, on the engine's threads; results come in order, and items are taken only as needed.

        At most one item more than there are threads is under way. Files that share the engine divide that number of
        threads, and so do the `stages` of a file: as many maps, each of which takes what another one yields.
        """
        pending: deque[Future[R]] = deque()
        try:
            for item in items:
                pending.append(self._pool.submit(work, item))
                while len(pending) > max(1, self._workers // (stages * max(1, self._files))):
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
        """Cancel waiting chunks without waiting for running ones; threads that wait for a chunk end at once."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        self._exit.enter_context(single_threaded_blas())
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self.sessions.close()
        self._exit.close()


@contextmanager
def engine_for_file(engine: Engine | None) -> Iterator[Engine]:
    """The engine that was passed in or, if None, a new one, for the length of one file."""
    if engine is not None:
        with engine.file():
            yield engine
        return
    with Engine() as own, own.file():
        yield own
