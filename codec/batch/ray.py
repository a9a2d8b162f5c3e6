"""Runs a batch on Ray, for collections that outgrow one machine. Ray schedules; our code handles one file at a time.

Every machine needs aez and must see the files under the same absolute paths. A task takes one processor. If a worker
dies or the disk fails, Ray repeats the file; a file that cannot be coded fails once, with its reason.
"""

from __future__ import annotations

import functools
import importlib
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codec.batch.jobs import Job
from codec.batch.run import Meter, Record, Result, Results, Task, failed
from formats.errors import UsageError

if TYPE_CHECKING:
    from codec.pipeline.workers import Engine, Progress

RETRIES = 3
"""How often Ray repeats a file."""

LOCAL_STORE = 80_000_000
"""Bytes of a local Ray's object store, near its minimum, because only paths and results pass through it."""

STOP = 10.0
"""Seconds that files under way have to clean up when the run is stopped."""


def run(
    jobs: list[Job],
    task: Task,
    address: str,
    workers: int,
    progress: Progress | None = None,
    record: Record | None = None,
) -> Results:
    """Do all jobs on Ray and yield each result as it comes; see `codec.batch.run`.

    Args:
        jobs: see `codec.batch.jobs.pair`.
        task: what to do; it is sent to the workers.
        address: local (a Ray of `workers` processors for this run), auto (a running one), or a cluster's.
        workers: processors of a local Ray.
        progress: called with the fraction of all bytes done.
        record: called with each result before it is yielded.

    Raises:
        UsageError: Ray is not installed, or cannot be reached.
    """
    with started(address, workers) as ray:
        do = ray.remote(num_cpus=1, max_retries=RETRIES, retry_exceptions=[OSError])(_do)
        shared = ray.put(task)
        meter = Meter(jobs)
        most_pending = 16 + 2 * int(ray.cluster_resources().get("CPU", workers))
        waiting = iter(jobs)
        pending: dict[Any, Job] = {}
        try:
            while True:
                while len(pending) < most_pending and (job := next(waiting, None)):
                    pending[do.remote(shared, _absolute(job))] = job
                if not pending:
                    return
                for done in ray.wait(list(pending))[0]:
                    job = pending.pop(done)
                    meter.finished(job)
                    result = _result(ray, done, job)
                    if record:
                        record(result)
                    yield result
                if progress:
                    progress(meter.fraction)
        finally:
            for reference in pending:
                ray.cancel(reference)
            if pending:
                ray.wait(list(pending), num_returns=len(pending), timeout=STOP)


@contextmanager
def started(address: str, workers: int) -> Iterator[Any]:
    """Connect to Ray, or start a local one, for the length of a with block; yields the module `ray`.

    Raises:
        UsageError: Ray is not installed, or cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    asked = signal.getsignal(signal.SIGTERM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, about its future
        try:
            ray = importlib.import_module("ray")
        except ImportError:
            raise UsageError("Ray is not installed: pip install 'aez[ray]'") from None
        mine = not ray.is_initialized()
        if mine:
            how: dict[str, Any] = {"address": address}
            if address == "local":
                how |= {"num_cpus": workers, "include_dashboard": False, "object_store_memory": LOCAL_STORE}
            try:
                ray.init(**how, log_to_driver=False, logging_level="ERROR")
            except (ConnectionError, RuntimeError, ValueError, OSError) as error:
                line = (str(error).splitlines() or [type(error).__name__])[0]
                raise UsageError(f"Ray cannot be reached at {address!r}: {line}") from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, asked)  # Ray takes it over, with an exit code of its own
    try:
        yield ray
    finally:
        if mine:
            ray.shutdown()


@functools.cache
def _engine() -> Engine:
    """The engine of a worker process, which is kept from file to file and has one thread."""
    from codec.pipeline.workers import Engine

    return Engine("cpu", workers=1)


def _do(task: Task, job: Job) -> Result:
    """Do one file, in a worker; Ray repeats it after an OSError."""
    try:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        return task(job, _engine(), None)
    except OSError:
        raise
    except Exception as error:  # a fault of ours in one file of thousands must not cost the others
        return failed(job, error)


def _result(ray: Any, reference: Any, job: Job) -> Result:
    """The result of a remote job, with the paths as they were named here."""
    try:
        result: Result = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        return failed(job, error.cause if isinstance(error.cause, Exception) else error)
    except ray.exceptions.RayError as error:  # the worker died, again and again
        return Result(job, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}", type(error))
    return replace(result, job=job)


def _absolute(job: Job) -> Job:
    source, target = (Path(os.path.abspath(path)) for path in (job.source, job.target))  # noqa: PTH100  (keeps links)
    return job._replace(source=source, target=target)
