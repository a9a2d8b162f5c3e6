"""Size of a payload of the coder `range` without coding it, for rate control: the code lengths of all its symbols.

A symbol of frequency n out of 2**24 takes 24 - log2(n) bits. The result is within a few bytes of the payload's length.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formats.model import AnyTables, contexts
from formats.model.indexing import scatter
from formats.model.tables import HYPER_SYMBOLS, MAGNITUDES, PRECISION, Tables
from formats.payload import hyper_latents, side_info
from formats.payload.bits import ESCAPE_LENGTH
from formats.payload.chunk import ChunkLatents, rank, raw_bit_count
from formats.payload.side_info import SideInfo

ENDS = 5.3
"""Mean bytes of a payload besides its symbols and side information: the number of words, and two roundings up."""


def payload_size(latents: ChunkLatents, gain: int, tables: AnyTables) -> float:
    """Bytes of a chunk's payload."""
    return fixed_size(latents.hyper, latents.side_info, tables) + main_size(latents, gain, tables)


def fixed_size(hyper: NDArray[np.int8], found: SideInfo, tables: AnyTables) -> float:
    """Bytes that do not depend on the gain: side information and hyper latents [G, 48]."""
    symbols, rows = hyper_latents.symbols_and_rows(hyper)
    bits = np.take(_bits(tables)[1], hyper_latents.ROWS[rows] * HYPER_SYMBOLS + symbols).sum(dtype=np.float64)
    return len(side_info.pack(found)) + ENDS + float(bits) / 8


def main_size(latents: ChunkLatents, gain: int, tables: AnyTables) -> float:
    """Bytes of a chunk's main latents."""
    scale_index, ranked = rank(latents, gain, tables)
    shift = raw_bit_count(scale_index)
    whole = np.abs(latents.indices) >> shift
    symbols = np.minimum(whole, MAGNITUDES - 1)
    parts: Iterable[tuple[slice, NDArray[Any]]] = [(slice(None), scale_index)]
    if ranked is not None:
        magnitude = scatter(contexts.small(symbols << shift), ranked.position)
        parts = contexts.pass_tables(scale_index, ranked.position, magnitude)
    bits = sum(
        np.take(_bits(tables)[0], rows.astype(np.int32) * MAGNITUDES + symbols[frames]).sum(dtype=np.float64)
        for frames, rows in parts
    )
    escaped = whole[whole >= MAGNITUDES - 1] - (MAGNITUDES - 2)
    raw = shift.sum(dtype=np.int64) + np.count_nonzero(latents.indices)
    raw += ESCAPE_LENGTH * len(escaped) + np.floor(np.log2(escaped)).sum()
    return float(bits + raw) / 8


@lru_cache(maxsize=8)
def _bits(tables: AnyTables) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Code lengths of all main symbols, and of all hyper symbols (none for a plain model), row by row."""
    hyper = tables.hyper if isinstance(tables, Tables) else np.ones(0, np.uint32)
    main, changes = ((PRECISION - np.log2(rows.ravel())).astype(np.float32) for rows in (tables.main, hyper))
    return main, changes
