"""Many files in several processes: how many at once, how a run is stopped, who dies, and where networks run."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from codec.batch import pool
from codec.batch.jobs import AUDIO, CODED, find, pair
from codec.batch.run import Task
from codec.batch.tasks import DecodeTask, EncodeTask, Manners
from codec.pipeline.plan import DecodePlan, EncodePlan
from codec.pipeline.workers import Engine
from codec.runtime.session import Sessions
from formats.errors import AezError
from tests.support import ROOT
from tests.support.albums import tree
from tests.support.batch_tasks import Deadly, Losing, Slow, Unsendable, jobs_of

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine("cpu", 1) as engine:
        yield engine


def test_as_many_at_once_as_there_are_processes(tmp_path: Path, engine: Engine) -> None:
    seen: list[float | None] = []
    jobs = jobs_of(tmp_path, 12)
    recorded: list[Path] = []
    results = list(pool.run(jobs, Slow(0.1), 3, engine, seen.append, lambda done: recorded.append(done.job.target)))
    assert {result.job for result in results} == set(jobs)
    assert set(recorded) == {job.target for job in jobs}
    assert seen == sorted(seen) and seen[-1] == 1.0  # type: ignore[type-var]
    spans = [job.target.read_text().split() for job in jobs]
    assert len({process for _, _, process in spans}) == 3
    assert str(os.getpid()) not in {process for _, _, process in spans}
    edges = sorted([(float(begin), 1) for begin, _, _ in spans] + [(float(end), -1) for _, end, _ in spans])
    at_once = [sum(step for _, step in edges[: n + 1]) for n in range(len(edges))]
    assert 2 <= max(at_once) <= 3


def test_leaving_early_ends_the_files_under_way(tmp_path: Path, engine: Engine) -> None:
    with closing(pool.run(jobs_of(tmp_path, 50), Slow(0.2), 2, engine)) as results:
        next(results)
    assert 1 <= len(list((tmp_path / "out").iterdir())) <= 6
    assert not list((tmp_path / "out").glob(".*"))


def test_a_process_that_dies_costs_its_own_file_alone(tmp_path: Path, engine: Engine) -> None:
    results = list(pool.run(jobs_of(tmp_path, 9), Deadly(names=("1", "5")), 2, engine))
    failed = {result.job.source.name: result.failure for result in results if result.failure}
    assert len(results) == 9
    assert set(failed) == {"1", "5"}
    assert all("a process died while this file was under way" in failure for failure in failed.values())
    assert len(list((tmp_path / "out").glob("[0-9]"))) == 7


def test_a_finished_file_whose_result_is_lost_is_made_again(tmp_path: Path, engine: Engine) -> None:
    results = list(pool.run(jobs_of(tmp_path, 3), Losing(lost=tmp_path / "lost"), 2, engine))
    assert [result.failure for result in results] == [""] * 3
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_where_processes_cannot_share_anything_files_are_done_in_turn(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(pool, "ProcessPoolExecutor", refused)
    jobs = jobs_of(tmp_path, 3)
    assert [result.failure for result in pool.run(jobs, Slow(), 2, engine)] == [""] * 3
    assert all(job.target.read_text().endswith(str(os.getpid())) for job in jobs)


@posix
def test_a_signal_while_processes_start_is_raised_after_it() -> None:
    steps, before = list[str](), signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt), pool._without_interrupts():
        threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        time.sleep(0.2)
        steps.append("the process has started")
    assert steps == ["the process has started"]
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


def test_processes_that_cannot_start_end_the_run(tmp_path: Path, engine: Engine) -> None:
    with pytest.raises(AezError, match="end as soon as they start"):
        list(pool.run(jobs_of(tmp_path, 3), Unsendable(), 2, engine))


@pytest.mark.usefixtures("tiny")
def test_networks_in_this_process_give_the_same_files(album: Path, tmp_path: Path) -> None:
    def files(central: bool) -> dict[str, bytes]:
        out = tmp_path / str(central)
        encode: Task = EncodeTask(EncodePlan.make(model="tiny"), Manners())
        decode: Task = DecodeTask(DecodePlan.make(), Manners())
        for names, taken, extension, task in ((album, AUDIO, ".aez", encode), (out, CODED, ".wav", decode)):
            jobs, _ = pair(find([names], taken).files, out, extension)
            with Engine("cpu", sessions=Sessions("cpu", batched=True) if central else None) as engine:
                failures = [result.failure for result in pool.run(jobs, task, 2, engine) if result.failure]
            assert len(failures) == (extension == ".aez")  # the album has a file that is no audio
        return tree(out)

    assert files(True) == files(False)


PROGRAM = """
import sys
from pathlib import Path
from codec.batch import pool
from codec.batch.jobs import Job
from codec.pipeline.workers import Engine
from tests.support.batch_tasks import Slow

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    jobs = [Job(folder / "in" / str(n), folder / "out" / str(n)) for n in range(4)]
    with Engine("cpu", 1) as engine:
        print([result.failure for result in pool.run(jobs, Slow(float(sys.argv[2])), 2, engine)])
"""


def started(folder: Path, seconds: float, **options: Any) -> subprocess.Popen[str]:
    """A process that does four jobs of so many seconds in two workers, as soon as both have begun."""
    jobs_of(folder, 4)
    program = folder / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program), str(folder), str(seconds)], env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options,
    )  # fmt: skip
    wait_until(lambda: len(list((folder / "out").glob(".*.part"))) == 2)
    return process


@posix
@pytest.mark.parametrize("number", ["SIGKILL", "SIGTERM"])
def test_workers_end_with_the_process_that_started_them(tmp_path: Path, number: str) -> None:
    with started(tmp_path, 30) as process:
        process.send_signal(getattr(signal, number))
    wait_until(lambda: not list((tmp_path / "out").iterdir()))


@posix
def test_workers_outlive_a_terminal_as_the_process_that_started_them_does(tmp_path: Path) -> None:
    """nohup has a process ignore SIGHUP, which a terminal sends to everything in it when it is closed."""
    options = {"start_new_session": True, "preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    with started(tmp_path, 0.8, **options) as process:
        os.killpg(process.pid, signal.SIGHUP)
        assert process.communicate()[0] == "['', '', '', '']\n"


def wait_until(holds: object, seconds: float = 30.0) -> None:
    """Wait until a condition holds, and fail after a while."""
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)
