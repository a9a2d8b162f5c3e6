"""What runs in the worker processes of `codec.batch.pool`."""

from __future__ import annotations

import os
import signal
import threading
import time
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Any, NamedTuple

from codec import ending
from codec.audio.c_stderr import keep_quiet
from codec.batch.run import Result, Task, attempt
from codec.pipeline.workers import Engine
from codec.runtime.heap import keep_freed_memory
from codec.runtime.remote import RemoteNetworks

if TYPE_CHECKING:
    from codec.batch.jobs import Job

STARTED = 1e-6
"""The fraction done of a file that a worker has begun with."""

FINISHED = 2.0
"""The fraction done of a file whose target is there; its result may be lost if another worker dies just then."""

PATIENCE = 0.3
"""Seconds that a worker takes at most to give up its file when it has to end; the file's network may never return."""

WATCH = 0.2
"""Seconds between two looks of a worker at whether it has to end."""


class Stopped(BaseException):
    """The run was stopped while this file was being done; its output is not written."""


class Setup(NamedTuple):
    """What a worker is started with.

    Attributes:
        task: what it does with every file.
        threads: of its engine.
        server: address and key of the process that runs networks; None if the worker runs them itself, on the CPU.
        stop: shared memory, 1 where files under way have to end. An event would need a lock, which a worker that is
            killed may leave taken.
        fractions: shared memory, how much is done of each job.
    """

    task: Task
    threads: int
    server: tuple[Any, bytes] | None
    stop: Any
    fractions: Any


class Worker:
    """What a worker process keeps from file to file."""

    def __init__(self, setup: Setup) -> None:
        self._setup, self._busy, self._told = setup, threading.Lock(), False
        networks = RemoteNetworks(*setup.server) if setup.server else None
        self._engine = Engine("cpu", setup.threads, sessions=networks)
        self._engine.__enter__()  # for as long as the process lives

    def do(self, number: int, job: Job) -> Result:
        """Do one file."""
        fractions = self._setup.fractions

        def advance(fraction: float | None) -> None:
            if self._told or self._setup.stop.value:
                raise Stopped
            fractions[number] = max(STARTED, fraction or 0.0)

        try:
            with self._busy:
                advance(None)
                result = attempt(self._setup.task, job, self._engine, advance)
                if not result.failure and not result.kept:
                    fractions[number] = FINISHED
                return result
        finally:
            if self._told:
                os._exit(1)

    def end(self, *_: object) -> None:
        """Give up the file under way, if there is one, and end; a handler of signals."""
        self._told = True
        if not self._busy.locked():
            os._exit(1)

    def watch(self) -> None:
        """End with the parent, and also if the run is stopped and the file under way does not end."""
        parent = parent_process()
        while parent is not None and parent.is_alive() and not self._setup.stop.value:
            parent.join(WATCH)
        if parent is not None and parent.is_alive():
            time.sleep(PATIENCE)  # until then it ends by itself
        else:
            self.end()
            self._busy.acquire(timeout=PATIENCE)
        ending.end(1)


_workers: list[Worker] = []


def begin(*setup: Any) -> None:
    """Prepare a worker process."""
    keep_freed_memory()
    keep_quiet()
    worker = Worker(Setup(*setup))
    _workers.append(worker)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:  # as by nohup
            signal.signal(getattr(signal, name), worker.end)
    threading.Thread(target=worker.watch, daemon=True).start()


def do(number: int, job: Job) -> Result:
    """Do one file, in a process that has been prepared."""
    return _workers[0].do(number, job)
