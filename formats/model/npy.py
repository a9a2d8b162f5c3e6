"""Headers of NPY files, read without NumPy's parser, which takes them for Python and prints warnings.

The layout is described in https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html. A header counts only
in the exact form in which NumPy writes it.
"""

import re
from typing import NamedTuple

HEADER = re.compile(
    rb"\{'descr': (?:'([^'\n]{1,20})'|\[[^\n]{1,1000}\]), 'fortran_order': (True|False), "
    rb"'shape': \((|[0-9]{1,20},|[0-9]{1,20}(?:, [0-9]{1,20}){1,7})\), \} *\n"
)

NUMBERS = re.compile(r"[<>|][biufc][0-9]{1,2}")
"""Types that are plain numbers."""

PREFIX = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}
"""How a file of each version begins, and how many bytes its header's length takes."""


class Header(NamedTuple):
    """What an NPY file says about its array.

    Attributes:
        dtype: as NumPy spells it, for example <i4; empty if the elements are no plain numbers.
        by_columns: whether it is stored column by column.
        shape: how many elements it claims in each dimension.
        size: bytes of the header, behind which the array begins.
    """

    dtype: str
    by_columns: bool
    shape: tuple[int, ...]
    size: int


def read_header(data: bytes) -> Header:
    """Read the header of an NPY file of version 1.0 or 2.0.

    Raises:
        ValueError: the bytes do not begin with one.
    """
    if data[:8] not in PREFIX:
        raise ValueError("not an array of NPY version 1.0 or 2.0")
    start = 8 + PREFIX[data[:8]]
    end = start + int.from_bytes(data[8:start], "little")
    found = HEADER.fullmatch(data, start, end)
    if len(data) < end or found is None:
        raise ValueError("not an array whose header NumPy would write")
    kind, order, shape = found.groups()
    name = (kind or b"").decode("latin-1")
    return Header(
        name if NUMBERS.fullmatch(name) else "", order == b"True", tuple(map(int, re.findall(rb"[0-9]+", shape))), end
    )
