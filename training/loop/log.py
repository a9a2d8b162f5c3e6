"""Where a run's numbers go: log.csv beside its checkpoint, and TensorBoard if it was asked for."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from formats.errors import UsageError
from training.csv_table import write_csv

NAME = "log.csv"
"""File in the folder of a run."""

Row = Mapping[str, float]
"""One report: the step, and whatever else is known of it by name."""


class CsvLog:
    """A table with one row per report, which a run that goes on continues.

    Rows of steps after the one that it goes on from are removed, because those steps are made again. So is a last row
    that was cut off. A row may have other columns than those before it: what a row lacks is empty.

    Args:
        path: the file.
        step: that the run goes on from; None for a new run, whose log begins anew.
    """

    def __init__(self, path: Path, step: int | None) -> None:
        self._path = path
        rows = [] if step is None else [row for row in read(path) if int(row["step"]) <= step]
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        self._rewrite(rows)

    def add(self, row: Row) -> None:
        """Write a row."""
        texts = {name: _text(value) for name, value in row.items()}
        if not texts.keys() <= set(self._columns):
            rows = read(self._path)
            self._columns += [name for name in texts if name not in self._columns]
            self._rewrite([*rows, texts])
            return
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns, restval="").writerow(texts)

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        write_csv(self._path, self._columns, rows)


def _text(value: float) -> str:
    """Six digits, or all of a large number's down to tenths."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.1f}" if 1e5 <= abs(value) < 1e15 else f"{value:.6g}"


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a log, without those that are damaged; none where there is no log."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    whole, end, _ = text.rpartition("\n")  # a row without its end was cut off
    try:
        rows = list(csv.DictReader(io.StringIO(whole + end, newline="")))
    except csv.Error:
        return []
    return [row for row in rows if _is_whole(row)]


def _is_whole(row: dict[str, str]) -> bool:
    """Whether a row has as many fields as the header, and a step."""
    return None not in row and None not in row.values() and row.get("step", "").isdecimal()


class TensorBoard:
    """Scalars for TensorBoard, in a folder of its own.

    Args:
        folder: where they go; what another run of the same training wrote there for later steps is hidden.
        step: that the run goes on from.

    Raises:
        UsageError: the package tensorboard is not installed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._writer = summary_writer()(str(folder), purge_step=step + 1)

    def add(self, row: Row) -> None:
        """Write what a row has, under its names."""
        for name, value in row.items():
            if name != "step":
                self._writer.add_scalar(name, value, int(row["step"]))
        self._writer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


def summary_writer() -> Any:
    """The class that writes for TensorBoard.

    Raises:
        UsageError: the package tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UsageError("--tensorboard needs the package tensorboard: pip install tensorboard") from None
    return SummaryWriter
