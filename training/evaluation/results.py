"""Measured rows as a CSV file."""

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from formats.errors import UsageError
from training import csv_table
from training.evaluation.compare import Row


def write_csv(rows: Sequence[Row], target: Path) -> None:
    """Write a line for each row, with a column for each metric, empty where a clip has no such metric."""
    names = [name for name in asdict(rows[0]) if name != "metrics"] if rows else []
    values = list(dict.fromkeys(name for row in rows for name in row.metrics))
    measured = ({name: f"{value:.6g}" for name, value in row.metrics.items()} for row in rows)
    lines = ({name: getattr(row, name) for name in names} | own for row, own in zip(rows, measured, strict=True))
    csv_table.write_csv(target, [*names, *values], lines)


def read_csv(source: Path) -> list[Row]:
    """Rows as `write_csv` wrote them, metrics to six digits.

    Raises:
        UsageError: it is no such file.
    """
    rows = []
    try:
        with source.open(newline="", encoding="utf-8") as f:
            for line in csv.DictReader(f):
                own = {name: line.pop(name) for name in Row.__dataclass_fields__ if name != "metrics"}
                row = Row(
                    clip=own["clip"],
                    system=own["system"],
                    setting=own["setting"],
                    kbps=float(own["kbps"]),
                    seconds=float(own["seconds"]),
                    coded_bytes=int(own["coded_bytes"]),
                    encode_seconds=float(own["encode_seconds"]),
                    decode_seconds=float(own["decode_seconds"]),
                    length_error=int(own["length_error"]),
                    artist=own["artist"],
                    metrics={name: float(value) for name, value in line.items() if value},
                )
                rows.append(row)
    except (OSError, KeyError, TypeError, ValueError) as e:
        raise UsageError(f"{source.name} holds no results of an evaluation") from e
    return rows
