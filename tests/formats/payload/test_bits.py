"""Variable-length integers and raw bits: what is written is read, and there is one way to write it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import DamagedError
from formats.payload import bits
from formats.payload.bits import BitReader, Cursor


@given(st.lists(st.integers(0, 2**42 - 1), max_size=20))
def test_varints_are_read_as_written(values: list[int]) -> None:
    data = bits.varints(values)
    cursor = Cursor(data)
    assert [cursor.varint() for _ in values] == values
    assert cursor.rest() == b""


@given(st.binary(min_size=1, max_size=8))
def test_every_varint_that_is_read_is_written_with_the_same_bytes(data: bytes) -> None:
    cursor = Cursor(data)
    try:
        value = cursor.varint()
    except DamagedError:
        return
    rest = cursor.rest()
    assert bits.varints([value]) + rest == data


@pytest.mark.parametrize("data", [b"\x80\x00", b"\x85\x80\x00", b"\xff" * 6, b"\x80" * 6 + b"\x01"])
def test_varints_of_too_many_bytes_are_damage(data: bytes) -> None:
    with pytest.raises(DamagedError, match="too many bytes"):
        Cursor(data).varint()


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff\xff"])
def test_varints_that_end_early_are_damage(data: bytes) -> None:
    with pytest.raises(DamagedError, match="ends early"):
        Cursor(data).varint()


@given(st.lists(st.tuples(st.integers(0, 2**24 - 1), st.integers(0, 24)), max_size=20))
def test_fields_of_bits_are_read_as_written(fields: list[tuple[int, int]]) -> None:
    values, lengths = (np.array(column, np.int64) for column in zip(*fields, strict=True)) if fields else ([], [])
    values, lengths = np.asarray(values, np.int64), np.asarray(lengths, np.int64)
    written = bits.split(values, lengths)
    assert len(written) == lengths.sum()
    reader = BitReader(np.packbits(written).tobytes())
    assert reader.join(lengths).tolist() == (values & ((1 << lengths) - 1)).tolist()
    reader.finish()


@given(st.lists(st.integers(0, 2**24 - 1), max_size=20))
def test_escapes_are_read_as_written(values: list[int]) -> None:
    lengths, rest = bits.escape(np.array(values, np.int64))
    reader = BitReader(np.packbits(np.concatenate([lengths, rest])).tobytes())
    assert reader.unescape(len(values)).tolist() == values
    reader.finish()


@pytest.mark.parametrize(
    ("data", "left", "good"), [(b"\x80", 7, True), (b"\x81", 7, False), (b"\x80\0", 15, False), (b"\0", 8, False)]
)
def test_what_is_left_is_less_than_a_byte_of_zeros(data: bytes, left: int, good: bool) -> None:
    reader = BitReader(data)
    reader.take(8 * len(data) - left)
    if good:
        reader.finish()
    else:
        with pytest.raises(DamagedError, match="longer than what it holds"):
            reader.finish()


@pytest.mark.parametrize("length", [24, 25, 31])
def test_escapes_have_at_most_24_bits(length: int) -> None:
    # A value of no bits and one of many, of which only the fourth is 1.
    reader = BitReader((length << 54 | 1 << 50).to_bytes(8, "big"))
    if length > 24:
        with pytest.raises(DamagedError, match="beyond its range"):
            reader.unescape(2)
    else:
        assert reader.unescape(2).tolist() == [0, 2**24 - 1 + 2**20]
