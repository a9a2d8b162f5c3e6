from pathlib import Path

import pytest

from tests.training.lease.test_chain import config
from training.lease import chain, run, slices


def test_calls_carry_their_slices_and_the_last_one_brings_the_steps(tmp_path: Path) -> None:
    for name in ("music-1", "music-2", "music-10", "test-1"):
        (tmp_path / name).mkdir()
    found = run.calls(chain.load(), tmp_path, rehearsal=True)
    assert [Path(call.carry).name for call in found] == ["", "music-1", "music-2", "music-10", "test-1", ""]
    assert "--steps install,check" in found[0].command and "--unpack" not in found[0].command
    assert "--steps" not in found[1].command and "--steps speed,speed-flac,train" in found[3].command
    assert all("--rehearsal" in call.command and len(call.command) < 2000 for call in found)


def test_a_call_unpacks_runs_and_hands_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "song").write_bytes(b"music")
    slices.write(tmp_path / "tree" / "slice", slices.items("music/song", tmp_path / "song", 100))
    steps = config({"name": "one", "command": "sh -c 'echo hello; echo {{}} > {out}/one.json'"})
    monkeypatch.setattr(chain, "load", lambda: {**steps, "values": {"most_minutes": 1.0}})
    monkeypatch.setenv("LEASE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OUT", str(tmp_path / "out"))
    monkeypatch.chdir(tmp_path / "tree")
    assert run.main(["--unpack", "slice", "--steps", "one"]) == 0
    assert (tmp_path / "home" / "music" / "song").read_bytes() == b"music"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["logs.txt", "one.json"]
    logs = (tmp_path / "out" / "logs.txt").read_text()
    assert "hello" in logs and "unpacked slice: 1 files" in logs and "one: ok" in logs
    assert run.main(["--unpack", "slice", "--steps", "two"]) == 1
