"""Gather and scatter between all coefficients of frames [F, 1400] and those that are coded [F, M]."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from formats.grid import COEFFICIENTS

T = TypeVar("T", bound=np.generic)


def gather(values: NDArray[T], position: NDArray[np.int64]) -> NDArray[T]:
    """Values of chosen coefficients: [F, 1400] at positions [F, M] -> [F, M]."""
    return np.take(values, _flat(position))


def scatter(values: NDArray[T], position: NDArray[np.int64]) -> NDArray[T]:
    """Inverse of `gather`, zero elsewhere: [F, M] -> [F, 1400]."""
    out = np.zeros((len(position), COEFFICIENTS), values.dtype)
    out.ravel()[_flat(position)] = values
    return out


def _flat(position: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions in a raveled [F, 1400]; NumPy indexes by these several times faster than by row and column."""
    return position + COEFFICIENTS * np.arange(len(position))[:, None]
