"""Integers of a chunk <-> payload bytes: the `range` and the `zstd` coder, with `formats.payload.side_info` in front of both.

`range` codes each magnitude with the table of its level and each hyper latent with the table of its context, by
constriction's range coder; signs, low bits and escapes follow as raw bits. `zstd` stores planar integers. Both give the
same integers back. Chunks of a mixed model have no hyper vectors. `formats/SPEC.md` says the same byte by byte.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from formats.container.layout import Coder
from formats.errors import DamagedError
from formats.grid import COEFFICIENTS, HYPER_MIN, HYPER_SIZE, hyper_count
from formats.model import contexts
from formats.model.indexing import scatter
from formats.model.plain_tables import PlainTables
from formats.model.scales import ranked
from formats.model.tables import MAGNITUDES, Tables
from formats.payload import bits, hyper_latents, side_info, zstd_coder
from formats.payload.bits import Cursor
from formats.payload.range_coder import RangeDecoder, RangeEncoder
from formats.payload.side_info import NO_ATTACKS, NO_LONG, NO_TURNS, SideInfo

AnyTables = Tables | PlainTables
"""Either kind of model."""

MAGNITUDE_LIMIT = 1 << 23
"""Largest magnitude of a main latent, far beyond any music: exact in float32, and no decoder overflows on it."""


@dataclass(frozen=True, eq=False)
class Latents:
    """The integers of one chunk.

    Attributes:
        hyper: int8 [G, 48], half octaves of band RMS; all 24 bands of mid (or side) at -32: that channel is silent.
            G is 0 for a mixed model.
        main: int32 [F, M], quantized values by rank.
        silence, attacks, turns, long: see `formats.payload.side_info.SideInfo`.
        index: int64 [F, M], which coefficients they are, where that has been worked out; None of a mixed model.
    """

    hyper: NDArray[np.int8]
    main: NDArray[np.int32]
    silence: NDArray[np.int64]
    attacks: NDArray[np.int64] = field(default_factory=NO_ATTACKS.copy)
    turns: NDArray[np.uint8] = field(default_factory=NO_TURNS.copy)
    long: NDArray[np.bool_] = field(default_factory=NO_LONG.copy)
    index: NDArray[np.int64] | None = None

    def peeled(self, main: int) -> "Latents":
        """The same chunk with its first `main` ranks only."""
        index = None if self.index is None else self.index[:, :main]
        return replace(self, main=self.main[:, :main], index=index)


def vector_count(frames: int, tables: AnyTables) -> int:
    """Hyper vectors of `frames` frames."""
    return hyper_count(frames) if isinstance(tables, Tables) else 0


def low_bits(level: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bits of a magnitude that are sent raw: none up to level 30, one more every octave from there."""
    return (np.maximum(level, np.uint8(27)) - np.uint8(27)) >> np.uint8(2)


@dataclass(frozen=True, eq=False)
class Ranking:
    """What says how main latents are coded: levels in rank order [F, M], and the coefficients they are of [F, M].

    `index` is None for a mixed model, whose latents are of no single coefficient.
    """

    level: NDArray[np.uint8]
    index: NDArray[np.int64] | None


def encode_payload(latents: Latents, gain: int, coder: Coder, tables: AnyTables, ranking: Ranking | None = None) -> bytes:
    """Payload of a chunk; `ranking`: from a caller that has worked it out already."""
    head = side_info.pack(SideInfo(latents.silence, latents.attacks, latents.turns, latents.long))
    if coder == Coder.ZSTD:
        return head + zstd_coder.encode(latents.hyper, latents.main)
    if ranking is None:
        frames, main = latents.main.shape
        ranking = _ranked(latents.hyper, frames, main, gain, tables)
    return head + _encode_range(latents, ranking, tables)


def decode_payload(payload: bytes, frames: int, main: int, gain: int, coder: Coder, tables: AnyTables) -> Latents:
    """Inverse of `encode_payload`.

    Raises:
        DamagedError: the bytes are not what `encode_payload` writes for `frames` frames of `main` main latents.
    """
    cursor = Cursor(payload)
    listed = side_info.read(cursor, frames)
    if coder == Coder.ZSTD:
        vectors, values = zstd_coder.decode(cursor.rest(), frames, vector_count(frames, tables), main)
        index = None
    else:
        vectors, values, index = _decode_range(cursor, frames, main, gain, tables)
    if values.size and not (values.min() >= -MAGNITUDE_LIMIT and values.max() <= MAGNITUDE_LIMIT):
        raise DamagedError("a chunk holds a value beyond its range")
    return Latents(vectors, values, *listed, index)


