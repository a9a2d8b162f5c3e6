"""Steps that fail, hang, wait or go on in the background; and the clock."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from training.lease import chain

PYTHON = f"{sys.executable} -c"


def config(*steps: dict[str, Any], reserve: float = 100) -> dict[str, Any]:
    return {
        "lease": {"seconds": 900, "lead": 90, "reserve": reserve},
        "step": [{"seconds": 20, **one} for one in steps],
    }


def begun(home: Path, *steps: dict[str, Any], seconds: float = 60, **options: Any) -> chain.Chain:
    (home / "tree").mkdir(parents=True, exist_ok=True)
    values = {"home": home, "most_minutes": 8.0}
    return chain.Chain(home, config(*steps), values, time.monotonic() + seconds, **options)


def test_a_failed_step_stops_only_those_that_need_it(tmp_path: Path) -> None:
    lease = begun(
        tmp_path,
        {"name": "bad", "command": f"{PYTHON} 'print(\"why\"); exit(3)'"},
        {"name": "after", "command": f"{PYTHON} pass", "needs": ["bad"]},
        {"name": "other", "command": f"{PYTHON} pass"},
        {"name": "absent", "command": "no-such-program"},
        {"name": "wrong", "command": "{nothing}"},
    )
    for name in ("bad", "after", "other", "absent", "wrong", "unknown"):
        lease.run(name)
    assert lease.states["bad"] == "failed with code 3"
    assert lease.states["after"] == "left out, since bad did not succeed"
    assert lease.states["other"] == "ok"
    assert lease.states["absent"].startswith("could not be started")
    assert lease.states["wrong"].startswith("could not be started")
    assert lease.states["unknown"] == "no such step"
    assert (tmp_path / "logs" / "bad.log").read_text() == "why\n"
    assert begun(tmp_path).states == lease.states


def test_a_step_that_hangs_is_stopped_with_its_children(tmp_path: Path) -> None:
    lease = begun(tmp_path, {"name": "hangs", "command": "sh -c 'sleep 60 & echo $!; wait'", "seconds": 1.5})
    lease.run("hangs")
    assert lease.states["hangs"] == "stopped after 2 s"
    child = int((tmp_path / "logs" / "hangs.log").read_text())
    end = time.monotonic() + 5
    while not _ended(Path(f"/proc/{child}/stat")):
        assert time.monotonic() < end
        time.sleep(0.05)


def _ended(state: Path) -> bool:
    """Whether a process is gone, or waits for its parent only."""
    try:
        return state.read_text().split()[2] == "Z"
    except OSError:
        return True


def test_no_step_outlasts_its_call(tmp_path: Path) -> None:
    lease = begun(tmp_path, {"name": "long", "command": "sleep 30"}, seconds=chain.WAY_BACK + 1)
    began = time.monotonic()
    lease.run("long")
    assert lease.states["long"].startswith("stopped") and time.monotonic() - began < 10


def test_a_step_in_the_background_outlasts_its_call(tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = [
        {"name": "train", "command": "sh -c 'sleep 4; touch {home}/first; sleep 1; exit 5'", "background": True},
        {"name": "soon", "waits": "train", "seconds": 0.5},
        {"name": "first", "waits": "train", "file": "{home}/first"},
        {"name": "end", "waits": "train"},
        {"name": "again", "waits": "train"},
        {"name": "never", "waits": "soon"},
    ]
    begun(tmp_path, *steps).run("train")
    later = begun(tmp_path, *steps)
    assert later.states["train"] == "running"
    for name in ("soon", "first", "end", "again", "never"):
        later.run(name)
    assert later.states == {
        "train": "failed with code 5",
        "soon": "train still runs after 1 s",
        "first": "ok",
        "end": "train failed with code 5",
        "again": "train failed with code 5",
        "never": "soon is not running",
    }


def test_a_wrong_argument_in_the_background_shows_at_once(tmp_path: Path) -> None:
    lease = begun(tmp_path, {"name": "train", "command": "sh -c 'exit 2'", "background": True})
    lease.run("train")
    assert lease.states["train"] == "failed with code 2"


def test_training_gets_what_the_lease_has_room_for(tmp_path: Path) -> None:
    step = {"name": "train", "command": "echo {minutes}"}
    log = tmp_path / "logs" / "train.log"
    for used, minutes in ((None, "8.00"), (500.0, "5.00"), (880.0, "0.10")):
        begun(tmp_path, step, used=used).run("train")
        assert float(log.read_text()) == pytest.approx(float(minutes), abs=0.02)


def test_the_clock_goes_on_between_calls(tmp_path: Path) -> None:
    assert chain.Clock(tmp_path, 900, 90).used == pytest.approx(90, abs=5)
    assert chain.Clock(tmp_path, 900, 0).used == pytest.approx(90, abs=5)
    assert chain.Clock(tmp_path, 900, 0, 300).left == pytest.approx(600, abs=5)
    assert chain.Clock(tmp_path, 900, 0).left == pytest.approx(600, abs=5)


def test_the_tree_is_copied_without_hidden_folders(tmp_path: Path) -> None:
    for name in ("codec/a.py", "codec/__pycache__/a.pyc", ".lease/runtime-1/b", "README.md"):
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_text(name)
    for _ in range(2):
        chain.copy_tree(tmp_path / "here", tmp_path / "there")
        found = [path for path in (tmp_path / "there").rglob("*") if path.is_file()]
        assert sorted(path.relative_to(tmp_path / "there").as_posix() for path in found) == ["README.md", "codec/a.py"]
        (tmp_path / "here" / "README.md").write_text("new")
    assert (tmp_path / "there" / "README.md").read_text() == "new"


def test_every_step_of_a_call_is_described_and_fits() -> None:
    lease = chain.load()
    steps = {step["name"]: step for step in lease["step"]}
    assert len(lease["call"]) + 1 <= 6
    for call in lease["call"]:
        limits = [2 if steps[name].get("background") else steps[name]["seconds"] for name in call["steps"]]
        assert max(limits) <= call["seconds"] - chain.WAY_BACK and call["seconds"] <= 600
        assert all(need in steps for name in call["steps"] for need in steps[name].get("needs", []))
    assert lease["values"].keys() == lease["rehearsal"].keys()
