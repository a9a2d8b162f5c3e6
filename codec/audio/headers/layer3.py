"""Frames of MPEG audio, layer III, that cannot be an encoder's, by the side information that they begin with.

A decoder makes nothing or noise of them, and mpg123 complains on stderr, but libsndfile does not tell (ISO 11172-3,
2.4.1.7; ISO 13818-3, 2.4.1.7).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_MOST_PAIRS = 288
"""Pairs of large values in the 576 coefficients of a granule."""

_MONO = 3
"""The mode of one channel."""


class _Layout(NamedTuple):
    """Where numbers lie in the side information.

    Attributes:
        size: of all of it, bytes.
        reservoir: bits of the first number, which says how many bytes before the frame its bits begin.
        first, step: bit of the first granule of a channel, and bits from one to the next.
        granules: of all channels.
        switching: bit of a granule that says whether its window is no long one; two bits that say which follow.
    """

    size: int
    reservoir: int
    first: int
    granules: int
    step: int
    switching: int

    @classmethod
    def of(cls, *, first_version: bool, mono: bool) -> _Layout:
        if first_version:
            return cls(17 if mono else 32, 9, 18 if mono else 20, 2 if mono else 4, 59, 33)
        return cls(9 if mono else 17, 8, 9 if mono else 10, 1 if mono else 2, 63, 38)


def impossible_frames(data: Any, starts: Ints, ends: Ints) -> list[tuple[int, int]]:
    """Where the side information lies of frames that are impossible: its first byte, and the one behind it.

    With zeros in its place, a frame is silent. Its first byte or two are left out: they say where the frame's bits
    begin, and a decoder looks for those of the next frame from there.

    Args:
        data: the file, as bytes or a memory map.
        starts: [n] first bytes of whole frames of layer III, of one version.
        ends: [n] the bytes behind them.
    """
    values = np.frombuffer(data, np.uint8)
    mono = values[starts + 3] >> 6 == _MONO
    found: list[tuple[int, int]] = []
    for is_mono in (False, True):
        these = np.flatnonzero(mono == is_mono)
        if not these.size:
            continue
        layout = _Layout.of(first_version=bool(values[starts[these[0]] + 1] & 8), mono=is_mono)
        begin = starts[these] + 4 + 2 * (values[starts[these] + 1] & 1 == 0)
        bad = _is_bad(values, begin, ends[these], layout)
        kept = -(-layout.reservoir // 8)
        found += [(int(at) + kept, int(at) + layout.size) for at in begin[bad]]
    return sorted(found)


def _is_bad(values: NDArray[np.uint8], begin: Ints, end: Ints, layout: _Layout) -> NDArray[np.bool_]:
    """Whether each frame is impossible."""

    def number(bit: int, count: int) -> Ints:
        """The number of up to 16 bits at a bit of each side information."""
        places = np.minimum(begin[:, None] + bit // 8 + np.arange(3), len(values) - 1)
        whole = values[places].astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        return np.asarray(whole >> (24 - bit % 8 - count) & ((1 << count) - 1), np.int64)

    bad = np.zeros(len(begin), bool)
    coded = np.zeros(len(begin), np.int64)
    for granule in range(layout.granules):
        at = layout.first + granule * layout.step  # bits of the granule, then pairs of large values
        coded += number(at, 12)
        bad |= number(at + 12, 9) > _MOST_PAIRS
        bad |= number(at + layout.switching, 3) == 0b100  # switched to the long window
    there = number(0, layout.reservoir) + end - begin - layout.size
    return np.asarray(bad | (coded > 8 * there))
