"""Runs a task over many files on threads; a file that fails does not stop the others.

A `Task` maps one job to one result. `codec.batch.ray` runs the same tasks on a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event
from typing import TYPE_CHECKING, Protocol

from codec.batch.jobs import Job
from formats.errors import AezError, UsageError

if TYPE_CHECKING:
    from codec.batch.journal import Entry
    from codec.pipeline.workers import Engine, Progress

TICK = 0.1
"""Seconds between two updates of the progress."""


@dataclass(frozen=True)
class Result:
    """The result of a job.

    Attributes:
        job: the job.
        failure: why it failed, in one line; empty if it succeeded.
        error: class of the exception that it failed with.
        kept: whether its target was kept, because it was made before.
        seconds: seconds of audio that were coded.
        warnings: lines for the user.
        damaged: whether parts of the song were lost.
        entry: the journal's entry for the new target; None if none was made.
    """

    job: Job
    failure: str = ""
    error: type[Exception] | None = None
    kept: bool = False
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    damaged: bool = False
    entry: Entry | None = None


Record = Callable[[Result], None]
"""Takes a result as soon as its file is finished."""

Results = Generator[Result, None, None]
"""Results as they come; closing it stops the run."""


class Task(Protocol):
    """The work to do on every file; small enough to be sent to another machine."""

    def __call__(self, job: Job, engine: Engine, progress: Progress | None) -> Result:
        """Do one file.

        Raises:
            AezError: the file cannot be coded; OSError: it cannot be read or written.
        """


class Stopped(BaseException):
    """The run was stopped while this file was being done; its output is not written."""


def attempt(task: Task, job: Job, engine: Engine, progress: Progress | None = None) -> Result:
    """Do one file; every error is a failure of this file alone."""
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        return task(job, engine, progress)
    except Exception as error:  # a fault of ours in one file of thousands must not cost the others
        return failed(job, error)


def failed(job: Job, error: Exception) -> Result:
    """Return the result of a file that failed, with the reason in one line."""
    if isinstance(error, AezError):
        text = str(error)
    elif isinstance(error, OSError):
        text = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
    elif isinstance(error, MemoryError):
        text = "out of memory"
    else:
        text = f"internal error: {type(error).__name__}: {error}"
    return Result(job, " ".join(text.split()), type(error))


def run(
    jobs: list[Job],
    task: Task,
    workers: int,
    engine: Engine,
    progress: Progress | None = None,
    record: Record | None = None,
) -> Results:
    """Do all jobs, `workers` files at a time, and yield each result as it comes.

    The files share the engine's sessions and threads, so that one more file at a time costs only the memory of its
    waiting chunks, some tens of MB. Leaving the iterator (Ctrl-C in the loop over it) stops the files under way and the
    engine, without partial files.

    Args:
        jobs: see `codec.batch.jobs.pair`.
        task: what to do with each file.
        workers: files at a time, 1 or more.
        engine: sessions and threads that the files share.
        progress: called with the fraction of all bytes done.
        record: called with each result as soon as its file is finished, by the thread that made it: also where the run
            is stopped before the result is yielded.

    Raises:
        UsageError: `workers` is less than 1.
    """
    if workers < 1:
        raise UsageError("at least one file has to be done at a time")
    meter = Meter(jobs)
    stop = Event()
    waiting, under_way = iter(jobs), 0
    # A queue, not futures: Ctrl-C while this thread queries a future can leave its lock taken and hang its worker.
    results: SimpleQueue[Result | BaseException] = SimpleQueue()

    def do(job: Job) -> None:
        try:
            result = attempt(task, job, engine, watcher(meter, job, stop))
            if record:
                record(result)
            results.put(result)
        except BaseException as error:  # it stops the whole run, in the thread that runs it
            results.put(error)

    with ThreadPoolExecutor(workers, "aez-file") as files:
        try:
            while True:
                while under_way < 2 * workers and (job := next(waiting, None)):
                    files.submit(do, job)
                    under_way += 1
                if not under_way:
                    return
                with suppress(Empty):
                    result = results.get(timeout=TICK)
                    under_way -= 1
                    if isinstance(result, BaseException):
                        raise result
                    meter.finished(result.job)
                    yield result
                if progress:
                    progress(meter.fraction)
        except BaseException:
            stop.set()
            files.shutdown(wait=False, cancel_futures=True)
            engine.stop()  # threads that wait for a chunk end at once
            raise


class Meter:
    """The fraction of all bytes that is done: files count by size, as nothing else is known before they are read."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._sizes = {job: _size(job.source) for job in jobs}
        self._total = sum(self._sizes.values())
        self._under_way: dict[Job, float] = {}
        self._done = 0

    def at(self, job: Job, fraction: float) -> None:
        """Note how far a file is; any thread may call."""
        self._under_way[job] = fraction

    def finished(self, job: Job) -> None:
        """Note that a file is done with."""
        self._under_way.pop(job, None)
        self._done += self._sizes[job]

    @property
    def fraction(self) -> float:
        """0 to 1."""
        partly = sum(self._sizes[job] * part for job, part in list(self._under_way.items()))
        return min(1.0, (self._done + partly) / self._total) if self._total else 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def watcher(meter: Meter, job: Job, stop: Event) -> Callable[[float | None], None]:
    """Return a file's `progress`: it tells the meter, and ends the file when the run is stopped."""

    def advance(fraction: float | None) -> None:
        if stop.is_set():
            raise Stopped
        meter.at(job, fraction or 0.0)

    return advance
