"""Seeded noise that depends on a frame's number in the song only, so that a seek or another chunking hears the same."""

import numpy as np
from numpy.typing import NDArray

from codec.mdct import Float
from formats.grid import COEFFICIENTS, SEGMENT

_SCALE = np.float32(np.sqrt(3) / 32768)


def segment(number: int) -> Float:
    """Unit-variance uniform noise of one segment: [126, 1400]."""
    return _integers(number) * _SCALE


def frames(first: int, count: int) -> Float:
    """Noise of `count` frames from frame `first` >= 0 on: [count, 1400]."""
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
