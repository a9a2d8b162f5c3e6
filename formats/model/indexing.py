"""Between coefficients of a frame and those of them that are sent: arrays [F, 1400] and [F, M]."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from formats.grid import COEFFICIENTS

T = TypeVar("T", bound=np.generic)


def gather(values: NDArray[T], index: NDArray[np.int64]) -> NDArray[T]:
    """Values of chosen coefficients: [F, 1400] at indices [F, M] -> [F, M]."""
    return np.take(values, _places(index))


def scatter(values: NDArray[T], index: NDArray[np.int64]) -> NDArray[T]:
    """Inverse of `gather`, zero where nothing is: [F, M] -> [F, 1400]."""
    out = np.zeros((len(index), COEFFICIENTS), values.dtype)
    out.ravel()[_places(index)] = values
    return out


def _places(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places in a raveled [F, 1400]: NumPy indexes several times faster so than by row and column."""
    return index + COEFFICIENTS * np.arange(len(index))[:, None]
