"""Headers of NPY files: what NumPy writes is read, and what it would not write is refused."""

import io

import numpy as np
import pytest

from formats.model.npy import Header, read_header


def written(value: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, value, version=version)
    return out.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4)])
def test_headers_of_plain_numbers(shape: tuple[int, ...], version: tuple[int, int]) -> None:
    data = written(np.zeros(shape, np.int32), version)
    size = len(data) - 4 * int(np.prod(shape))
    assert read_header(data) == read_header(data[:size]) == Header("<i4", False, shape, size)
    assert read_header(written(np.zeros((2, 3), np.int32, order="F"))).by_columns


@pytest.mark.parametrize("dtype", [[("a", "<i4"), ("b", "<f8")], "U3", "M8[s]", object])
def test_elements_that_are_no_numbers_have_no_type(dtype: object) -> None:
    assert read_header(written(np.zeros(2, dtype))).dtype == ""


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_what_is_cut_or_no_header_is_refused(version: tuple[int, int]) -> None:
    data = written(np.zeros(3, np.int32), version)
    head = data[:-12]
    for size in range(len(head)):
        with pytest.raises(ValueError, match=r"NPY version|header NumPy would write"):
            read_header(data[:size])
    for other in (data[:6] + b"\3" + data[7:], head.replace(b"(3,)", b"(-3)"), head.replace(b"False", b"None ")):
        with pytest.raises(ValueError, match=r"NPY version|header NumPy would write"):
            read_header(other)
