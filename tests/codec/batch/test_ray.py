"""A batch on a local Ray: results per file, retries, resumption; and what happens without Ray."""

import importlib
import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import soundfile

from codec.batch import ray as cluster
from codec.batch.jobs import Job
from codec.batch.journal import NAME as JOURNAL
from codec.batch.run import Result
from codec.batch.tasks import EncodeTask, Manners
from codec.pipeline.plan import EncodePlan
from formats import Reader
from formats.errors import UsageError
from tests.support import ROOT
from tests.support.albums import found
from tests.support.cli_fakes import aez
from tests.support.model_folders import change_card, copied
from training.data.songs import song

RATE = 8000
# Ray's processes and sockets outlive a call, and its own warnings are not about us.
pytestmark = [pytest.mark.usefixtures("tiny"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def local(tiny: object) -> Iterator[None]:
    """A Ray of two processors for all tests here: starting one takes seconds."""
    pytest.importorskip("ray", exc_type=ImportError)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        with cluster.started("local", 2):
            yield


def jobs_of(folder: Path, count: int) -> list[Job]:
    jobs = [Job(folder / f"in{number}", folder / "out" / f"{number}") for number in range(count)]
    for job in jobs:
        job.source.write_bytes(bytes(100))
    return jobs


def test_an_album_with_a_bad_file_and_resumption(local, tmp_path, monkeypatch, capsys):
    album, here, there = (tmp_path / name for name in ("album", "here", "there"))
    for number, name in enumerate(("cd1/a.wav", "cd1/b.wav", "cd2/c.wav")):
        (album / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(album / name, song(0.3, RATE, seed=number).T, RATE)
    (album / "cd2" / "bad.wav").write_bytes(b"no music")
    monkeypatch.chdir(tmp_path)  # workers run elsewhere: paths are sent whole
    encode = ("encode", "album", "--model", "tiny", "--latent", 64)
    assert aez(*encode, "-o", here, "--quiet") == 1
    capsys.readouterr()
    assert aez(*encode, "-o", "there", "--ray", "local") == 1
    failure, summary = capsys.readouterr().err.splitlines()
    assert failure.startswith("aez: error: ")
    assert "album/cd2/bad.wav" in failure
    assert summary.startswith("there: 3 encoded, 1 failed, 0:00.9 of audio")
    names = ["cd1/a.aez", "cd1/b.aez", "cd2/c.aez"]
    assert [str(path.relative_to(there)) for path in found(there)] == names
    assert all((there / name).read_bytes() == (here / name).read_bytes() for name in names)
    (there / names[1]).write_bytes((there / names[1]).read_bytes()[:-3])
    made = (there / names[0]).stat().st_mtime_ns
    assert aez(*encode, "-o", "there", "--ray", "local", "--resume") == 1
    assert "there: 1 encoded, 2 done before, 1 failed" in capsys.readouterr().err
    assert (there / names[0]).stat().st_mtime_ns == made
    with (there / names[1]).open("rb") as file:
        Reader(file).verify()
    decode = ("decode", "there", "-o", "back", "--ray", "local", "--resume")
    assert aez(*decode) == 0
    assert soundfile.info(tmp_path / "back" / "cd2" / "c.wav").frames == round(0.3 * RATE)
    assert (tmp_path / "back" / JOURNAL).read_text().count("\n") == 3
    capsys.readouterr()
    assert aez(*decode) == 0
    assert "back: 0 decoded, 3 done before" in capsys.readouterr().err
    assert aez(*decode, "--start", 0.1) == 0
    assert "back: 3 decoded" in capsys.readouterr().err


def test_a_worker_whose_model_is_another_says_so_for_every_file(local, tmp_path, monkeypatch):
    folder = copied("tiny", tmp_path)
    task = EncodeTask(EncodePlan.make(model=str(folder)), Manners())
    change_card(folder, lambda card: card["encoder"].update(sha256="0" * 64))
    results = list(cluster.run(jobs_of(tmp_path, 2), task, "local", 2))
    assert len(results) == 2
    assert all("is not the one that started the run" in result.failure for result in results)


def test_a_worker_that_dies_and_a_disk_that_fails_are_tried_again(local, tmp_path):
    def task(job: Job, engine: object, progress: object) -> Result:
        tries = job.target.parent / f"{job.source.name}.tries"
        count = len(tries.read_bytes()) if tries.exists() else 0
        tries.write_bytes(bytes(count + 1))
        if job.source.name == "in0" and count == 0:
            os._exit(1)
        if job.source.name == "in1" and count < 2:
            raise OSError(5, "Input/output error", "in1")
        if job.source.name == "in2":
            raise OSError(5, "Input/output error", "in2")
        if job.source.name == "in3":
            raise KeyError("in3")
        job.target.write_bytes(b"done")
        return Result(job, seconds=2.0, warnings=("a word",))

    seen: list[float | None] = []
    jobs = jobs_of(tmp_path, 5)
    results = {result.job: result for result in cluster.run(jobs, task, "local", 2, seen.append)}
    assert [results[job].failure for job in jobs] == [
        "", "", "in2: Input/output error", "internal error: KeyError: 'in3'", "",
    ]  # fmt: skip
    tries = [len((tmp_path / "out" / f"in{number}.tries").read_bytes()) for number in range(5)]
    assert tries == [2, 3, 1 + cluster.RETRIES, 1, 1]
    assert results[jobs[4]] == Result(jobs[4], seconds=2.0, warnings=("a word",))
    assert seen[-1] == 1.0


def test_leaving_early_cancels_the_rest(local, tmp_path):
    def task(job: Job, engine: object, progress: object) -> Result:
        time.sleep(0.3)
        job.target.write_bytes(b"done")
        return Result(job)

    with closing(cluster.run(jobs_of(tmp_path, 20), task, "local", 2)) as results:
        next(results)
    made = len(list((tmp_path / "out").iterdir()))
    assert made < 20
    time.sleep(1.0)
    assert len(list((tmp_path / "out").iterdir())) == made


def test_without_ray_it_is_said_how_to_get_it(tmp_path, monkeypatch, capsys):
    plain = importlib.import_module

    def without(name: str, package: str | None = None) -> object:
        if name == "ray":
            raise ImportError(name)
        return plain(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    soundfile.write(tmp_path / "a.wav", song(0.1, RATE).T, RATE)
    assert aez("encode", tmp_path, "-o", tmp_path / "out", "--model", "tiny", "--ray", "auto") == 1
    assert capsys.readouterr().err == "aez: error: Ray is not installed: pip install 'aez[ray]'\n"
    assert not (tmp_path / "out").exists()


def test_an_address_that_is_none(monkeypatch):
    ray = pytest.importorskip("ray", exc_type=ImportError)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: (_ for _ in ()).throw(ConnectionError("nobody\nthere")))
    with (
        pytest.raises(UsageError, match=r"^Ray cannot be reached at 'moon:1': nobody$"),
        cluster.started("moon:1", 1),
    ):
        pass
