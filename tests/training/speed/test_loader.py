"""The loader is measured without the start of its processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.training_runs import write_music
from training.data.produce import AHEAD
from training.speed import loader


def test_the_whole_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    music = write_music(tmp_path / "music")
    given = ["--music", str(music), "--cache", str(tmp_path / "cache"), "--jobs", "0", "--seconds", "2"]
    assert loader.main([*given, "--batches", "2", "--batch", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| processes | audio s |") and lines[2].startswith("| 0 (the training's own) | 4 | ")
    assert loader.main([*given, "--seconds", "3600"]) == 2
    assert capsys.readouterr().err == "speed-loader: --seconds has to be below 3600\n"


def test_the_start_of_processes_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = [0.0]
    batch = [Bytes(10), Bytes(30)]

    def made(maker: Any, batches: Any, jobs: int, wait: bool) -> Iterator[Any]:
        spent[0] += 100  # the start
        for _ in batches:
            spent[0] += 0.5
            yield batch

    monkeypatch.setattr(loader, "produce", made)
    monkeypatch.setattr(loader, "_processor_seconds", lambda: spent[0])
    row = loader.measure(Sized(), 2, 20, 3)  # type: ignore[arg-type]
    assert row.cpu == 10 and row.audio == 20 * 3 * 2 and row.ahead == AHEAD * 2 * 40


class Sized:
    frames = 126


class Bytes:
    def __init__(self, count: int) -> None:
        self.nbytes = count
