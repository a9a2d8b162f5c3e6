"""Integers of a chunk <-> payload bytes: the `range` and the `zstd` coder, and the silence list in front of both.

`range` codes each magnitude with the table of its level and each hyper latent with the table of its context, by
constriction's range coder; signs, low bits and escapes follow as raw bits. `zstd` stores planar integers. Both give the
same integers back. Chunks of a mixed model have no hyper vectors. `formats/SPEC.md` says the same byte by byte.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from formats import bits, hyper, planar
from formats.bits import Cursor
from formats.errors import DamagedError
from formats.grid import FLOOR, HYPER, hyper_count
from formats.layout import Coder
from formats.levels import levels, log_sigma, ranks
from formats.mixed import MixedTables
from formats.symbols import SymbolDecoder, SymbolEncoder
from formats.tables import MAGNITUDES, Tables

AnyTables = Tables | MixedTables
"""Either kind of model."""

SILENCE_LIMIT = 4096
"""Most silent stretches a chunk may list."""

MAGNITUDE_LIMIT = 1 << 23
"""Largest magnitude of a main latent, far beyond any music: exact in float32, and no decoder overflows on it."""


@dataclass(frozen=True, eq=False)
class Latents:
    """The integers of one chunk.

    Attributes:
        hyper: int8 [G, 48], half octaves of band RMS; all 24 bands of mid (or side) at -32: that channel is silent.
            G is 0 for a mixed model.
        main: int32 [F, M], quantized values by rank.
        silence: int64 [n, 2], stretches (start, length) of digital silence in source samples from the chunk's start.
    """

    hyper: NDArray[np.int8]
    main: NDArray[np.int32]
    silence: NDArray[np.int64]

    def peeled(self, main: int) -> "Latents":
        """The same chunk with its first `main` ranks only."""
        return Latents(self.hyper, self.main[:, :main], self.silence)


def vector_count(frames: int, tables: AnyTables) -> int:
    """Hyper vectors of `frames` frames."""
    return hyper_count(frames) if isinstance(tables, Tables) else 0


def low_bits(level: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Bits of a magnitude that are sent raw: none up to level 30, one more every octave from there."""
    return ((np.maximum(level, 27) - 27) // 4).astype(np.int64)


def encode(
    latents: Latents, gain: int, coder: Coder, tables: AnyTables, ranked: NDArray[np.uint8] | None = None
) -> bytes:
    """Payload of a chunk; `ranked`: levels in rank order [F, M], from a caller that has worked them out already."""
    head = bits.varints([len(latents.silence), *_gaps(latents.silence)])
    if coder == Coder.ZSTD:
        return head + planar.encode(latents.hyper, latents.main)
    if ranked is None:
        frames, main = latents.main.shape
        ranked = _ranked(latents.hyper, frames, main, gain, tables)
    return head + _encode_range(latents, ranked.ravel(), tables)


def decode(payload: bytes, frames: int, main: int, gain: int, coder: Coder, tables: AnyTables) -> Latents:
    """Inverse of `encode`.

    Raises:
        DamagedError: the bytes are not what `encode` writes for `frames` frames of `main` main latents.
    """
    cursor = Cursor(payload)
    silence = _read_silence(cursor)
    if coder == Coder.ZSTD:
        vectors, values = planar.decode(cursor.rest(), frames, vector_count(frames, tables), main)
    else:
        vectors, values = _decode_range(cursor, frames, main, gain, tables)
    if values.size and not (values.min() >= -MAGNITUDE_LIMIT and values.max() <= MAGNITUDE_LIMIT):
        raise DamagedError("a chunk holds a value beyond its range")
    return Latents(vectors, values, silence)


def _gaps(silence: NDArray[np.int64]) -> list[int]:
    out, end = [], 0
    for start, length in silence.tolist():
        out += [start - end, length]
        end = start + length
    return out


def _read_silence(cursor: Cursor) -> NDArray[np.int64]:
    count = cursor.varint()
    if count > SILENCE_LIMIT:
        raise DamagedError("a chunk lists more silence than a chunk can hold")
    out, end = np.zeros((count, 2), np.int64), 0
    for row in out:
        row[0] = end + cursor.varint()
        row[1] = cursor.varint()
        end = int(row.sum())
        if end >= 1 << 40:
            raise DamagedError("a chunk lists silence beyond its end")
    return out


def _ranked(vectors: NDArray[np.int8], frames: int, main: int, gain: int, tables: AnyTables) -> NDArray[np.uint8]:
    """Levels in rank order [F, M]."""
    if isinstance(tables, MixedTables):
        return tables.ranked(frames, main, gain)
    level = levels(log_sigma(vectors, frames, tables), gain, tables)
    return np.take_along_axis(level, ranks(level, main), 1)


def _by_level(ranked: NDArray[np.uint8], tables: AnyTables) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A stable order of levels [F M], and how many there are of each."""
    return np.argsort(ranked, kind="stable"), np.bincount(ranked, minlength=len(tables.main))


def _encode_range(latents: Latents, level: NDArray[np.uint8], tables: AnyTables) -> bytes:
    order, counts = _by_level(level, tables)
    encoder = SymbolEncoder()
    if isinstance(tables, Tables):
        hyper.encode(latents.hyper, encoder, tables)
    values = latents.main.ravel()[order]
    shift = low_bits(level[order])
    magnitude = np.abs(values)
    coarse = magnitude >> shift
    symbols = np.minimum(coarse, MAGNITUDES - 1)
    encoder.rows(symbols, counts, tables.main)
    over = coarse[symbols == MAGNITUDES - 1] - (MAGNITUDES - 1)
    nonzero = magnitude > 0
    raw = np.concatenate(
        [
            bits.split(magnitude & ((1 << shift) - 1), shift),
            *bits.escape(over),
            (values[nonzero] < 0).astype(np.uint8),
        ]
    )
    words = encoder.words()
    return bits.varints([len(words)]) + words.astype("<u4").tobytes() + np.packbits(raw).tobytes()


def _decode_range(
    cursor: Cursor, frames: int, main: int, gain: int, tables: AnyTables
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    words = np.frombuffer(cursor.take(4 * cursor.varint()), "<u4").astype(np.uint32)
    decoder = SymbolDecoder(words)
    if isinstance(tables, Tables):
        vectors = hyper.decode(decoder, hyper_count(frames), tables)
    else:
        vectors = np.zeros((0, HYPER), np.int8)
    level = _ranked(vectors, frames, main, gain, tables).ravel()
    order, counts = _by_level(level, tables)
    symbols = decoder.rows(counts, tables.main)
    shift = low_bits(level[order])
    raw = bits.BitReader(cursor.rest())
    low = raw.join(shift)
    escaped = symbols == MAGNITUDES - 1
    coarse = symbols.astype(np.int64)
    coarse[escaped] += raw.unescape(int(escaped.sum()))
    magnitude = (coarse << shift) | low
    nonzero = magnitude > 0
    magnitude[nonzero] *= 1 - 2 * raw.take(int(nonzero.sum())).astype(np.int64)
    raw.finish()
    values = np.empty(frames * main, np.int32)
    values[order] = magnitude
    return vectors, values.reshape(frames, main)


def silent_channels(vectors: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Where mid or side is digital silence: hyper [G, 48] -> [G, 2]."""
    return np.asarray((vectors.reshape(len(vectors), 2, HYPER // 2) == FLOOR).all(2))