def _ranked(vectors: NDArray[np.int8], frames: int, main: int, gain: int, tables: AnyTables) -> Ranking:
    if isinstance(tables, PlainTables):
        return Ranking(tables.ranked(frames, main, gain), None)
    return Ranking(*ranked(vectors, frames, main, gain, tables))


def _passes(ranking: Ranking, tables: AnyTables, magnitude: NDArray[np.uint8]) -> Iterator[contexts.Pass]:
    """Passes over all main latents; a single one where the model's tables know no contexts."""
    if ranking.index is not None and tables.main.ndim == 3:
        return contexts.passes(ranking.level, ranking.index, magnitude)
    return iter([contexts.by_table(slice(None), ranking.level, len(tables.main))])


def _encode_range(latents: Latents, ranking: Ranking, tables: AnyTables) -> bytes:
    encoder = RangeEncoder()
    if isinstance(tables, Tables):
        hyper_latents.encode(latents.hyper, encoder, tables)
    shift = low_bits(ranking.level)
    seen = np.zeros(0, np.uint8)
    if ranking.index is not None:
        coarse = np.minimum(np.abs(latents.main) >> shift, MAGNITUDES - 1)
        seen = scatter(contexts.small(coarse << shift), ranking.index)
    parts = []
    for part in _passes(ranking, tables, seen):
        values, width = part.sort(latents.main), part.sort(shift)
        whole = np.abs(values) >> width
        encoder.rows(np.minimum(whole, MAGNITUDES - 1), part.counts, tables.main.reshape(-1, MAGNITUDES))
        parts.append((values, width, whole))
    values, width, whole = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    raw = np.concatenate(
        [
            bits.split(np.abs(values) & ((1 << width) - 1), width),
            *bits.escape(whole[whole >= MAGNITUDES - 1] - (MAGNITUDES - 1)),
            np.compress(values != 0, values < 0),
        ]
    )
    words = encoder.words()
    return bits.varints([len(words)]) + words.astype("<u4").tobytes() + np.packbits(raw).tobytes()


def _decode_range(
    cursor: Cursor, frames: int, main: int, gain: int, tables: AnyTables
) -> tuple[NDArray[np.int8], NDArray[np.int32], NDArray[np.int64] | None]:
    words = np.frombuffer(cursor.take(4 * cursor.varint()), "<u4").astype(np.uint32)
    decoder = RangeDecoder(words)
    if isinstance(tables, Tables):
        vectors = hyper_latents.decode(decoder, hyper_count(frames), tables)
    else:
        vectors = np.zeros((0, HYPER_SIZE), np.int8)
    ranking = _ranked(vectors, frames, main, gain, tables)
    shift = low_bits(ranking.level)
    seen = np.zeros((frames, COEFFICIENTS), np.uint8)
    coarse, width, at = np.empty(frames * main, np.int32), np.empty(frames * main, np.uint8), 0
    parts = []
    for part in _passes(ranking, tables, seen):
        here = slice(at, at := at + len(part.order))
        symbols, width[here] = coarse[here], part.sort(shift)
        decoder.rows(part.counts, tables.main.reshape(-1, MAGNITUDES), symbols)
        if ranking.index is not None and not part.last:
            small = contexts.small(symbols << width[here])
            seen[part.frames] = scatter(part.unsort(small, main), ranking.index[part.frames])
        parts.append((part, here))
    raw = bits.BitReader(cursor.rest())
    low = raw.join(width)
    escaped = coarse == MAGNITUDES - 1
    coarse[escaped] += raw.unescape(int(escaped.sum()))
    coarse <<= width
    coarse |= low
    nonzero, sign = np.flatnonzero(coarse != 0), np.ones(len(coarse), np.int8)
    sign[nonzero] -= 2 * raw.take(len(nonzero)).view(np.int8)
    coarse *= sign
    raw.finish()
    values = np.empty((frames, main), np.int32)
    for part, here in parts:
        values[part.frames] = part.unsort(coarse[here], main)
    return vectors, values, ranking.index


def silent_channels(vectors: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Where mid or side is digital silence: hyper [G, 48] -> [G, 2]."""
    return np.asarray((vectors.reshape(len(vectors), 2, HYPER_SIZE // 2) == HYPER_MIN).all(2))
