"""Times as text."""

import pytest

from codec.clock import clock, counted


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00.0"),
        (83.456, "1:23.5"),
        (59.96, "1:00.0"),
        (3599.94, "59:59.9"),
        (3599.96, "1:00:00.0"),
        (36_000, "10:00:00.0"),
    ],
)
def test_minutes_seconds_and_hours_where_there_are_any(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_one_is_no_plural() -> None:
    assert [counted(count, "chunk") for count in (0, 1, 2)] == ["0 chunks", "1 chunk", "2 chunks"]
