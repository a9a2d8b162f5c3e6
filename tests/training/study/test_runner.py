"""Steps are done once for the same data, settings and code; interrupted trainings go on."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from formats.errors import UsageError
from training.study import runner
from training.study.runner import Runner, Step


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that would have run; the last argument that is a number is their exit code."""
    made: list[list[str]] = []

    def run(self: Runner, command: list[str], log: Path) -> int:
        made.append(list(command))
        log.write_text("python ...\nmade: of little music\n")
        return next((int(word) for word in reversed(command) if word.isdigit()), 0)

    monkeypatch.setattr(Runner, "_run", run)
    return made


def test_a_real_step_writes_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Runner(tmp_path)(Step("make", "fma-imitation", ["--help"]))
    assert "usage" in (tmp_path / "logs" / "make.log").read_text()
    assert "make: " in capsys.readouterr().out


def test_a_step_is_done_for_data_settings_code_and_needs(
    calls: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Step("one", "train", ["--x"]), Step("two", "export", ["--y"], needs=("one",))

    def done(data: str = "data", one: Step = first) -> int:
        before = len(calls)
        run = Runner(tmp_path, data)
        run(one)
        run(second)
        return len(calls) - before

    assert done() == 2
    assert done() == 0
    assert done("other data") == 2
    assert done() == 2  # and back: what is there was made of the other data
    assert done(one=Step("one", "train", ["--z"])) == 2  # what needs a step is made anew with it
    assert done(one=Step("one", "train", ["--z"], free=["--jobs", "0"])) == 0
    assert done(one=Step("one", "train", ["--z"], tools=("opusenc 1.4",))) == 2
    assert done(one=Step("one", "train", ["--z"])) == 2
    monkeypatch.setattr(runner, "code_digest", lambda modules: f"new code of {modules}")
    assert done() == 2


def test_a_folder_is_emptied_before_its_step_and_kept_where_a_training_goes_on(
    calls: list[list[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "last.pt").touch()
    step = Step("train", "train", ["--x"], folder, checkpoint=folder / "last.pt")
    Runner(tmp_path)(step)
    assert not folder.exists() and calls[-1][-1] == "--x"  # a checkpoint of another run is not gone on from
    folder.mkdir()
    (folder / "last.pt").touch()
    state = tmp_path / "logs" / "train.json"
    state.write_text(json.dumps({"key": json.loads(state.read_text())["key"]}))  # begun, and interrupted
    Runner(tmp_path)(step)
    assert folder.exists() and calls[-1][-2:] == ["--resume", str(folder / "last.pt")]
    assert json.loads(state.read_text())["done"]


def test_nothing_to_do_is_a_note_and_a_failure_stops(calls: list[list[str]], tmp_path: Path) -> None:
    run = Runner(tmp_path)
    run(Step("genre", "genre", ["3"]))
    assert run.notes == ["step genre was left out: made: of little music"]
    again = Runner(tmp_path)
    again(Step("genre", "genre", ["3"]))
    assert again.notes == run.notes and len(calls) == 1
    with pytest.raises(UsageError, match=r"step bad failed \(made: of little music\); see .*bad\.log"):
        run(Step("bad", "genre", ["2"]))
    stale = tmp_path / "table.md"
    stale.write_text("of an earlier run")
    with pytest.raises(UsageError, match="step worse failed"):
        run(Step("worse", "evaluate", ["1"], made=stale))
    run.stop()
    run(Step("later", "genre", ["0"]))
    assert "later" not in json.dumps(calls) and not (tmp_path / "logs" / "later.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="the exit code is that of a signal")
def test_a_step_that_is_ended_leaves_no_process(tmp_path: Path) -> None:
    run = Runner(tmp_path)
    step = Step("long", "stress", [])
    code: list[int] = []
    waiting = ["-c", "import sys, time; print('here', flush=True); time.sleep(600)"]
    thread = threading.Thread(target=lambda: code.append(run._run(waiting, tmp_path / "log")))
    thread.start()
    while "here" not in ((tmp_path / "log").read_text() if (tmp_path / "log").is_file() else "").splitlines():
        time.sleep(0.02)
    run.stop(at_once=True)
    thread.join(60)
    assert code == [-signal.SIGTERM]
    run(step)  # nothing is begun any more
    assert not (tmp_path / "logs" / "long.json").exists()
