"""What fills where nothing was sent; it depends on a frame's number in the song and on its block length only, so that a
seek or another chunking hears the same.
"""

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from formats.grid import COEFFICIENTS, SEGMENT, WINDOW_UNIT, WINDOW_UNITS

PATTERN_UNIT = 32
"""Integers of a model's own noise to a standard deviation."""

TURN = 3
"""Units that a model's own noise is further on with each segment, so that it comes back at uneven times."""

_SCALE = np.float32(np.sqrt(3) / 32768)


def segment(number: int) -> Float:
    """Unit-variance uniform noise of one segment: [126, 1400]."""
    return _integers(number) * _SCALE


def own(pattern: NDArray[np.int8], first: int, long: NDArray[np.bool_]) -> Float:
    """A model's own noise of frames from frame `first` >= 0 on.

    Shape:
        pattern: [2, 126, 1400], for short blocks and for long ones; long: [F] -> [F, 1400].
    """
    number, place = np.divmod(np.arange(first, first + len(long)), SEGMENT)
    place = (place + WINDOW_UNIT * (TURN * number % WINDOW_UNITS)) % SEGMENT
    out: Float = pattern[long.astype(np.intp), place].astype(np.float32)
    out *= np.float32(1 / PATTERN_UNIT)
    return out


def frames(first: int, count: int) -> Float:
    """Noise of `count` frames from frame `first` >= 0 on, for models without their own: [count, 1400]."""
    out = np.empty((count, COEFFICIENTS), np.float32)
    at = 0
    while at < count:
        number, skip = divmod(first + at, SEGMENT)
        piece = _integers(number)[skip : skip + count - at]
        np.multiply(piece, _SCALE, out=out[at : at + len(piece)])
        at += len(piece)
    return out


def _integers(number: int) -> NDArray[np.int16]:
    """One segment as 16-bit integers: [126, 1400].

    Drawn from Philox4x64-10 (Salmon et al. 2011) keyed with the segment's number: a published counter-based generator,
    so that the same song decodes to the same samples in any version of NumPy.
    """
    raw = np.random.Philox(key=number).random_raw(SEGMENT * COEFFICIENTS // 4)
    return np.asarray(raw, "<u8").view("<i2").reshape(SEGMENT, COEFFICIENTS)
