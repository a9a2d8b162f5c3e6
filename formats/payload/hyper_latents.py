"""Context modelling of hyper latents: band after band, each over a whole chunk at once.

A value is coded as its change from the vector before, modulo 64. Its context are the changes in the same vector that
are known already: those of the three bands below and, for side, of the same band of mid. Measured on the training part
of the licensed music set: 2.58 kbit/s with a table per band and no context, 2.23 with contexts (training/LOG.md).
"""

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


def contexts(change: NDArray[np.int64], band: int) -> NDArray[np.uint8]:
    """Context 0...6 of every change of `band`, a rounded weighted mean of the changes below it: [n, 48] -> [n]."""
    weights = (4, 2, 1) if band < BANDS else (3, 1, 1)
    eighths = np.full(len(change), 4 + _MOST, np.int64)
    if band >= BANDS:
        eighths += 2 * change[:, band - BANDS]
    for distance, weight in enumerate(weights[: band % BANDS], 1):
        eighths += weight * change[:, band - distance]
    return np.take(_CONTEXTS, eighths)


def table_rows(change: NDArray[np.int64]) -> NDArray[np.int64]:
    """Table number of every change, where all changes are known: [n, 48] -> [n, 48] in 0...55."""
    rows = [contexts(change, band) * BAND_GROUPS + group(band) for band in range(HYPER_SIZE)]
    return np.stack(rows, 1).astype(np.int64)


def first_rows() -> NDArray[np.int64]:
    """Table number of every band in the first vector, which is coded as its change from the band below: [48]."""
    return np.array([_first(band) for band in range(HYPER_SIZE)])


def encode(hyper: NDArray[np.int8], encoder: RangeEncoder, tables: Tables) -> None:
    """Code hyper vectors [G, 48] of -32...31."""
    values = hyper.astype(np.int64, order="F")
    change = np.subtract(values[1:], values[:-1], order="F")
    for band in range(HYPER_SIZE if len(values) else 0):
        below = values[0, band - 1] if band else 0
        encoder.put((values[:1, band] - below) % HYPER_SYMBOLS, tables.hyper[_first(band)])
        order, counts = _by_context(change, band)
        symbols = (change[:, band] + _HALF) % HYPER_SYMBOLS
        encoder.rows(symbols[order], counts, tables.hyper[_tables(band)])


def decode(decoder: RangeDecoder, count: int, tables: Tables) -> NDArray[np.int8]:
    """The next `count` hyper vectors: [count, 48]."""
    values = np.zeros((count, HYPER_SIZE), np.int64, order="F")
    change = np.zeros((max(count - 1, 0), HYPER_SIZE), np.int64, order="F")
    symbols, ordered = np.empty(len(change), np.int64), np.empty(len(change), np.int32)
    models = [model(row) for row in tables.hyper]
    below = 0
    for band in range(HYPER_SIZE if count else 0):
        below = int(_wrap(below + decoder.get(1, tables.hyper[_first(band)]).astype(np.int64))[0])
        order, counts = _by_context(change, band)
        decoder.runs(counts.tolist(), models[_tables(band)], ordered)
        symbols[order] = ordered
        values[0, band] = below
        values[1:, band] = _wrap(below + np.cumsum(symbols - _HALF))
        np.subtract(values[1:, band], values[:-1, band], out=change[:, band])
    return values.astype(np.int8)


def _by_context(change: NDArray[np.int64], band: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices that sort the changes of `band` by context, then time; and the number of changes of each context."""
    context = contexts(change, band)
    return np.argsort(context, kind="stable"), np.bincount(context, minlength=CHANGE_CONTEXTS)


def _tables(band: int) -> slice:
    """The seven tables of a band, by context."""
    return slice(group(band), _first(0), BAND_GROUPS)


def _first(band: int) -> int:
    """Table of a band's value in the first vector, which is coded as its difference from the band below."""
    return CHANGE_CONTEXTS * BAND_GROUPS + group(band)


def _wrap(value: NDArray[np.int64]) -> NDArray[np.int64]:
    """Values modulo 64, in -32...31."""
    return ((value - HYPER_MIN) & (HYPER_SYMBOLS - 1)) + HYPER_MIN
