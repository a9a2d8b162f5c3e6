"""Noise filling: noise in place of coefficients that were not sent, which the decoder's network shapes.

The noise depends only on a frame's number in the song and on its window length, so that a file sounds the same wherever
decoding starts and however long its chunks are.
"""

import numpy as np
from numpy.typing import NDArray

from formats.grid import SEGMENT, WINDOW_UNIT, WINDOW_UNITS

PATTERN_UNIT = 32
"""Standard deviation of an integer noise pattern."""

SHIFT = 3
"""Window units by which the pattern is shifted in every segment; it repeats after seven segments (14 s)."""


def pattern_noise(pattern: NDArray[np.int8], first: int, long: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Noise of consecutive frames, taken from a decoder's pattern.

    Shape:
        pattern: int8 [2, 126, 1400], a segment for short windows and one for long windows; first: number of the first
        frame in the song, 0 or more; long: bool [F], which frames have long windows -> int8 [F, 1400], with a variance
        of about PATTERN_UNIT ** 2.
    """
    segment, frame = np.divmod(np.arange(first, first + len(long)), SEGMENT)
    frame = (frame + WINDOW_UNIT * (SHIFT * segment % WINDOW_UNITS)) % SEGMENT
    return np.asarray(pattern[long.astype(np.intp), frame])
