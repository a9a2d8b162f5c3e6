"""Tables as CSV files, for every room that writes one."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from codec.files import new_file


def write_csv(
    path: Path,
    head: Sequence[str],
    rows: Iterable[Sequence[object] | Mapping[str, object]],
    *,
    errors: str = "strict",
) -> bytes:
    """Write a table in UTF-8; the file appears when it is complete, in place of one that is there.

    Args:
        path: the file.
        head: names of the columns; an empty one writes no line.
        rows: values in the columns' order, or by their names, with an empty field for what a row lacks.
        errors: what becomes of letters that UTF-8 has not, as in `str.encode`.

    Returns:
        what the file holds.

    Raises:
        AezError: the file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if head:
        writer.writerow(head)
    for row in rows:
        writer.writerow([row.get(name, "") for name in head] if isinstance(row, Mapping) else row)
    data = text.getvalue().encode("utf-8", errors)
    with new_file(path, force=True) as file:
        file.write(data)
    return data
