"""CSV files: one way to write them, whatever is in a row."""

from pathlib import Path

import pytest

from training.csv_table import write_csv


def test_rows_are_values_or_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    data = write_csv(path, ["a", "b"], [[1, 'say "x", y'], {"b": 2.5, "c": 9}])
    assert data == path.read_bytes() == b'a,b\r\n1,"say ""x"", y"\r\n,2.5\r\n'
    assert write_csv(path, [], []) == path.read_bytes() == b""


def test_a_row_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_csv(path, ["a"], [[1]])
    with pytest.raises(UnicodeEncodeError):
        write_csv(path, ["a"], [["\udcff"]])
    assert path.read_bytes() == b"a\r\n1\r\n" and list(tmp_path.iterdir()) == [path]
    assert write_csv(path, ["a"], [["\udcff"]], errors="surrogateescape") == b"a\r\n\xff\r\n"
