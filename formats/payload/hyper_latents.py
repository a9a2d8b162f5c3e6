"""Context modelling of hyper latents: band after band, each over a whole chunk at once.

A value is coded as its change from the vector before, modulo 64. Its context are the changes in the same vector that
are known already: those of the three bands below and, for side, of the same band of mid. Measured on the training part
of the licensed music set: 2.58 kbit/s with a table per band and no context, 2.23 with contexts (training/LOG.md).
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formats.grid import BANDS, HYPER_MIN, HYPER_SIZE
from formats.model.tables import BAND_GROUPS, CHANGE_CONTEXTS, HYPER_SYMBOLS, Tables
from formats.payload.range_coder import RangeDecoder, RangeEncoder, model

_HALF = HYPER_SYMBOLS // 2

_MOST = 512
"""Bound on the magnitude of any sum of eighths."""

_CONTEXTS = np.clip((np.arange(-_MOST, _MOST) >> 3) + CHANGE_CONTEXTS // 2, 0, CHANGE_CONTEXTS - 1).astype(np.uint8)
"""Context of every sum of eighths from -_MOST on: a look-up, because shift, add and clip per band would be slower."""


def group(band: int) -> int:
    """Band group of a hyper latent: four of mid, four of side, six bands each."""
    return band // (HYPER_SIZE // BAND_GROUPS)


ROWS = np.concatenate(
    [
        [
            CHANGE_CONTEXTS * BAND_GROUPS + group(band),
            *(BAND_GROUPS * context + group(band) for context in range(CHANGE_CONTEXTS)),
        ]
        for band in range(HYPER_SIZE)
    ]
)
"""Numbers of the tables in the order of coding: of each band that of its value in the first vector, coded as its change
from the band below, and those of its changes by context."""

PER_BAND = 1 + CHANGE_CONTEXTS
"""Tables of a band."""

WEIGHTS = np.array([[4, 2, 1], [3, 1, 1]])
"""Eighths that the changes one, two and three bands below count, in bands of the first and of the second channel."""

FIRST_CHANNEL_WEIGHT = 2
"""Eighths that the change of the same band of the first channel counts in bands of the second."""


def contexts(change: NDArray[np.int64], band: int) -> NDArray[np.uint8]:
    """Context 0...6 of every change of `band`, a rounded weighted mean of the changes below it: [n, 48] -> [n]."""
    channel, number = divmod(band, BANDS)
    below = min(number, WEIGHTS.shape[1])
    eighths = (
        change[:, band - below : band] @ WEIGHTS[channel, below - 1 :: -1] if below else np.zeros(len(change), int)
    )
    eighths += 4 + _MOST
    if channel:
        eighths += FIRST_CHANNEL_WEIGHT * change[:, number]
    return np.take(_CONTEXTS, eighths)


def table_rows(change: NDArray[np.int64]) -> NDArray[np.int64]:
    """Table number of every change, where all changes are known: [n, 48] -> [n, 48] in 0...55."""
    by_channel = change.reshape(-1, 2, BANDS)
    eighths = np.full(by_channel.shape, 4 + _MOST, np.int64)
    for distance in range(1, WEIGHTS.shape[1] + 1):
        eighths[..., distance:] += WEIGHTS[:, distance - 1, None] * by_channel[..., :-distance]
    eighths[:, 1] += FIRST_CHANNEL_WEIGHT * by_channel[:, 0]
    context = np.take(_CONTEXTS, eighths).reshape(change.shape).astype(np.int64)
    return context * BAND_GROUPS + np.arange(HYPER_SIZE) // (HYPER_SIZE // BAND_GROUPS)


def symbols_and_rows(hyper: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Symbols of hyper vectors [G, 48], and where their tables' numbers stand in ROWS: [G, 48] twice."""
    values = hyper.astype(np.int64)
    change = np.diff(values, axis=0)
    symbols = np.concatenate([np.diff(values[:1], prepend=0), change + _HALF]) % HYPER_SYMBOLS
    rows = np.zeros(values.shape, np.int64)
    rows[1:] = 1 + table_rows(change) // BAND_GROUPS
    return symbols, rows + PER_BAND * np.arange(HYPER_SIZE)


def encode(hyper: NDArray[np.int8], encoder: RangeEncoder, tables: Tables) -> None:
    """Code hyper vectors [G, 48] of -32...31."""
    symbols, rows = symbols_and_rows(hyper)
    flat = rows.T.astype(np.uint16).ravel()
    counts = np.bincount(flat, minlength=len(ROWS))
    encoder.rows(symbols.T.ravel()[np.argsort(flat, kind="stable")], counts, tables.hyper[ROWS])


def decode(decoder: RangeDecoder, count: int, tables: Tables) -> NDArray[np.int8]:
    """The next `count` hyper vectors: [count, 48]."""
    values = np.zeros((count, HYPER_SIZE), np.int64, order="F")
    change = np.zeros((max(count - 1, 0), HYPER_SIZE), np.int64, order="F")
    coded, symbols = np.empty(count, np.int32), np.empty(len(change), np.int64)
    models = _models(tables)
    below = 0
    for band in range(HYPER_SIZE if count else 0):
        context = contexts(change, band)
        counts = np.bincount(context, minlength=CHANGE_CONTEXTS).tolist()
        decoder.runs([1, *counts], models[PER_BAND * band :][:PER_BAND], coded)
        below = (below + int(coded[0]) - HYPER_MIN) % HYPER_SYMBOLS + HYPER_MIN
        symbols[np.argsort(context, kind="stable")] = coded[1:]
        symbols -= _HALF
        np.cumsum(symbols, out=symbols)
        symbols += below - HYPER_MIN
        symbols &= HYPER_SYMBOLS - 1
        symbols += HYPER_MIN
        values[0, band], values[1:, band] = below, symbols
        np.subtract(values[1:, band], values[:-1, band], out=change[:, band])
    return values.astype(np.int8)


@lru_cache(maxsize=8)
def _models(tables: Tables) -> list[Any]:
    """constriction's models of the tables in ROWS."""
    return [model(row) for row in tables.hyper[ROWS]]
