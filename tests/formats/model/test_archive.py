"""Archives of tables that expand: what they state is checked first, and only what NumPy itself writes is read."""

import io
import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.errors import ModelError
from formats.model import Tables
from formats.model.archive import ARRAY_LIMIT, ENTRIES_LIMIT
from formats.model.npy import read_header
from formats.model.plain_tables import PlainTables

LOW = 2**22
"""Bytes that reading may take."""


def archive(method: int, data: bytes, name: str = "predictor.npy") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr(name, data)
    return out.getvalue()


def states(data: bytes, size: int) -> bytes:
    """The archive of one file, which states another size for it in both places."""
    number, directory = struct.pack("<I", size), data.index(b"PK\1\2")
    return data[:22] + number + data[26 : directory + 24] + number + data[directory + 28 :]


def header(shape: str, kind: str = "<i4") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text


def many_files() -> bytes:
    """An archive whose directory names a hundred thousand files, all of which are one."""
    names = [f"{number:06}".encode() for number in range(100_000)]
    fields = struct.Struct("<4s4B4H3I5H2I")
    directory = b"".join(
        fields.pack(b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0) + n for n in names
    )
    count = len(names)
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), 0)
    place = struct.pack("<4sIQI", b"PK\6\7", 0, len(directory), 1)
    return directory + end64 + place + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)


MUCH = bytes(16 * LOW)
BOMBS: dict[str, Callable[[], bytes]] = {
    "deflate": lambda: archive(zipfile.ZIP_DEFLATED, MUCH),
    "deflate that states little": lambda: states(archive(zipfile.ZIP_DEFLATED, MUCH), 1000),
    "deflate of an array": lambda: archive(zipfile.ZIP_DEFLATED, header("(16777216,)") + MUCH),
    "bzip2": lambda: archive(zipfile.ZIP_BZIP2, MUCH),
    "bzip2 that states little": lambda: states(archive(zipfile.ZIP_BZIP2, MUCH), 1000),
    "lzma": lambda: archive(zipfile.ZIP_LZMA, MUCH),
    "lzma that states little": lambda: states(archive(zipfile.ZIP_LZMA, MUCH), 1000),
    "a header of much": lambda: archive(zipfile.ZIP_STORED, header("(536870912,)")),
    "a header of more than fits": lambda: archive(zipfile.ZIP_STORED, header("(99999999999999999999, 9)")),
    "many files": many_files,
}


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_bombs_take_little_memory(make: Callable[[], bytes]) -> None:
    data = make()
    tracemalloc.start()
    try:
        with pytest.raises(ModelError) as caught:
            Tables.from_bytes(data)
        with pytest.raises(ModelError):
            PlainTables.from_bytes(data.replace(b"predictor.npy", b"intercept.npy"))
        assert tracemalloc.get_traced_memory()[1] < LOW
    finally:
        tracemalloc.stop()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("size", [ARRAY_LIMIT - 500, 1001, 999])
def test_a_member_has_the_size_that_its_archive_states(size: int) -> None:
    data = archive(zipfile.ZIP_DEFLATED, bytes(1000))
    with pytest.raises(ModelError, match=r"more or fewer|cannot be read"):
        Tables.from_bytes(states(data, size))
    whole = archive(zipfile.ZIP_DEFLATED, header("(1,)") + bytes(4), "intercept.npy")
    with pytest.raises(ModelError, match="'main' is missing"):
        PlainTables.from_bytes(whole)
    with pytest.raises(ModelError, match="more or fewer"):
        PlainTables.from_bytes(states(whole, len(header("(1,)")) + 4 + size))
    with pytest.raises(ModelError, match=f"more than {ARRAY_LIMIT} bytes"):
        Tables.from_bytes(states(data, ARRAY_LIMIT + 1))


@pytest.mark.parametrize(("count", "words"), [(ENTRIES_LIMIT, "missing"), (ENTRIES_LIMIT + 1, "more than 64 files")])
def test_the_number_of_files_is_bounded(count: int, words: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for number in range(count):
            file.writestr(f"{number}", b"")
    with pytest.raises(ModelError, match=words):
        Tables.from_bytes(out.getvalue())


@given(
    st.sampled_from(["|b1", "|i1", "|u1", "<i4", ">i4", "<u2", "<f8", "<f4", "<c8"]),
    st.lists(st.integers(0, 3), max_size=4),
    st.sampled_from(["C", "F"]),
    st.sampled_from([(1, 0), (2, 0)]),
)
def test_headers_are_read_as_numpy_reads_them(
    kind: str, shape: list[int], order: Any, version: tuple[int, int]
) -> None:
    out = io.BytesIO()
    array = np.zeros(shape, kind, order)
    np.lib.format.write_array(out, array, version)
    found = read_header(out.getvalue())
    assert (found.dtype, found.shape) == (array.dtype.str, array.shape)
    assert found.by_columns == (array.flags.f_contiguous and not array.flags.c_contiguous)
    assert len(out.getvalue()) == found.size + array.nbytes


@pytest.mark.parametrize("kind", ["|O", "<U4", "|S4", "<M8[s]", "|V4", "i4,i4", "(9999,9999)i4", "<i999"])
def test_other_types_are_no_numbers(kind: str) -> None:
    assert read_header(header("(1,)", kind)).dtype == ""


def test_a_table_of_columns_is_no_numbers() -> None:
    out = io.BytesIO()
    np.lib.format.write_array(out, np.zeros(2, [("a", "<i4"), ("b", "<f8")]))
    assert read_header(out.getvalue()).dtype == ""


WRONG = [
    b"",
    b"\x93NUMPY",
    b"\x93NUMPY\3\0" + header("()")[8:],
    header("()")[:-1],
    header("()")[:8] + b"\xff\0" + header("()")[10:],
    header("(1)"),
    header("(1L,)"),
    header("(-1,)"),
    header("(1e3,)"),
    header("(" + "9" * 21 + ",)"),
    header("(" + "1, " * 60 + ")"),
    header("(" + "(" * 3000 + ")" * 3000 + ")"),
]


@pytest.mark.parametrize("data", WRONG, ids=range(len(WRONG)))
def test_headers_that_numpy_would_not_write_are_refused_without_a_warning(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError):
            read_header(data)
        with pytest.raises(ModelError):
            Tables.from_bytes(archive(zipfile.ZIP_STORED, data))
