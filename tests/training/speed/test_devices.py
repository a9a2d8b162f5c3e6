"""Speed and parity of a device: the whole command with the CPU in the GPU's place, in batches and in processes."""

import json
from pathlib import Path

import pytest
import soundfile

from training.data.songs import song
from training.speed import devices


@pytest.mark.usefixtures("tiny")
def test_the_whole_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "songs").mkdir()
    for number in range(2):
        soundfile.write(tmp_path / "songs" / f"{number}.flac", song(3.0, seed=number).T, 44100)
    arguments = ["--songs", str(tmp_path / "songs"), "--device", "cpu", "--hours", "0.004", "--processes", "2"]
    assert devices.main([*arguments, "--parity", "1", "--json", str(tmp_path / "a.json")]) == 0
    found = json.loads((tmp_path / "a.json").read_text())
    assert [row["what"] for row in found["rows"]] == ["encode", "decode", "encode", "decode"]
    assert all(row["files"] == 6 and row["seconds"] == pytest.approx(18, abs=0.1) for row in found["rows"])
    batched, alone = found["rows"][:2], found["rows"][2:]
    assert all(sum(row["batches"].values()) >= 6 for row in batched)  # that the networks ran here, in batches
    assert not any(sum(row["batches"].values()) for row in alone)
    (same,) = found["parity"]
    assert same["equal_files"] and same["audio_db"] < -80
    assert "| encode | cpu | 2 | 6 | 18 |" in capsys.readouterr().out


def test_no_songs_and_no_device_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert devices.main(["--songs", str(tmp_path), "--device", "cpu"]) == 1
    soundfile.write(tmp_path / "a.flac", song(0.1).T, 44100)
    assert devices.main(["--songs", str(tmp_path), "--device", "abacus"]) == 1
    assert capsys.readouterr().err.count("\n") == 2
