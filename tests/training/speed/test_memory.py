"""The load tool on next to nothing: its audio, its rows, its table."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support import MODELS
from training.evaluation.peers import PeerError
from training.speed import memory


def test_blocks_are_as_long_as_asked_for_and_go_on_for_ever() -> None:
    audio = np.concatenate(list(memory.blocks(5.3)), 1)
    assert audio.shape == (2, round(5.3 * 44100))
    assert 0.1 < np.abs(audio).max() <= 1
    long = memory.blocks(1e6)
    first = next(long)
    again = [next(long) for _ in range(memory.BARS)][-1]
    assert not np.array_equal(first, again)  # the same bar at another level
    assert np.corrcoef(first[0], again[0])[0, 1] > 0.99


def test_files(tmp_path: Path) -> None:
    for name, kind in (("a.flac", "FLAC"), ("a.wav", "RF64")):
        memory.write(tmp_path / name, 0.5)
        info = soundfile.info(tmp_path / name)
        assert (info.format, info.frames, info.channels) == (kind, 22050, 2)


def test_the_whole_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--files", "2", "--seconds", "0.2", "--hours", "0.0002", "--decode", "--model", str(MODELS / "tiny")]
    assert memory.main([*arguments, "--folder", str(tmp_path), "--json", str(tmp_path / "rows.json")]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [(row["load"], row["files"]) for row in rows] == [
        ("encode 1 files of 0.2 s", 1), ("encode 2 files of 0.2 s", 2), ("encode 2e-06 h", 1), ("decode 2e-06 h", 1),
        ("encode 0.0002 h", 1), ("decode 0.0002 h", 1),
    ]  # fmt: skip
    assert all(row["wall"] > 0 and row["peak"] > 10 and row["bytes_out"] > 0 for row in rows)
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 2 + len(rows)
    assert {line.count("|") for line in table} == {10}
    assert [path.name for path in tmp_path.iterdir()] == ["rows.json"]


def test_a_failing_command_is_told(tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="no such file"):
        memory.measure("x", 1, 1.0, ("encode", str(tmp_path / "none.wav")), tmp_path, tmp_path)
