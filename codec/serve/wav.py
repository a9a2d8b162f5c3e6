"""A song as a wav of 16 bits that can be asked for in parts: only what is asked for is decoded.

The wav is never written anywhere. It is cut into pieces of PIECE samples, of which the last few are kept, and a
response holds no more than a slice of one, so that memory does not grow with the listeners, fast or slow.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from codec.audio.sink import integers, interleaved
from codec.dsp.mdct import Float
from codec.files import named_reader
from codec.pipeline.decode import decode
from codec.pipeline.plan import DecodePlan
from codec.pipeline.workers import Engine
from codec.serve.shared import Shared
from formats import Reader
from formats.errors import DamagedError, UsageError

PIECE = 1 << 19
"""Samples per channel of a piece: 12 s at 44.1 kHz, 2 MB in stereo."""

KEPT = 16
"""Pieces that are kept."""

DECODING = 2
"""Pieces that are decoded at a time; each uses the engine's threads."""

SLICE = 1 << 16
"""Bytes that are sent at once."""

HEADER = 44
"""Bytes before the first sample."""


@dataclass(frozen=True)
class Wav:
    """A song's wav.

    Attributes:
        path: the .aez file that it is decoded from.
        changed: its modification time in nanoseconds.
        rate, channels, samples: of the song; samples per channel.
        model: folder of the model that decodes it; None for the installed one that has its bitstream.
    """

    path: Path
    changed: int
    rate: int
    channels: int
    samples: int
    model: str | None = None

    @classmethod
    def of(cls, path: Path, named: Callable[[bytes], str | None] = lambda _: None) -> Wav:
        """Look at an .aez file; `named` gives the folder of the model of a bitstream where the user named one.

        Raises:
            FormatError: it is none, or damaged; UsageError: its wav would pass 4 GiB; OSError.
        """
        with named_reader(path) as file:
            reader = Reader(file)
            if not reader.complete or reader.samples is None:
                raise DamagedError("the file is damaged: it ends early")
            header, changed = reader.header, path.stat().st_mtime_ns
            wav = cls(
                path, changed, header.sample_rate, header.channels, reader.samples, named(header.bitstream)
            )  # fmt: skip
        if wav.size >= 1 << 32:
            raise UsageError("the song is too long for a wav, which holds 4 GiB")
        return wav

    @property
    def frame(self) -> int:
        """Bytes of a sample of all channels."""
        return 2 * self.channels

    @property
    def size(self) -> int:
        """Bytes of the whole wav."""
        return HEADER + self.samples * self.frame

    @property
    def header(self) -> bytes:
        """The bytes before the samples."""
        data = self.samples * self.frame
        speed = self.rate * self.frame
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, self.channels, self.rate, speed, self.frame, 16)
        return struct.pack("<4sI4s", b"RIFF", self.size - 8, b"WAVE") + form + struct.pack("<4sI", b"data", data)

    def piece(self, index: int, engine: Engine, report: Callable[[str], None]) -> bytes:
        """Decode one piece of PIECE samples, the last one shorter, to the bytes that stand in the wav.

        Damaged parts are silence, and `report` is called with a line about each.

        Raises:
            AezError: the file was changed since, or is damaged as a whole; ModelError: its model is missing; OSError.
        """
        start = index * PIECE
        count = min(PIECE, self.samples - start)
        sink = _Integers()
        start_at, duration = start / self.rate, count / self.rate
        plan = DecodePlan.make(start=start_at, duration=duration, model=self.model, salvage=True)
        with named_reader(self.path) as file:
            done = decode(file, sink, plan, engine=engine)
        for what in (*done.losses, *done.damage):
            report(f"{self.path}: damaged, and silent there: {what}")
        data = b"".join(sink.blocks)
        if len(data) != count * self.frame:
            raise DamagedError("the file is damaged or was changed: a part has another length than it says")
        return data


class _Integers:
    """Takes decoded blocks as interleaved integers of 16 bits."""

    clipped = 0

    def __init__(self) -> None:
        self.blocks: list[bytes] = []

    def write(self, block: Float) -> None:
        samples, _ = integers(block, 16)
        self.blocks.append(interleaved(samples).astype("<i2", copy=False).tobytes())


class Wavs:
    """Decodes parts of wavs for all listeners of a server."""

    def __init__(self, engine: Engine, report: Callable[[str], None] = lambda _: None) -> None:
        """Nothing is decoded yet; `report` is called with a line about what is damaged."""
        self._engine, self._report = engine, report
        self._pieces: Shared[bytes] = Shared(DECODING, KEPT)

    async def part(self, wav: Wav, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes of a wav from `start` up to, but not including, `end`, in slices.

        Raises:
            AezError, OSError: as `Wav.piece`.
        """
        if start < HEADER:
            yield wav.header[start:end]
        at = max(start, HEADER) - HEADER
        size = PIECE * wav.frame
        while at < end - HEADER:
            index, low = divmod(at, size)
            make = functools.partial(wav.piece, index, self._engine, self._report)
            piece = await self._pieces.get((wav, index), make)
            slice_ = piece[low : min(low + SLICE, end - HEADER - index * size)]
            del piece  # while the listener takes the slice, only what is shared stays in memory
            yield slice_
            at += len(slice_)


def byte_range(asked: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte that a Range header asks for, and the one behind the last; None for the whole.

    A header with several parts, or one that is no range of bytes, counts as none, as RFC 9110 allows.

    Raises:
        ValueError: the range lies beyond the end.
    """
    found = re.fullmatch(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", asked or "")
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size:
        raise ValueError("the range begins beyond the end")
    return start, end
