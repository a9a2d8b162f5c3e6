"""Context modelling of main latents: coded frames before and after a coefficient predict its magnitude.

Frames are coded in passes: every sixteenth first, then those halfway between, and so on down to every second one. From
the second pass on, the context of a coefficient is a weighted sum of magnitudes in the nearest coded frames on both
sides: of the same coefficient and of its two neighbours in frequency. A whole pass is known before the next one starts,
so each pass takes a handful of array operations, whatever its size.

On the training part of the licensed music set this takes 7.6 % off the main latents at 7 kbit/s and 5.5 % at 55
(training/LOG.md).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from formats.grid import SCALES
from formats.model.indexing import gather

T = TypeVar("T", bound=np.generic)

DISTANCES = (8, 4, 2, 1)
"""Frames from a pass's frames to their nearest coded neighbours; the first pass has none."""

LARGEST = 15
"""Magnitudes are clipped to this in a context."""

BOUNDS = (1, 2, 3, 5, 8, 12, 20, 36)
"""Weighted sums of neighbours' magnitudes at which the next class begins."""

CLASSES = len(BOUNDS) + 1

CONTEXTS = 1 + 3 * CLASSES
"""One for the first pass; nine classes each for distances 1, 2, and 4 or 8."""


def small(magnitude: NDArray[Any]) -> NDArray[np.uint8]:
    """Magnitudes clipped to LARGEST, as contexts use them."""
    return np.asarray(np.minimum(magnitude, LARGEST), np.uint8)


def neighbours(magnitude: NDArray[np.uint8], distance: int) -> NDArray[np.uint8]:
    """`weighted` sums over the nearest coded frames on both sides, for the pass at `distance`.

    Shape:
        magnitude: uint8 [F, 1400], up to LARGEST -> [frames of the pass, 1400]
    """
    sums = magnitude[: -distance : 2 * distance].copy()
    after = magnitude[2 * distance :: 2 * distance]
    sums[: len(after)] += after
    return weighted(sums)


def weighted(sums: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sums [n, 1400] of frames' magnitudes: the coefficient counts four times, the next lower and higher one once."""
    out = 4 * sums
    out[:, 1:] += sums[:, :-1]
    out[:, :-1] += sums[:, 1:]
    return out


def contexts(sums: NDArray[np.uint8], distance: int) -> NDArray[np.uint8]:
    """Contexts, in the pass at `distance`, of `weighted` sums: uint8 [n, 1400] -> [n, 1400] in 0...27."""
    first = 1 + CLASSES * min(DISTANCES[::-1].index(distance), 2)
    table = (first + np.searchsorted(BOUNDS, np.arange(256), side="right")).astype(np.uint8)
    # As bytes, because NumPy's own lookup would make 64-bit indices of them first.
    return np.frombuffer(sums.tobytes().translate(table.tobytes()), np.uint8).reshape(sums.shape)


class Pass(NamedTuple):
    """One pass of context modelling: its frames, and its main latents sorted by table, then by frame and rank.

    Attributes:
        frames: the frames of the pass.
        order: int64 [n], indices that sort the raveled main latents [frames of the pass, M].
        counts: int64 [tables], number of main latents of each table; a table's number is context * 48 + scale index.
    """

    frames: slice
    order: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def last(self) -> bool:
        """Whether no later pass uses this one as context."""
        return bool(self.frames.step == 2 * DISTANCES[-1])

    def sort(self, values: NDArray[Any]) -> NDArray[Any]:
        """The pass's part of an array [F, M], sorted: [n]."""
        return values[self.frames].ravel()[self.order]

    def unsort(self, values: NDArray[T], main: int) -> NDArray[T]:
        """Inverse of `sort`: [n] -> [frames of the pass, M]."""
        out = np.empty_like(values)
        out[self.order] = values
        return out.reshape(-1, main)


def passes(scale_index: NDArray[np.uint8], position: NDArray[np.int64], magnitude: NDArray[np.uint8]) -> Iterator[Pass]:
    """The order in which main latents are coded, pass by pass.

    Args:
        scale_index: by rank [F, M].
        position: their coefficients [F, M].
        magnitude: [F, 1400], up to LARGEST; zero where nothing is coded. A pass's own magnitudes must be written to it
            before the next pass is asked for.
    """
    for frames, table in pass_tables(scale_index, position, magnitude):
        yield by_table(frames, table, CONTEXTS * SCALES)


def pass_tables(
    scale_index: NDArray[np.uint8], position: NDArray[np.int64], magnitude: NDArray[np.uint8]
) -> Iterator[tuple[slice, NDArray[np.uint16]]]:
    """The frames of every pass, and the tables of their main latents [frames, M]; the arguments are as for `passes`."""
    for distance in (0, *DISTANCES):
        frames = slice(distance, None, 2 * (distance or DISTANCES[0]))
        table = scale_index[frames].astype(np.uint16)
        if distance:
            context = contexts(gather(neighbours(magnitude, distance), position[frames]), distance)
            table += context * np.uint16(SCALES)
        yield frames, table


def by_table(frames: slice, table: NDArray[Any], count: int) -> Pass:
    """The pass of `frames` whose main latents have the tables `table` [frames, M], out of `count` tables."""
    flat = table.ravel()
    return Pass(frames, np.argsort(flat, kind="stable"), np.bincount(flat, minlength=count))
