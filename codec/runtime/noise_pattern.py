"""noise.npy: the pattern of integers that a decoder of a ranked model fills unsent coefficients with."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from formats.errors import ModelError
from formats.grid import COEFFICIENTS, SEGMENT

SHAPE = (2, SEGMENT, COEFFICIENTS)
"""One pattern for frames of short windows and one for frames of long windows, a segment each."""

SIZE_LIMIT = 2 * SEGMENT * COEFFICIENTS + (1 << 14)
"""Bytes of the file: one each number, and a header."""


def read(data: bytes) -> NDArray[np.int8]:
    """Bytes of an .npy file -> the pattern, int8 [2, 126, 1400], which cannot be written to.

    The header is compared before anything of the size that it states is allocated, and no object is ever unpickled.

    Raises:
        ModelError: the bytes are no .npy file, or one of another type or shape.
    """
    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version](stream)
    except Exception:  # numpy's parser raises ValueError, but what it is built on raises more than that
        raise ModelError("noise.npy is not an .npy file") from None
    shape, by_columns, kind = header
    if shape != SHAPE or by_columns or kind != np.dtype(np.int8):
        raise ModelError(f"noise.npy does not hold int8 numbers of shape {list(SHAPE)} in rows")
    body = data[stream.tell() :]
    if len(body) != math.prod(SHAPE):
        raise ModelError("noise.npy is shorter or longer than its header says")
    return np.frombuffer(body, np.int8).reshape(SHAPE)
