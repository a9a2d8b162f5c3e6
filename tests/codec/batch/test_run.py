"""Many files in one process: in turn, each with its own failure, and when other processes are worth starting."""

from contextlib import closing
from pathlib import Path

import pytest

from codec.batch import run as batch
from codec.batch.jobs import AUDIO, Job, find, pair
from codec.batch.tasks import EncodeTask, Manners
from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine
from codec.runtime import session
from codec.runtime.session import Sessions
from formats.errors import UsageError
from tests.support.batch_tasks import Failing, Slow, jobs_of


def test_every_job_is_done_and_the_bar_reaches_its_end(tmp_path: Path) -> None:
    seen: list[float | None] = []
    with Engine("cpu", 1) as engine:
        results = list(batch.run(jobs_of(tmp_path, 5), Slow(), 3, engine, seen.append))
        with pytest.raises(UsageError):
            list(batch.run([], Slow(), 0, engine))
        assert not list(batch.run([], Slow(), 2, engine))
    assert [result.job.source.name for result in results] == ["0", "1", "2", "3", "4"]
    assert seen == sorted(seen) and seen[-1] == 1.0  # type: ignore[type-var]


def test_leaving_early_leaves_the_rest(tmp_path: Path) -> None:
    with Engine("cpu", 1) as engine, closing(batch.run(jobs_of(tmp_path, 50), Slow(), 1, engine)) as results:
        next(results)
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_an_interrupt_while_a_file_is_done_leaves_no_part_of_it(tmp_path: Path) -> None:
    def interrupt(fraction: float | None) -> None:
        raise KeyboardInterrupt

    with Engine("cpu", 1) as engine, pytest.raises(KeyboardInterrupt):
        list(batch.run(jobs_of(tmp_path, 3), Slow(), 1, engine, interrupt))
    assert not list((tmp_path / "out").iterdir())


def test_any_error_is_about_its_file_alone(tmp_path: Path) -> None:
    with Engine("cpu", 1) as engine:
        results = list(batch.run(jobs_of(tmp_path, 4), Failing(), 1, engine))
    assert [result.failure for result in results] == [
        "bad\naudio", "x: No space left", "out of memory", "internal error: KeyError: 'oops'",
    ]  # fmt: skip
    assert [result.error for result in results] == [type(error) for error in Failing.errors()]


@pytest.mark.usefixtures("tiny")
def test_one_session_for_all_files(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, plain = [], session._new_session
    monkeypatch.setattr(session, "_new_session", lambda *arguments: made.append(1) or plain(*arguments))
    jobs, _ = pair(find([album / "cd1"], AUDIO).files, tmp_path / "out", ".aez")
    with Engine("cpu") as engine:
        results = list(batch.run(jobs, EncodeTask(EncodePlan.make(model="tiny"), Manners()), 4, engine))
    assert [result.failure for result in results] == ["", ""]
    assert len(made) == 1


def test_what_was_finished_when_a_run_stops_is_recorded(album: Path, tmp_path: Path, tiny: object) -> None:
    recorded: list[Path] = []
    jobs, _ = pair(find([album], AUDIO).files, tmp_path / "out", ".aez")
    task = EncodeTask(EncodePlan.make(model="tiny"), Manners())
    with Engine("cpu") as engine:
        results = batch.run(jobs, task, 2, engine, record=lambda result: recorded.append(result.job.target))
        next(results)
        results.close()
    made = set((tmp_path / "out").rglob("*.aez"))
    assert made and made <= set(recorded)


def test_processes_are_started_for_work_that_is_worth_it(tmp_path: Path) -> None:
    def jobs(count: int, size: int) -> list[Job]:
        path = tmp_path / f"{size}.flac"
        path.write_bytes(bytes(size))
        return [Job(path, tmp_path / f"{size}-{number}.aez") for number in range(count)]

    with Engine("cpu", 1) as engine:
        assert batch.processes([], 4, engine) == 1
        assert batch.processes(jobs(5, 200_000), 4, engine) == 1
        assert batch.processes(jobs(1, 50_000_000), 4, engine) == 1
        assert batch.processes(jobs(2, 50_000_000), 4, engine) == 2
        assert batch.processes(jobs(1000, 200_000), 4, engine) == 4
        assert batch.processes(jobs(1000, 200_000), 1, engine) == 1
    with Engine("cpu", 1, sessions=Sessions("cpu", batched=True)) as engine:  # one process would not keep it busy
        assert batch.processes(jobs(5, 200_000), 4, engine) == 4


def test_more_processes_where_they_wait_for_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PROCESSES", 16)
    with Engine("cpu") as own, Engine("cpu", sessions=Sessions("cpu", batched=True)) as central:
        assert (batch.most(own), batch.most(central)) == (16, 24)
