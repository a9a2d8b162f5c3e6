"""Runs a task over many files in several processes of this machine.

    this process                                     worker processes
    hands out jobs, records results, draws the bar   read, transform, quantize, code, write: a file at a time each
    owns the GPU, if there is one, and runs the      run the networks themselves, on the CPU, or ask this process
    networks for all of them in batches              (codec.runtime.remote)

Ctrl-C reaches this process alone, which tells the workers. Each then gives up its file and leaves no part of it behind.
They do the same when this process is killed.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from codec.batch.run import Meter, Record, Result, Results, Task, in_turn
from codec.batch.worker import FINISHED, Setup, begin, do
from codec.pipeline.workers import WORKERS, Engine, cores
from codec.runtime.remote import NetworkServer
from formats.errors import AezError

if TYPE_CHECKING:
    from codec.batch.jobs import Job
    from codec.pipeline.workers import Progress

TICK = 0.1
"""Seconds between two updates of the progress."""

FRUITLESS = 3
"""Pools that may break one after another before any job is done."""

ATTENDED = 3
"""Threads of a worker whose networks run elsewhere: some work while others wait. With two, cores were idle."""


def run(
    jobs: list[Job],
    task: Task,
    workers: int,
    engine: Engine,
    progress: Progress | None = None,
    record: Record | None = None,
) -> Results:
    """Do all jobs in `workers` processes and yield each result as it comes; see `codec.batch.run`."""
    with ExitStack() as stack:
        try:
            run = _Run(jobs, task, workers, engine, record, stack)
        except (OSError, ImportError):  # the system has no locks or no memory to share: a sandbox, for example
            yield from in_turn(jobs, task, engine, progress, record)
            return
        try:
            while run.next_jobs():
                if (result := run.result()) is not None:
                    yield result
                if progress:
                    progress(run.fraction)
        except BaseException:
            run.stop()
            raise


class _Run:
    """One run: the jobs that wait and those under way, and the pool, which is made anew if a worker dies."""

    def __init__(
        self, jobs: list[Job], task: Task, workers: int, engine: Engine, record: Record | None, stack: ExitStack
    ) -> None:
        self._context = get_context("spawn")  # a fork would copy locks that threads of this process hold
        self._jobs, self._workers, self._record = jobs, workers, record
        self._meter = Meter(jobs)
        self._waiting, self._under_way = deque(range(len(jobs))), set[int]()
        # A queue, not futures: Ctrl-C while this thread queries a future can leave its lock taken.
        self._results: SimpleQueue[tuple[int, Result | BaseException]] = SimpleQueue()
        server = None
        if engine.central:
            networks = stack.enter_context(NetworkServer(engine.sessions))
            server = networks.address, networks.key
        threads = ATTENDED if server else max(1, min(WORKERS, cores() // workers))
        self._setup = Setup(
            task, threads, server, self._context.RawValue("b", 0), self._context.RawArray("d", max(1, len(jobs)))
        )
        self._broken, self._fruitless, self._suspects = False, 0, set[int]()
        self._pool = self._new_pool()
        stack.callback(lambda: self._pool.shutdown(cancel_futures=True))

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._workers, mp_context=self._context, initializer=begin, initargs=self._setup)

    @property
    def fraction(self) -> float:
        """The fraction of all bytes that is done."""
        for number in self._under_way:
            self._meter.at(self._jobs[number], min(1.0, self._setup.fractions[number]))
        return self._meter.fraction

    def next_jobs(self) -> bool:
        """Hand out as many jobs as the workers can take; false when all are done.

        Raises:
            AezError: no worker lives long enough to begin with a job.
        """
        if self._broken and not self._under_way:
            self._renew()
        while self._waiting and not self._broken and len(self._under_way) < self._room(self._waiting[0]):
            number = self._waiting.popleft()
            self._make_room(number)
            try:
                with _without_interrupts():
                    future = self._pool.submit(do, number, self._jobs[number])
            except BrokenProcessPool:
                self._waiting.appendleft(number)
                self._broken = True
            else:
                self._under_way.add(number)
                future.add_done_callback(partial(self._finished, number))
        return bool(self._under_way or self._waiting)

    def _make_room(self, number: int) -> None:
        """Remove the target of a job that an earlier pool has finished, but whose result was lost with that pool."""
        if self._setup.fractions[number] == FINISHED:
            self._setup.fractions[number] = 0
            if (target := self._jobs[number].target).is_file():
                target.unlink()

    def _room(self, number: int) -> int:
        """How many jobs may be under way with this one; a job that may have killed a worker is done alone."""
        alone = number in self._suspects or bool(self._suspects & self._under_way)
        return 1 if alone else 2 * self._workers

    def _renew(self) -> None:
        """Replace a pool that broke, as soon as all its jobs are accounted for."""
        self._fruitless += 1
        if self._fruitless == FRUITLESS:
            raise AezError(
                "the processes of this run end as soon as they start: there is no memory for them, or the script that "
                "calls aez has no if __name__ == '__main__'"
            )
        self._pool.shutdown()
        self._pool, self._broken = self._new_pool(), False

    def _finished(self, number: int, future: Future[Result]) -> None:
        """Take a job's result, in a thread of the pool; it is recorded even if nobody asks for it any more."""
        if future.cancelled():
            return
        error = future.exception()
        try:
            if error is None and self._record:
                self._record(future.result())
        finally:
            self._results.put((number, future.result() if error is None else error))

    def result(self) -> Result | None:
        """The next result; None if there was none for a while, or if its job is done again."""
        try:
            number, found = self._results.get(timeout=TICK)
        except Empty:
            return None
        self._under_way.discard(number)
        if isinstance(found, BrokenProcessPool):
            self._broken = True
            if self._setup.fractions[number] == 0:  # it had not begun
                self._waiting.appendleft(number)
                return None
            if number not in self._suspects:
                self._suspects.add(number)
                if self._setup.fractions[number] != FINISHED:
                    self._setup.fractions[number] = 0
                self._waiting.append(number)
                return None
            reason = "a process died while this file was under way (out of memory?)"
            found = Result(self._jobs[number], reason, AezError)
        elif isinstance(found, BaseException):
            raise found
        self._fruitless = 0
        self._suspects.discard(number)
        self._meter.finished(found.job)
        return found

    def stop(self) -> None:
        """End files under way, without partial files."""
        self._setup.stop.value = 1


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold signals back while processes are started.

    Python would otherwise raise in the middle of that. Workers inherit that Ctrl-C is blocked, so that it does not
    reach them while they start.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        for number in handlers:
            signal.signal(number, lambda caught, _: held.append(caught))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for caught in held[:1]:
            signal.raise_signal(caught)
