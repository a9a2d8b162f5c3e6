"""Integers of a chunk <-> payload bytes: side information, then the `range` or the `zstd` coder.

    range   side information | words of the range coder (hyper latents, main symbols) | raw bits
    zstd    side information | width | zstd frame of integer planes

`range` codes each magnitude with the table of its context and scale index and each hyper latent with the table of its
context, by constriction's range coder; low bits, escapes and signs follow as raw bits. Both coders are lossless. Chunks
of a plain model have no hyper latents. `formats/SPEC.md` specifies both coders byte by byte.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from formats.container.header import Coder
from formats.errors import DamagedError
from formats.grid import COEFFICIENTS, HYPER_MIN, HYPER_SIZE, SCALES, hyper_count
from formats.model import AnyTables, PlainTables, contexts
from formats.model.indexing import scatter
from formats.model.scales import RankedFrames, rank_frames
from formats.model.tables import MAGNITUDES, Tables
from formats.payload import bits, hyper_latents, side_info, zstd_coder
from formats.payload.bits import Cursor
from formats.payload.range_coder import RangeDecoder, RangeEncoder
from formats.payload.side_info import SideInfo

MAGNITUDE_LIMIT = 1 << 23
"""Largest magnitude of a quantization index, far beyond any music: float32 holds it, and decoders do not overflow."""


@dataclass(frozen=True, eq=False)
class ChunkLatents:
    """The integers of one chunk of F frames.

    Attributes:
        hyper: int8 [G, 48] in -32...31, half octaves of band RMS; all 24 bands of mid (or of side) at -32 say that the
            channel is silent. G is 0 for a plain model.
        indices: int32 [F, M], quantization indices of the main latents, by rank.
        side_info: side information, which says how the signal was processed before coding.
        ranked: scales, scale indices and positions of the main latents, if they have been computed; None for a plain
            model.
    """

    hyper: NDArray[np.int8]
    indices: NDArray[np.int32]
    side_info: SideInfo
    ranked: RankedFrames | None = None

    def peeled(self, main: int) -> "ChunkLatents":
        """The same chunk with its first `main` main latents only."""
        ranked = self.ranked.peeled(main) if self.ranked else None
        return replace(self, indices=self.indices[:, :main], ranked=ranked)


def vector_count(frames: int, tables: AnyTables) -> int:
    """Hyper vectors of `frames` frames: 0 for a plain model."""
    return hyper_count(frames) if isinstance(tables, Tables) else 0


def raw_bit_count(scale_index: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bits of a magnitude that are sent raw: none up to scale index 30, and one more for every octave above."""
    return (np.maximum(scale_index, np.uint8(27)) - np.uint8(27)) >> np.uint8(2)


