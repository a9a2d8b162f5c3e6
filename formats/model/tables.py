"""The tables of a ranked model that the bits of a file depend on.

All of them are integers except `shape`, `bias` and `steady`, which set quantizer steps and do not influence how bits
are decoded.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from formats.errors import ModelError
from formats.grid import COEFFICIENTS, GAIN_LIMIT, HYPER_MIN, HYPER_SIZE, SCALES
from formats.model.archive import Archive, check_array
from formats.model.contexts import CONTEXTS

PRECISION = 24
"""Bits of a probability: the frequencies of a table sum to 2**24."""

MAGNITUDES = 18
"""Symbols of a main table: magnitudes 0 to 16 and an escape."""

HYPER_SYMBOLS = 64
"""Symbols of a hyper table: a change of -32 to 31, modulo 64."""

CHANGE_CONTEXTS, BAND_GROUPS = 7, 8
HYPER_TABLES = CHANGE_CONTEXTS * BAND_GROUPS + BAND_GROUPS
"""Seven contexts of a change for each of eight band groups, then eight tables for the first vector of a chunk."""

SIGMA_UNIT = 3 * 2048
"""An octave of sigma: three frames' weights times the predictor's 2048."""

SCALE_BITS = 20
"""Fractional bits of `slope`, `steadiness` and `intercept`."""

GAIN_UNIT = (4 << SCALE_BITS) // 32
"""What one step of gain (1/32 octave) adds to a scale index, with SCALE_BITS fractional bits."""

_ARRAYS: dict[str, tuple[type[Any], tuple[int, ...]]] = {
    "predictor": (np.int32, (HYPER_SIZE, COEFFICIENTS)),
    "offset": (np.int32, (COEFFICIENTS,)),
    "slope": (np.int32, (COEFFICIENTS,)),
    "intercept": (np.int32, (COEFFICIENTS,)),
    "shape": (np.float64, (COEFFICIENTS,)),
    "bias": (np.float64, (COEFFICIENTS,)),
    "steady": (np.float64, (COEFFICIENTS,)),
    "loudness": (np.int32, (HYPER_SIZE + 1,)),
    "steadiness": (np.int32, (COEFFICIENTS,)),
    "main": (np.uint32, (CONTEXTS, SCALES, MAGNITUDES)),
    "hyper": (np.uint32, (HYPER_TABLES, HYPER_SYMBOLS)),
}


@dataclass(frozen=True, eq=False)
class Tables(Archive):
    """Predictor, quantizer steps and frequencies of a ranked model; checked when made.

    Attributes:
        predictor: int32 [48, 1400], log2 sigma of each coefficient per hyper unit, in 1/2048 octave.
        offset: int32 [1400], constant of the same sum.
        slope: int32 [1400], scale indices per octave of sigma, SCALE_BITS fractional bits, over SIGMA_UNIT.
        intercept: int32 [1400], scale index at sigma = 1 and gain 0, SCALE_BITS fractional bits; it includes the half
            that makes the shift round.
        shape, bias: float64 [1400], step = 2 ** (shape log2 sigma + steady loudness + bias - gain / 32).
        steady: float64 [1400], exponent of loudness in the same formula.
        loudness: int32 [49], a frame's loudness as the sum of a hyper vector times the first 48, and the last one.
        steadiness: int32 [1400], scale indices that an octave of loudness takes away, in the fixed point of `slope`.
        main: uint32 [28, 48, 18], frequencies of magnitudes by context (`formats.model.contexts`) and scale index; each
            row sums to 2**24.
        hyper: uint32 [64, 64], frequencies of hyper symbols by context, each row summing to 2**24.

    Raises:
        ModelError: an array is missing, has another shape or type, or breaks a bound.
    """

    KIND: ClassVar[str] = "ranked"

    predictor: NDArray[np.int32]
    offset: NDArray[np.int32]
    slope: NDArray[np.int32]
    intercept: NDArray[np.int32]
    shape: NDArray[np.float64]
    bias: NDArray[np.float64]
    steady: NDArray[np.float64]
    loudness: NDArray[np.int32]
    steadiness: NDArray[np.int32]
    main: NDArray[np.uint32]
    hyper: NDArray[np.uint32]

    def __post_init__(self) -> None:
        for name, value in self._arrays().items():
            check_array(name, value, *_ARRAYS[name])
        for name in ("main", "hyper"):
            check_frequencies(name, getattr(self, name))
        if not all(np.isfinite(value).all() for value in (self.shape, self.bias, self.steady)):
            raise ModelError("the quantizer steps are not finite")
        # float32 sums of integers are exact below 2**24, so BLAS may add them in any order; scale indices fit int32.
        sigma = -HYPER_MIN * _absolute(self.predictor).sum(0) + _absolute(self.offset)
        weights = _absolute(self.loudness)
        loudness = -HYPER_MIN * weights[:HYPER_SIZE].sum() + weights[HYPER_SIZE]
        fixed = 3 * sigma * _absolute(self.slope) + 3 * loudness * _absolute(self.steadiness)
        fixed += _absolute(self.intercept)
        if max(sigma.max(), loudness) >= 1 << 24 or fixed.max() + GAIN_LIMIT * GAIN_UNIT >= 1 << 31:
            raise ModelError("the predictor is out of range")


def check_frequencies(name: str, value: NDArray[np.uint32]) -> None:
    """Raise ModelError unless every frequency is at least 1 and every row sums to 2**24."""
    wide = value.astype(np.int64)
    if wide.min() < 1 or (wide.sum(-1) != 1 << PRECISION).any():
        raise ModelError(f"the frequencies of table {name!r} do not sum to 2**{PRECISION}")


def frequencies(counts: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Counts [rows, n] -> integer frequencies of at least 1 that sum to 2**24 in every row."""
    free = (1 << PRECISION) - counts.shape[1]
    scaled = np.floor(counts / counts.sum(1, keepdims=True) * free).astype(np.int64)
    scaled[np.arange(len(scaled)), counts.argmax(1)] += free - scaled.sum(1)
    return np.asarray(scaled + 1, np.uint32)


def _absolute(value: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.abs(value.astype(np.int64))
