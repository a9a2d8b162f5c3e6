"""Which command made a folder of results."""

import json
import subprocess
from pathlib import Path

import pytest

from training import provenance


def test_a_command_is_recorded_so_that_a_shell_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provenance.record(tmp_path, "evaluate", ["--music", "my songs", "--limit", "3"])
    found = json.loads((tmp_path / provenance.NAME).read_text())
    assert found["command"] == "python -m training evaluate --music 'my songs' --limit 3"
    assert found["time"].startswith("20") and found["aez"]
    monkeypatch.setattr("sys.argv", ["genre.py", "--quick"])
    assert provenance.made("genre", None)["command"] == "python -m training genre --quick"


def test_the_commit_has_a_plus_where_files_were_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    assert provenance.commit() == ""  # no clone
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    def git(*more: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *who, *more], check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-qm", "one")
    head = git("rev-parse", "--short=12", "HEAD").strip()
    assert provenance.commit() == head
    (tmp_path / "file").write_text("two")
    assert provenance.commit() == f"{head}+"
