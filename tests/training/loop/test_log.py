"""The table of a run's reports, and TensorBoard."""

import csv
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from formats.errors import UsageError
from training.loop.log import CsvLog, TensorBoard, read


def steps(path: Path) -> list[int]:
    return [int(row["step"]) for row in read(path)]


def test_rows_go_on_and_steps_that_are_made_again_are_no_rows_twice(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = CsvLog(path, None)
    for step in (10, 20, 30):
        log.add({"step": step, "loss": 1 / step})
    with path.open("a") as file:
        file.write("40,0.0")  # the power went
    assert steps(path) == [10, 20, 30]
    log = CsvLog(path, 24)
    assert steps(path) == [10, 20]
    log.add({"step": 30, "loss": 0.5})
    with path.open(newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"step": "10", "loss": "0.1"}, {"step": "20", "loss": "0.05"}, {"step": "30", "loss": "0.5"},
        ]  # fmt: skip
    CsvLog(path, None).add({"step": 1, "loss": 2.0})
    assert steps(path) == [1]


def test_a_row_may_have_further_columns(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = CsvLog(path, 5)  # which there is none of
    for row in ({"step": 6, "a": 1.5}, {"step": 7, "b": float("nan"), "a": 1286264.16}, {"step": 8}):
        log.add(row)
    assert path.read_text().split() == ["step,a,b", "6,1.5,", "7,1286264.2,nan", "8,,"]
    CsvLog(path, 9).add({"step": 9, "c": 0.0})
    assert path.read_text().split() == ["step,a,b,c", "6,1.5,,", "7,1286264.2,nan,", "8,,,", "9,,,0"]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "step\nx\n\n-1\n1.5\n", "\x00\x00\n", 'step\n"1\n'])
def test_what_is_no_log_is_begun_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    CsvLog(path, 100).add({"step": 2, "loss": 1.0})
    assert steps(path) == [2]


def test_tensorboard_hides_what_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int) -> None:
            written.append((folder, purge_step))

        def add_scalar(self, *scalar: Any) -> None:
            written.append(scalar)

        def flush(self) -> None:
            pass

        def close(self) -> None:
            written.append("closed")

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    with TensorBoard(tmp_path, 40) as board:
        board.add({"step": 60, "loss": 0.5, "learning_rate": 1e-3})
    assert written == [(str(tmp_path), 41), ("loss", 0.5, 60), ("learning_rate", 1e-3, 60), "closed"]


def test_tensorboard_that_is_not_installed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match="needs the package tensorboard: pip install"):
        TensorBoard(tmp_path, 0)
