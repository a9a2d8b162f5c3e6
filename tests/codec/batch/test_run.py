"""Many files at a time: how many, in what order stopped, what they share, and that no file costs another."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from codec.batch import run as batch
from codec.batch.jobs import AUDIO, Job, find, pair
from codec.batch.tasks import EncodeTask, Manners
from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine
from codec.runtime import session
from formats.errors import AudioError, UsageError


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine("cpu", 2) as engine:
        yield engine


class Slow:
    """A task that notes how many run at once."""

    def __init__(self) -> None:
        self.lock, self.now, self.most, self.begun = threading.Lock(), 0, 0, 0

    def __call__(self, job: Job, engine: Engine, progress) -> batch.Result:
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


def test_as_many_at_once_as_asked_for_and_the_bar_reaches_its_end(tmp_path, engine):
    task, seen = Slow(), []
    results = list(batch.run(jobs_of(tmp_path, 12), task, 3, engine, seen.append))
    assert len(results) == task.begun == 12
    assert task.most == 3
    assert seen[-1] == 1.0
    assert all(0 <= fraction <= 1 for fraction in seen)
    with pytest.raises(UsageError):
        list(batch.run([], task, 0, engine))


def test_leaving_early_stops_the_rest(tmp_path, engine):
    task = Slow()
    jobs = jobs_of(tmp_path, 50)
    with closing(batch.run(jobs, task, 2, engine)) as results:
        next(results)
    assert task.now == 0
    assert task.begun < 10
    with pytest.raises(RuntimeError, match="shutdown"):  # whoever waits for a chunk gives up
        list(engine.map(str, [1]))


def test_any_error_is_one_line_about_its_file(tmp_path, engine):
    errors = [AudioError("bad\naudio"), OSError(28, "No space left", "x"), MemoryError(), KeyError("oops")]
    left = iter(errors)

    def task(job: Job, engine: Engine, progress) -> batch.Result:
        raise next(left)

    results = list(batch.run(jobs_of(tmp_path, 4), task, 1, engine))
    assert [result.failure for result in results] == [
        "bad audio", "x: No space left", "out of memory", "internal error: KeyError: 'oops'",
    ]  # fmt: skip
    assert [result.error for result in results] == [type(error) for error in errors]


@pytest.mark.usefixtures("tiny")
def test_one_session_for_all_threads(album, tmp_path, monkeypatch):
    made = []
    plain = session._new_session

    def slow(*arguments):
        made.append(arguments)
        time.sleep(0.05)
        return plain(*arguments)

    monkeypatch.setattr(session, "_new_session", slow)
    plan = EncodePlan.make(model="tiny")
    jobs, _ = pair(find([album / "cd1"], AUDIO).files, tmp_path / "out", ".aez")
    jobs += [Job(job.source, job.target.with_suffix(f".{number}")) for number in range(3) for job in jobs]
    with Engine("cpu") as engine:
        results = list(batch.run(jobs, EncodeTask(plan, Manners()), 4, engine))
        assert [result.failure for result in results] == [""] * 8
        assert len(made) == 1
        list(batch.run(jobs, EncodeTask(plan, Manners(force=True)), 2, engine))
        assert len(made) == 1
    with Engine("cpu") as engine:
        list(batch.run(jobs, EncodeTask(plan, Manners(force=True)), 2, engine))
    assert len(made) == 2


def test_what_was_finished_when_a_run_stops_is_recorded(album, tmp_path, engine):
    """Even a file whose result nobody has taken: it is complete, and a resumed run must not make it again."""
    recorded: list[Path] = []
    jobs, _ = pair(find([album], AUDIO).files, tmp_path / "out", ".aez")
    task = EncodeTask(EncodePlan.make(model="tiny"), Manners())
    results = batch.run(jobs, task, 2, engine, record=lambda result: recorded.append(result.job.target))
    next(results)
    results.close()
    made = set((tmp_path / "out").rglob("*.aez"))
    assert made and made <= set(recorded)
