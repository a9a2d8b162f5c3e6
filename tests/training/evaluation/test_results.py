"""Rows as CSV."""

from pathlib import Path

import pytest

from formats.errors import UsageError
from tests.support.rows import row
from training.evaluation.compare import Row
from training.evaluation.results import read_csv, write_csv


def test_rows_survive_a_csv_to_six_digits(tmp_path: Path) -> None:
    rows = [row("a", 8.25, mel=1.5), Row(**{**vars(row("b", 16)), "metrics": {"mel": 2.0, "pre_echo_db": -30.25}})]
    write_csv(rows, tmp_path / "results.csv")
    again = read_csv(tmp_path / "results.csv")
    assert again == rows
    (tmp_path / "bad.csv").write_text("clip,system\na,b\n")
    with pytest.raises(UsageError, match=r"bad\.csv"):
        read_csv(tmp_path / "bad.csv")
    with pytest.raises(UsageError):
        read_csv(tmp_path / "absent.csv")
