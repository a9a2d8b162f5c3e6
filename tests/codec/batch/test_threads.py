"""Many files at a time: how many, in what order stopped, and that no file costs another."""

import os
import pickle
import signal
import sys
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path

import click
import pytest

from codec import files
from codec.batch import run as batch
from codec.batch.jobs import Job
from codec.batch.tasks import EncodeTask, Manners
from codec.cli.terminal import run
from codec.pipeline.workers import WORKERS, ordered_map, shared_workers, workers
from formats.errors import AudioError, UsageError
from tests.codec.batch.test_run import SETTINGS, posix


class Slow:
    """A task that notes how many run at once."""

    def __init__(self) -> None:
        self.lock, self.now, self.most, self.begun = threading.Lock(), 0, 0, 0

    def __call__(self, job: Job, progress) -> batch.Result:
        with self.lock:
            self.now += 1
            self.begun += 1
            self.most = max(self.most, self.now)
        try:
            for part in range(4):
                time.sleep(0.005)
                progress(part / 4)
            job.target.write_bytes(b"done")
        finally:
            with self.lock:
                self.now -= 1
        return batch.Result(job, seconds=1.0)


def jobs_of(folder: Path, count: int) -> list[Job]:
    (folder / "in").mkdir()
    jobs = [Job(folder / "in" / str(number), folder / "out" / str(number)) for number in range(count)]
    for job in jobs:
        job.source.write_bytes(bytes(100))
    return jobs


def test_as_many_at_once_as_asked_for_and_the_bar_reaches_its_end(tmp_path):
    task, seen = Slow(), []
    results = list(batch.run(jobs_of(tmp_path, 12), task, 3, seen.append))
    assert len(results) == task.begun == 12
    assert task.most == 3
    assert seen[-1] == 1.0
    assert all(0 <= fraction <= 1 for fraction in seen)
    with pytest.raises(UsageError):
        list(batch.run([], task, 0))


def test_files_of_a_batch_divide_the_chunks_under_way():
    def most(files: int) -> int:
        begun, highest = 0, 0

        def items():
            nonlocal begun
            while begun < 30:
                begun += 1
                yield begun

        with ExitStack() as stack:
            pools = [stack.enter_context(workers()) for _ in range(files)]
            for done, _ in enumerate(ordered_map(pools[0], lambda item: item, items())):
                highest = max(highest, begun - done)
        return highest

    with shared_workers(4):
        assert [most(files) for files in (1, 2, 4, 9)] == [5, 3, 2, 2]
    assert most(1) == WORKERS + 1


def test_leaving_early_stops_the_rest(tmp_path):
    task = Slow()
    jobs = jobs_of(tmp_path, 50)
    with closing(batch.run(jobs, task, 2)) as results:
        next(results)
    assert task.now == 0
    assert task.begun < 10
    with workers() as pool, shared_workers(1) as shared:  # nothing of the run is left behind
        assert pool is not shared


def test_any_error_is_one_line_about_its_file(tmp_path):
    errors = iter([AudioError("bad\naudio"), OSError(28, "No space left", "x"), MemoryError(), KeyError("oops")])

    def task(job: Job, progress) -> batch.Result:
        raise next(errors)

    results = list(batch.run(jobs_of(tmp_path, 4), task, 1))
    assert [result.failure for result in results] == [
        "bad audio", "x: No space left", "out of memory", "internal error: KeyError: 'oops'",
    ]  # fmt: skip


@pytest.mark.usefixtures("tiny")
def test_a_task_can_be_sent_away():
    task = EncodeTask.settle(SETTINGS, Manners(resume=True))
    assert pickle.loads(pickle.dumps(task)) == task


def test_threads_leave_the_umask_alone(tmp_path):
    before = os.umask(0o027)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        modes: set[int] = set()
        threads = [
            threading.Thread(target=lambda: modes.update(files._mode(tmp_path / "new") for _ in range(2000)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        left = os.umask(before)
    assert (modes, left) == ({0o640}, 0o027)


@posix
def test_a_stop_that_a_library_made_an_exit_code_of(monkeypatch):
    @click.command()
    def engine() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except SystemExit:
            raise SystemExit(1) from None  # as Ray does

    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        assert run(engine, []) == 143
    finally:
        for number, handler in before:
            signal.signal(number, handler)
