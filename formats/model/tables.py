"""The integers of a model that the bits of a file depend on.

Everything here is an integer but `shape`, `bias` and `steady`, which only scale decoded numbers and never decide a bit;
nor does `noise`, which is here because decoding needs it.
"""

import hashlib
import io
from dataclasses import MISSING, dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HYPER_MIN, HYPER_SIZE, SCALES, SEGMENT
from formats.model.contexts import CONTEXTS

PRECISION = 24
"""Bits of a probability: the frequencies of a table sum to 2**24."""

MAGNITUDES = 18
"""Symbols of a main table: magnitudes 0 to 16 and an escape."""

HYPER_SYMBOLS = 64
"""Symbols of a hyper table: a change of -32 to 31, modulo 64."""

CHANGE_CONTEXTS, BAND_GROUPS = 7, 8
HYPER_TABLES = CHANGE_CONTEXTS * BAND_GROUPS + BAND_GROUPS
"""Seven contexts of change for each of eight groups of bands, then eight tables for the first vector of a chunk."""

SIGMA_UNIT = 3 * 2048
"""An octave of `log_sigma`: three frames' weights times the predictor's 2048."""

SCALE_BITS = 20
"""Fractional bits of `slope` and `intercept`."""

GAIN_UNIT = (4 << SCALE_BITS) // 32
"""What one step of gain, 1/32 octave, adds to a level in its fixed point."""

GAIN_LIMIT = 512
"""Largest gain either way: d between 2**-16 and 2**16."""

_SHAPES: dict[str, tuple[type[Any], tuple[int, ...]]] = {
    "predictor": (np.int32, (HYPER_SIZE, COEFFICIENTS)),
    "offset": (np.int32, (COEFFICIENTS,)),
    "slope": (np.int32, (COEFFICIENTS,)),
    "intercept": (np.int32, (COEFFICIENTS,)),
    "shape": (np.float64, (COEFFICIENTS,)),
    "bias": (np.float64, (COEFFICIENTS,)),
    "loudness": (np.int32, (HYPER_SIZE + 1,)),
    "steadiness": (np.int32, (COEFFICIENTS,)),
    "steady": (np.float64, (COEFFICIENTS,)),
    "noise": (np.int8, (2, SEGMENT, COEFFICIENTS)),
    "main": (np.uint32, (SCALES, MAGNITUDES)),
    "hyper": (np.uint32, (HYPER_TABLES, HYPER_SYMBOLS)),
}


class Archive:
    """Arrays of a frozen dataclass to and from an NPZ, and their digest."""

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote; nothing in it is executed."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                needed = [field.name for field in fields(cls) if field.default is MISSING]  # type: ignore[arg-type]
                there = [field.name for field in fields(cls) if field.name in arrays.files]  # type: ignore[arg-type]
                return cls(**{name: arrays[name] for name in dict.fromkeys([*needed, *there])})
        except ModelError:
            raise
        except Exception as error:  # zipfile, zlib and NumPy have a dozen ways to say that an archive is broken
            raise ModelError(f"tables cannot be read: {' '.join(str(error).split())}") from None

    def to_bytes(self) -> bytes:
        """A compressed NPZ of the arrays."""
        out = io.BytesIO()
        np.savez_compressed(out, allow_pickle=False, **self._arrays())
        return out.getvalue()

    def digest(self) -> bytes:
        """SHA-256 over the arrays' bytes in the order of the fields, little-endian, whatever the NPZ around them."""
        state = hashlib.sha256()
        for value in self._arrays().values():
            state.update(np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes())
        return state.digest()

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays that there are, in the order of the fields."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in every.items() if value is not None}


def check_frequencies(name: str, value: NDArray[np.uint32]) -> None:
    """ModelError unless every frequency is at least 1 and every row sums to 2**24."""
    wide = value.astype(np.int64)
    if wide.min() < 1 or (wide.sum(-1) != 1 << PRECISION).any():
        raise ModelError(f"frequencies of table {name!r} do not sum to 2**{PRECISION}")


