"""How long a file may be, from its name and its size alone."""

from pathlib import Path

import pytest

from codec.audio.estimate import estimated_seconds


@pytest.mark.parametrize(
    ("name", "size", "seconds"),
    [("a.wav", 12_000_000, 100), ("b.MP3", 2_000_000, 100), ("c.aez", 150_000, 100), ("d", 0, 0)],
)
def test_the_order_of_magnitude(tmp_path: Path, name: str, size: int, seconds: float) -> None:
    (tmp_path / name).write_bytes(bytes(size))
    assert estimated_seconds(tmp_path / name) == estimated_seconds(str(tmp_path / name)) == seconds


@pytest.mark.parametrize("source", ["-", "no such file.wav", "a\0b", None, b"a.wav", 3])
def test_what_is_no_file_has_no_length(source: object) -> None:
    assert estimated_seconds(source) == 0
