"""Between analysed chunks and payloads: quantize and code a chunk, or unpack a payload to its integers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from codec.pipeline.chunks import AnalysedChunk, source_samples
from codec.quantization.quantize import quantize, quantize_plain
from codec.runtime.models import Model
from formats import Chunk, Coder, Header
from formats.errors import DamagedError, FormatError
from formats.model import AnyTables
from formats.model.scales import RankedFrames, rank_segment, scales_at, segments
from formats.model.tables import Tables
from formats.payload import zstd_coder
from formats.payload.chunk import ChunkLatents, decode_payload, encode_payload

DOUBTFUL = 1.25
"""Times the range coder's size: where the estimate is larger, the zstd coder's result cannot be the smaller one.

That is so of some seconds, and not of every chunk of a song that begins."""


def encode_chunk(chunk: AnalysedChunk, main: int, gain: int, coder: Coder, tables: AnyTables) -> bytes:
    """The payload of a chunk with `main` quantization indices a frame, at a gain."""
    return encode_payload(quantize_chunk(chunk, main, gain, tables), gain, coder, tables)


class Tried(NamedTuple):
    """A chunk by the range coder, while it is open which coder the song has.

    Attributes:
        latents: its integers.
        payload: by the range coder.
        estimate: about how many bytes the zstd coder takes.
    """

    latents: ChunkLatents
    payload: bytes
    estimate: int


def try_coders(chunk: AnalysedChunk, main: int, gain: int, tables: AnyTables) -> Tried:
    """The payload of a chunk as `encode_chunk` makes it by the range coder, and an estimate for the zstd coder."""
    latents = quantize_chunk(chunk, main, gain, tables)
    estimate = len(zstd_coder.encode(latents.hyper, latents.indices, zstd_coder.FAST))
    return Tried(latents, encode_payload(latents, gain, Coder.RANGE, tables), estimate)


def quantize_chunk(chunk: AnalysedChunk, main: int, gain: int, tables: AnyTables) -> ChunkLatents:
    """The integers of a chunk: quantization indices of the `main` coefficients of highest scale in every frame.

    For a plain model they are those of the first `main` latents. Work on one segment stays in the processor's cache.
    """
    if not isinstance(tables, Tables):
        return ChunkLatents(chunk.hyper, quantize_plain(chunk.coefficients[:, :main], gain), chunk.side_info)
    parts = []
    for part, vectors in segments(chunk.hyper, len(chunk.coefficients), tables):
        frames = part.stop - part.start
        scale_index, position = rank_segment(vectors, frames, main, gain, tables)
        chosen = scales_at(vectors, frames, position)
        indices = quantize(chunk.coefficients[part], chosen, scale_index, position, gain, tables)
        parts.append((scale_index, position, indices))
    scale_index, position, indices = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return ChunkLatents(chunk.hyper, indices, chunk.side_info, RankedFrames(None, scale_index, position))


def check_tier(header: Header, model: Model) -> None:
    """Raise FormatError where a file has a tier that its model does not know."""
    if header.latent not in model.latents:
        known = ", ".join(map(str, model.latents))
        raise FormatError(f"the file has {header.latent} latents a frame; model {model.name} has tiers of {known}")


def unpack(header: Header, chunk: Chunk, model: Model) -> ChunkLatents:
    """The integers of a chunk.

    Raises:
        DamagedError: the payload is not what the header implies; its text names the chunk.
    """
    try:
        latents = decode_payload(
            chunk.payload, chunk.frames, model.main_count(header.latent), header.gain, header.coder, model.tables
        )
        # Spans that extend into later chunks would pile up from chunk to chunk.
        end = source_samples(header.chunk_length(chunk.index), header.sample_rate)
        if latents.side_info.silence.sum(1).max(initial=0) > end:
            raise DamagedError("it lists silence beyond its end")
        return latents
    except DamagedError as error:
        raise DamagedError(f"chunk {chunk.index} is damaged: {error}", chunk.index) from None
