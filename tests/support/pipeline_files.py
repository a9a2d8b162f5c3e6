"""What tests of whole songs have in common: reading integers back, rewriting files, and pipes."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from codec.pipeline import payload
from codec.runtime import models
from formats import Chunk, Reader, Writer
from formats.grid import HOP, SAMPLE_RATE
from formats.payload.chunk import ChunkLatents
from formats.payload.side_info import SideInfo
from tests.support.codec import Array


def unpacked(data: bytes) -> ChunkLatents:
    """All integers of a file as one chunk; silence in samples of the song, what a chunk's end parts joined.

    Spans of gain control are left as they stand in their chunks.
    """
    reader = Reader(io.BytesIO(data))
    model = models.by_id(reader.header.bitstream)
    parts, silence = [], []
    for chunk in reader:
        parts.append(payload.unpack(reader.header, chunk, model))
        origin = reader.header.chunk_start(chunk.index) * HOP * reader.header.sample_rate // SAMPLE_RATE
        for start, length in parts[-1].side_info.silence.tolist():
            if silence and sum(silence[-1]) == origin + start:
                silence[-1][1] += length
            else:
                silence.append([origin + start, length])
    _, *others = (np.concatenate(arrays) for arrays in zip(*(part.side_info for part in parts), strict=True))
    return ChunkLatents(
        np.concatenate([part.hyper for part in parts]),
        np.concatenate([part.indices for part in parts]),
        SideInfo(np.array(silence, np.int64).reshape(-1, 2), *others),
    )


def rewritten(data: bytes, change: Callable[[Chunk], Chunk] = lambda chunk: chunk, **fields: Any) -> bytes:
    """A file with other header fields or chunks, and good checksums."""
    reader, out = Reader(io.BytesIO(data)), io.BytesIO()
    writer = Writer(out, replace(reader.header, **fields), reader.metadata)
    for chunk in reader:
        writer.write(change(chunk))
    writer.finish(reader.samples or 0)
    return out.getvalue()


def snr(wanted: Array, got: Array) -> float:
    """Signal to noise ratio in dB."""
    error = np.sum((wanted - got).astype(float) ** 2)
    return float(10 * np.log10(np.sum(wanted.astype(float) ** 2) / error))


class Pipe(io.RawIOBase):
    """A file object that can only be read, or only be written, front to back; and in small pieces."""

    def __init__(self, data: bytes = b"") -> None:
        self.data, self.at = bytearray(data), 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.data[self.at :][: min(len(buffer), 4099)]
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)

    def write(self, data: Any) -> int:
        self.data += bytes(data)[:4099]
        return min(len(data), 4099)
