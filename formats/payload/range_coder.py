"""constriction's range coder, with tables of exact integer frequencies over 2**24.

constriction takes probabilities as floats, and symbol i begins at floor(scale * sum of the weights before it) + i.
With n integer weights that sum to 2**24 - n, the scale is exactly 1 and every float is an integer below 2**24. The
frequency of a symbol is therefore its weight + 1 on every machine. The tests compare this with a coder written from
SPEC.md.
"""

from functools import lru_cache
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from formats.errors import DamagedError

NO_CODE = "a chunk's code is not what its tables can have written"


@lru_cache(maxsize=4096)
def _model(frequencies: bytes) -> Any:
    weights = np.frombuffer(frequencies, np.uint32).astype(np.float64) - 1
    return constriction.stream.model.Categorical(weights, perfect=False, lazy=False)


def model(row: NDArray[np.uint32]) -> Any:
    """constriction's model of one row of frequencies; cached, because every chunk uses the same thousand."""
    return _model(row.tobytes())


def _models(tables: NDArray[np.uint32], used: NDArray[np.int64]) -> list[Any]:
    """constriction's models of the rows in use."""
    data, size = tables[used].tobytes(), tables.itemsize * tables.shape[1]
    return [_model(data[at : at + size]) for at in range(0, len(data), size)]


class RangeEncoder:
    """Encodes symbols; `words` returns the code."""

    def __init__(self) -> None:
        self._coder = constriction.stream.queue.RangeEncoder()

    def rows(self, symbols: NDArray[Any], counts: NDArray[Any], tables: NDArray[np.uint32]) -> None:
        """Encode symbols that are sorted by table: the first counts[0] under tables[0], and so on."""
        used = np.flatnonzero(counts)
        encode, ends = self._coder.encode, np.cumsum(counts)[used].tolist()
        values, start = symbols.astype(np.int32), 0
        for row, end in zip(_models(tables, used), ends, strict=True):
            encode(values[start:end], row)
            start = end

    def words(self) -> NDArray[np.uint32]:
        """The code as 32-bit words."""
        return np.asarray(self._coder.get_compressed(), np.uint32)


class RangeDecoder:
    """Decodes what `RangeEncoder` encoded, in the same order."""

    def __init__(self, words: NDArray[np.uint32]) -> None:
        self._coder = constriction.stream.queue.RangeDecoder(words)

    def rows(self, counts: NDArray[Any], tables: NDArray[np.uint32], out: NDArray[np.int32]) -> None:
        """Inverse of `RangeEncoder.rows`, into `out` [sum of counts]."""
        used = np.flatnonzero(counts)
        self.runs(counts[used].tolist(), _models(tables, used), out)

    def runs(self, counts: list[int], models: list[Any], out: NDArray[np.int32]) -> None:
        """As `rows`, with the caller's models: counts[0] symbols under models[0], and so on, into `out`.

        Raises:
            DamagedError: no such symbols can have been encoded as these words.
        """
        decode, start = self._coder.decode, 0
        try:
            for count, row in zip(counts, models, strict=True):
                if count:
                    out[start : start + count] = decode(row, count)
                    start += count
        except (AssertionError, ValueError):
            raise DamagedError(NO_CODE) from None