def check_type(name: str, value: Any, kind: type[Any], shape: tuple[int, ...]) -> None:
    """ModelError unless `value` is an array of this type and shape."""
    if not isinstance(value, np.ndarray) or value.dtype != kind or value.shape != shape:
        raise ModelError(f"table {name!r} is not {np.dtype(kind).name}{list(shape)}")


@dataclass(frozen=True, eq=False)
class Tables(Archive):
    """Predictor, steps and frequencies of one model of ranked latents; checked when made.

    Attributes:
        predictor: int32 [48, 1400], log2 sigma of each coefficient a hyper unit, in 1/2048 octave.
        offset: int32 [1400], constant of the same sum.
        slope: int32 [1400], levels an octave of sigma, SCALE_BITS fractional bits, over SIGMA_UNIT.
        intercept: int32 [1400], level at sigma = 1 and gain 0, SCALE_BITS fractional bits, half a level in it to round.
        shape, bias: float64 [1400], step = 2 ** (shape log2 sigma + bias - gain / 32).
        main: uint32 [48, 18], frequencies of magnitudes by level, or [28, 48, 18] by context (`formats.model.contexts`) and
            level; each row sums to 2**24.
        hyper: uint32 [64, 64], frequencies of hyper symbols by context, each row summing to 2**24.
        loudness: int32 [49], a frame's loudness as sum of a hyper vector times the first 48, and the last one.
        steadiness: int32 [1400], levels that an octave of loudness takes away, fixed like `slope`.
        steady: float64 [1400], exponent of loudness: step = 2 ** (shape log2 sigma + steady loudness + bias - ...).
        noise: int8 [2, 126, 1400], what fills where nothing was sent, in short and in long blocks (`codec.dsp.noise_filling`).

    A model has the last three before `noise`, or none of them.

    Raises:
        ModelError: an array is missing, has another shape or type, or breaks a bound.
    """

    predictor: NDArray[np.int32]
    offset: NDArray[np.int32]
    slope: NDArray[np.int32]
    intercept: NDArray[np.int32]
    shape: NDArray[np.float64]
    bias: NDArray[np.float64]
    main: NDArray[np.uint32]
    hyper: NDArray[np.uint32]
    loudness: NDArray[np.int32] | None = None
    steadiness: NDArray[np.int32] | None = None
    steady: NDArray[np.float64] | None = None
    noise: NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        extra = [self.loudness, self.steadiness, self.steady]
        if any(value is None for value in extra) and any(value is not None for value in extra):
            raise ModelError("tables have loudness in part")
        for name, value in self._arrays().items():
            kind, shape = _SHAPES[name]
            if name == "main" and np.ndim(value) == 3:
                shape = (CONTEXTS, *shape)
            check_type(name, value, kind, shape)
        for name in ("main", "hyper"):
            check_frequencies(name, getattr(self, name))
        if not all(np.isfinite(value).all() for value in (self.shape, self.bias, self.steady) if value is not None):
            raise ModelError("steps are not finite")
        # float32 sums of integers are exact below 2**24, so that BLAS may add them in any order; levels fit int32.
        reach = -HYPER_MIN * np.abs(self.predictor.astype(np.int64)).sum(0) + np.abs(self.offset.astype(np.int64))
        level = 3 * reach * np.abs(self.slope.astype(np.int64)) + np.abs(self.intercept.astype(np.int64))
        if self.loudness is not None and self.steadiness is not None:
            weights = np.abs(self.loudness.astype(np.int64))
            loudest = -HYPER_MIN * weights[:HYPER_SIZE].sum() + weights[HYPER_SIZE]
            level += 3 * loudest * np.abs(self.steadiness.astype(np.int64))
            reach = np.append(reach, loudest)
        if reach.max() >= 1 << 24 or level.max() + GAIN_LIMIT * GAIN_UNIT >= 1 << 31:
            raise ModelError("predictor is out of range")


def frequencies(counts: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Counts [rows, n] -> integer frequencies of at least 1 that sum to 2**24 a row."""
    free = (1 << PRECISION) - counts.shape[1]
    scaled = np.floor(counts / counts.sum(1, keepdims=True) * free).astype(np.int64)
    scaled[np.arange(len(scaled)), counts.argmax(1)] += free - scaled.sum(1)
    return np.asarray(scaled + 1, np.uint32)
