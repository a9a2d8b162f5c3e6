"""Runs a task over many files; a file that fails does not stop the others.

A `Task` maps one job to one result. What is not worth starting processes for is done here, one file after another;
`codec.batch.pool` runs the same tasks in several processes, `codec.batch.ray` on a cluster.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from codec.audio.estimate import estimated_seconds
from codec.batch.jobs import Job
from codec.pipeline.workers import cores
from formats.errors import AezError, UsageError

if TYPE_CHECKING:
    from codec.batch.journal import Entry
    from codec.pipeline.workers import Engine, Progress

PROCESSES = min(16, cores())
"""Most processes unless the user says how many: one for every core. Each takes about 150 MB."""

WAITING = 1.5
"""Times as many where their networks run in this process: while some wait for those, others have the cores. On 16 cores
beside a GPU, decoding became 13 to 19 % faster by it, and encoding neither faster nor slower (training/LOG.md)."""

WINDOWS_LIMIT = 61
"""Most processes that Windows lets another one wait for."""

SPEED, PER_FILE, START = 60.0, 0.02, 1.0
"""Estimates of what a core does: seconds of audio in a second, seconds that any file takes, and seconds of work that
make it worth starting another process."""


@dataclass(frozen=True)
class Result:
    """The result of a job.

    Attributes:
        job: the job.
        failure: why it failed; empty if it succeeded. Names in it may hold any letters.
        error: class of the exception that it failed with.
        kept: whether its target was kept, because it was made before.
        seconds: seconds of audio that were coded.
        warnings: lines for the user.
        lost: lines for the user about what is missing, though the caller accepted it.
        damaged: whether parts of the song were lost.
        entry: the journal's entry for the new target; None if none was made.
    """

    job: Job
    failure: str = ""
    error: type[Exception] | None = None
    kept: bool = False
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
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

    def try_out(self, engine: Engine) -> None:
        """Raise an error that is common to all files once, before any file is opened."""


def attempt(task: Task, job: Job, engine: Engine, progress: Progress | None = None) -> Result:
    """Do one file; every error is a failure of this file alone."""
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        return task(job, engine, progress)
    except Exception as error:  # a fault of ours in one file of thousands must not cost the others
        return failed(job, error)


def failed(job: Job, error: Exception) -> Result:
    """Return the result of a file that failed, with the reason."""
    if isinstance(error, AezError):
        text = str(error)
    elif isinstance(error, OSError):
        text = ": ".join(str(part) for part in (error.filename, error.strerror or error) if part)
    elif isinstance(error, MemoryError):
        text = "out of memory"
    else:
        text = f"internal error: {type(error).__name__}: {' '.join(str(error).split())}"
    return Result(job, text, type(error))


def run(
    jobs: list[Job],
    task: Task,
    workers: int,
    engine: Engine,
    progress: Progress | None = None,
    record: Record | None = None,
) -> Results:
    """Do all jobs and yield each result as it comes.

    Leaving the iterator (Ctrl-C in the loop over it) stops the files under way, without partial files.

    Args:
        jobs: see `codec.batch.jobs.pair`.
        task: what to do with each file.
        workers: most files at a time, 1 or more; fewer where there is too little to do for so many processes.
        engine: does the files if they are done in this process; else it says where networks run.
        progress: called with the fraction of all bytes done.
        record: called with each result as soon as its file is finished, also where the run is stopped before the
            result is yielded.

    Raises:
        UsageError: `workers` is less than 1.
    """
    if workers < 1:
        raise UsageError("at least one file has to be done at a time")
    count = processes(jobs, workers, engine)
    if count > 1:
        from codec.batch import pool

        return pool.run(jobs, task, count, engine, progress, record)
    return in_turn(jobs, task, engine, progress, record)


def processes(jobs: list[Job], workers: int, engine: Engine) -> int:
    """How many processes to do the jobs in, up to `workers`; 1 for this one alone."""
    bound = min(workers, len(jobs), WINDOWS_LIMIT if os.name == "nt" else workers)
    if engine.central:  # one process alone could not keep a GPU busy
        return bound
    work = sum(estimated_seconds(job.source) / SPEED + PER_FILE for job in jobs)
    return max(1, min(bound, int(work / START)))


def most(engine: Engine) -> int:
    """Most processes unless the user says how many."""
    return int(WAITING * PROCESSES) if engine.central else PROCESSES


def in_turn(jobs: list[Job], task: Task, engine: Engine, progress: Progress | None, record: Record | None) -> Results:
    """Do all jobs in this process, one file after another; see `run`."""
    meter = Meter(jobs)

    def watcher(job: Job) -> Progress:
        def advance(fraction: float | None) -> None:
            meter.at(job, fraction or 0.0)
            if progress:
                progress(meter.fraction)

        return advance

    for job in jobs:
        result = attempt(task, job, engine, watcher(job))
        if record:
            record(result)
        meter.finished(job)
        yield result
        if progress:
            progress(meter.fraction)


class Meter:
    """The fraction of all bytes that is done: files count by size, as nothing else is known before they are read."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._sizes = {job: _size(job.source) for job in jobs}
        self._total = sum(self._sizes.values())
        self._under_way: dict[Job, float] = {}
        self._done = 0

    def at(self, job: Job, fraction: float) -> None:
        """Note how far a file is."""
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
