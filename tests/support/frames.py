"""Synthesized clips, and their frames as training takes them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import forward
from formats.grid import COEFFICIENTS, HOP
from training.data.songs import song

Array = NDArray[np.floating[Any]]


def frames_of(x: Array) -> NDArray[np.float32]:
    """Left and right [2, N] -> mid/side frames [T, 1400]."""
    mid_side = np.stack([x[0] + x[1], x[0] - x[1]]) / 2
    return np.ascontiguousarray(forward(mid_side.astype(np.float32)).transpose(2, 0, 1).reshape(-1, COEFFICIENTS))


def two_seconds() -> NDArray[np.float32]:
    """Two seconds, 126 frames of left and right."""
    return song(3.0, seed=5)[:, 20_000 : 20_000 + 127 * HOP]
