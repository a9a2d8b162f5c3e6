"""Numbers as people type them."""

import click
import pytest

from codec.cli.numbers import Number, Time, WholeNumber


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Number(6, 128, k=1), "12k", 12),
        (Number(6, 128, k=1), " 12.5K ", 12.5),
        (Number(6, 128, k=1), 24.0, 24),
        (Number(0.1, 3600), ".5", 0.5),
        (WholeNumber(1000, 768_000, k=1000), "44.1k", 44100),
        (WholeNumber(1000, 768_000, k=1000), "11.025k", 11025),
        (WholeNumber(1000, 768_000, k=1000), "48000", 48000),
        (WholeNumber(-512, 512), "-7", -7),
        (WholeNumber(1), "128.0", 128),
    ],
)
def test_numbers(kind, text, value):
    found = kind.convert(text, None, None)
    assert found == value
    assert type(found) is (int if isinstance(kind, WholeNumber) else float)


@pytest.mark.parametrize("text", ["", "k", "1e3", "inf", "nan", "12 k", "0x10", "12kk", "1_000", "٣", "9" * 400, "5"])
def test_what_is_no_number_in_the_range(text):
    with pytest.raises(click.BadParameter, match="is not a number from 6 to 128"):
        Number(6, 128, k=1).convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1.5", 1.5), (".5", 0.5), ("1:00", 60), ("1:02:03.25", 3723.25), ("90", 90), ("0:90", 90)],
)
def test_times(text, seconds):
    assert Time()(text) == seconds