def silent_channels(hyper: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Where mid or side is digital silence: hyper [G, 48] -> [G, 2]."""
    return np.asarray((hyper.reshape(len(hyper), 2, HYPER_SIZE // 2) == HYPER_MIN).all(2))


def encode_payload(latents: ChunkLatents, gain: int, coder: Coder, tables: AnyTables) -> bytes:
    """The payload of a chunk; ranks are computed here if the coder needs them and `latents.ranked` is None."""
    head = side_info.pack(latents.side_info)
    if coder == Coder.ZSTD:
        return head + zstd_coder.encode(latents.hyper, latents.indices)
    return head + _encode_range(latents, gain, tables)


def decode_payload(payload: bytes, frames: int, main: int, gain: int, coder: Coder, tables: AnyTables) -> ChunkLatents:
    """Inverse of `encode_payload`; the result has `ranked` unless the tables are a plain model's.

    Raises:
        DamagedError: the bytes are not what `encode_payload` writes for `frames` frames of `main` main latents.
    """
    cursor = Cursor(payload)
    found = side_info.read(cursor, frames)
    if coder == Coder.ZSTD:
        hyper, indices = zstd_coder.decode(cursor.rest(), frames, vector_count(frames, tables), main)
        _, ranked = _rank(hyper, frames, main, gain, tables)
    else:
        hyper, indices, ranked = _decode_range(cursor, frames, main, gain, tables)
    if indices.size and not (indices.min() >= -MAGNITUDE_LIMIT and indices.max() <= MAGNITUDE_LIMIT):
        raise DamagedError("a chunk holds a value beyond its range")
    return ChunkLatents(hyper, indices, found, ranked)


def rank(latents: ChunkLatents, gain: int, tables: AnyTables) -> tuple[NDArray[np.uint8], RankedFrames | None]:
    """Scale indices of a chunk's main latents [F, M], and its ranked frames, which are computed if it has none yet."""
    if latents.ranked is not None:
        return latents.ranked.scale_index, latents.ranked
    frames, main = latents.indices.shape
    return _rank(latents.hyper, frames, main, gain, tables)


def _rank(
    hyper: NDArray[np.int8], frames: int, main: int, gain: int, tables: AnyTables
) -> tuple[NDArray[np.uint8], RankedFrames | None]:
    """Scale indices of all main latents [F, M], and the ranked frames, which are None for a plain model."""
    if isinstance(tables, PlainTables):
        return np.tile(tables.scale_indices(gain)[:main], (frames, 1)), None
    ranked = rank_frames(hyper, frames, main, gain, tables)
    return ranked.scale_index, ranked


def _passes(
    scale_index: NDArray[np.uint8], ranked: RankedFrames | None, magnitude: NDArray[np.uint8]
) -> Iterator[contexts.Pass]:
    """Passes over all main latents; for a plain model a single one, whose tables depend on the scale index alone."""
    if ranked is None:
        return iter([contexts.by_table(slice(None), scale_index, SCALES)])
    return contexts.passes(scale_index, ranked.position, magnitude)


def _encode_range(latents: ChunkLatents, gain: int, tables: AnyTables) -> bytes:
    encoder = RangeEncoder()
    if isinstance(tables, Tables):
        hyper_latents.encode(latents.hyper, encoder, tables)
    scale_index, ranked = rank(latents, gain, tables)
    shift = raw_bit_count(scale_index)
    magnitude = np.zeros(0, np.uint8)
    if ranked is not None:
        magnitude = scatter(contexts.small(np.abs(latents.indices) >> shift << shift), ranked.position)
    rows = tables.main.reshape(-1, MAGNITUDES)
    parts = []
    for part in _passes(scale_index, ranked, magnitude):
        values, width = part.sort(latents.indices), part.sort(shift)
        whole = np.abs(values) >> width
        encoder.rows(np.minimum(whole, MAGNITUDES - 1), part.counts, rows)
        parts.append((values, width, whole))
    values, width, whole = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    raw = np.concatenate(
        [
            bits.split(np.abs(values), width),
            *bits.escape(whole[whole >= MAGNITUDES - 1] - (MAGNITUDES - 1)),
            np.compress(values != 0, values < 0),
        ]
    )
    words = encoder.words()
    return bits.varints([len(words)]) + words.astype("<u4").tobytes() + np.packbits(raw).tobytes()


def _decode_range(
    cursor: Cursor, frames: int, main: int, gain: int, tables: AnyTables
) -> tuple[NDArray[np.int8], NDArray[np.int32], RankedFrames | None]:
    words = np.frombuffer(cursor.take(4 * cursor.varint()), "<u4").astype(np.uint32)
    decoder = RangeDecoder(words)
    if isinstance(tables, Tables):
        hyper = hyper_latents.decode(decoder, hyper_count(frames), tables)
    else:
        hyper = np.zeros((0, HYPER_SIZE), np.int8)
    scale_index, ranked = _rank(hyper, frames, main, gain, tables)
    shift = raw_bit_count(scale_index)
    magnitude = np.zeros((frames, COEFFICIENTS), np.uint8)
    rows = tables.main.reshape(-1, MAGNITUDES)
    coarse, width, end = np.empty(frames * main, np.int32), np.empty(frames * main, np.uint8), 0
    parts = []
    for part in _passes(scale_index, ranked, magnitude):
        here = slice(end, end := end + len(part.order))
        symbols, width[here] = coarse[here], part.sort(shift)
        decoder.rows(part.counts, rows, symbols)
        if ranked is not None and not part.last:
            small = contexts.small(symbols << width[here])
            magnitude[part.frames] = scatter(part.unsort(small, main), ranked.position[part.frames])
        parts.append((part, here))
    _read_raw_bits(bits.BitReader(cursor.rest()), coarse, width)
    indices = np.empty((frames, main), np.int32)
    for part, here in parts:
        indices[part.frames] = part.unsort(coarse[here], main)
    return hyper, indices, ranked


def _read_raw_bits(raw: bits.BitReader, coarse: NDArray[np.int32], width: NDArray[np.uint8]) -> None:
    """Read low bits, escapes and signs: main symbols [n], in coded order, become quantization indices in place."""
    low = raw.join(width)
    escaped = coarse == MAGNITUDES - 1
    coarse[escaped] += raw.unescape(int(escaped.sum()))
    coarse <<= width
    coarse |= low
    nonzero, sign = np.flatnonzero(coarse != 0), np.ones(len(coarse), np.int8)
    sign[nonzero] -= 2 * raw.take(len(nonzero)).view(np.int8)
    coarse *= sign
    raw.finish()
