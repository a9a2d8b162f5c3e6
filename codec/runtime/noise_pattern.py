"""noise.npy: the noise pattern with which a decoder of a ranked model fills coefficients that were not sent."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from formats.errors import ModelError
from formats.grid import COEFFICIENTS, SEGMENT
from formats.model.npy import read_header

SHAPE = (2, SEGMENT, COEFFICIENTS)
"""One segment of noise for frames of short windows, and one for frames of long windows."""

SIZE_LIMIT = 2 * SEGMENT * COEFFICIENTS + (1 << 14)
"""Most bytes of the file: one for each number, and room for a header."""


def read(data: bytes) -> NDArray[np.int8]:
    """Parse an .npy file -> the pattern, a read-only int8 [2, 126, 1400].

    The header is checked before memory of the size that it states is allocated, and nothing is unpickled.

    Raises:
        ModelError: the bytes are not an .npy file, or its array has another type or shape.
    """
    try:
        header = read_header(data)
    except ValueError:
        raise ModelError("noise.npy is not an .npy file") from None
    if header.shape != SHAPE or header.by_columns or header.dtype != "|i1":
        raise ModelError(f"noise.npy does not hold int8 numbers of shape {list(SHAPE)} in rows")
    body = data[header.size :]
    if len(body) != math.prod(SHAPE):
        raise ModelError("noise.npy is shorter or longer than its header says")
    return np.frombuffer(body, np.int8).reshape(SHAPE)
