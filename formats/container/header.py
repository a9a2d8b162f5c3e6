"""The header of an .aez file: what a reader must know before the first chunk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from construct import Int16ul

from formats import grid
from formats.container.checksum import is_sealed, seal
from formats.container.layout import HEADER, HEADER_SIZE, MAGIC, RATES, UNKNOWN, VERSION
from formats.errors import DamagedError, ForeignError, FormatError, UsageError, VersionError
from formats.grid import (
    COEFFICIENTS,
    GAIN_LIMIT,
    HOP,
    HYPER_PER_FRAME,
    MAX_CHUNK,
    SAMPLE_RATE,
    SEGMENT,
    frame_count,
)


class Coder(IntEnum):
    """How the payloads of a file are coded."""

    ZSTD = 1
    RANGE = 2


@dataclass(frozen=True)
class Header:
    """What a reader must know before the first chunk.

    Attributes:
        sample_rate: Hz of the source, 100 to 1,000,000.
        channels: channels of the source, 1 or 2.
        samples: samples per channel of the source; None if they were not known when the header was written.
        latent: latents per frame, 16 to 1416.
        hop: samples per frame at 44.1 kHz: 700.
        chunk_frames: frames of the longest chunks, 126 to 2520 in whole segments of 126. The first chunk has 126, and
            each of the next twice as many as the one before, up to this; the last one may have fewer.
        gain: -512 to 512; d = 2**(-gain / 32) scales every quantizer step.
        coder: coder of the payloads.
        bitstream: 8-byte id of the tables that the payloads are coded with; see `formats.model`.
        encoder_version: "major.minor.patch", each 0 to 255.
        file_id: 32 bits, a number that is likely to differ from file to file.
        flags: 16 bits, none of which is defined.
    """

    sample_rate: int
    channels: int
    samples: int | None
    latent: int
    hop: int
    chunk_frames: int
    gain: int
    coder: Coder
    bitstream: bytes
    encoder_version: str
    file_id: int = 0
    flags: int = 0

    @property
    def payload_limit(self) -> int:
        """Most bytes of a payload of this file: four for each of its integers, and room for side information."""
        return 4 * self.chunk_frames * self.latent + 4096

    def chunk_start(self, index: int) -> int:
        """First frame of a chunk."""
        return grid.chunk_start(index, self.chunk_frames)

    def chunk_length(self, index: int) -> int:
        """Frames of a chunk that is not the last one."""
        return grid.chunk_length(index, self.chunk_frames)

    def chunk_at(self, frame: int) -> int:
        """Index of the chunk that holds a frame."""
        return grid.chunk_at(frame, self.chunk_frames)

    def chunk_count(self, frames: int) -> int:
        """Chunks of a file of `frames` frames."""
        return grid.chunk_count(frames, self.chunk_frames)

    def frames_for(self, samples: int) -> int:
        """Frames of a song of `samples` samples at the source's rate, which is resampled to 44.1 kHz first."""
        return frame_count((2 * samples * SAMPLE_RATE + self.sample_rate) // (2 * self.sample_rate))


def header_fault(header: Header) -> str | None:
    """What is wrong with a header, in words; None where nothing is."""
    rules = (
        (header.sample_rate in RATES, f"a sample rate of {header.sample_rate} Hz"),
        (header.channels in (1, 2), f"{header.channels} channels"),
        (header.samples is None or 0 <= header.samples < UNKNOWN, f"{header.samples} samples"),
        (HYPER_PER_FRAME <= header.latent <= HYPER_PER_FRAME + COEFFICIENTS, f"{header.latent} latents per frame"),
        (header.hop == HOP, f"a hop of {header.hop} samples"),
        (
            0 < header.chunk_frames <= MAX_CHUNK and header.chunk_frames % SEGMENT == 0,
            f"chunks of {header.chunk_frames} frames",
        ),
        (abs(header.gain) <= GAIN_LIMIT, f"a gain of {header.gain}"),
        (len(header.bitstream) == 8, f"a bitstream id of {len(header.bitstream)} bytes"),
        (0 <= header.file_id < 2**32, f"a file id of {header.file_id:#x}"),
        (0 <= header.flags < 2**16, f"flags {header.flags:#x}"),
    )
    return next((f"an .aez file cannot have {words}" for good, words in rules if not good), None)


_PLAIN_FIELDS = (
    "flags", "sample_rate", "bitstream", "latent", "hop", "chunk_frames", "gain", "channels", "file_id",
)  # fmt: skip
"""Header fields that the file stores without conversion."""


def pack_header(header: Header) -> bytes:
    """Bytes of a header.

    Raises:
        UsageError: a field is out of its range.
    """
    fault = header_fault(header)
    if fault:
        raise UsageError(fault)
    numbers = [int(part) for part in header.encoder_version.split(".") if re.fullmatch("[0-9]{1,3}", part)]
    if header.encoder_version != ".".join(map(str, numbers)) or len(numbers) != 3 or max(numbers) > 255:
        raise UsageError(f"an encoder version is three numbers up to 255, not {header.encoder_version!r}")
    fields = {name: getattr(header, name) for name in _PLAIN_FIELDS}
    fields |= {"version": VERSION, "coder": int(header.coder), "encoder_version": numbers}
    fields["samples"] = UNKNOWN if header.samples is None else header.samples
    return seal(HEADER.build(fields))


def unpack_header(data: bytes) -> Header:
    """Header from the first `HEADER_SIZE` bytes of a file, or from all of them if it has fewer.

    Raises:
        ForeignError: this is not an .aez file; VersionError: it has a newer format; DamagedError: the checksum does not
        match, or the header is cut.
    """
    if not data or data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise ForeignError("this is not an .aez file")
    start = len(MAGIC) + Int16ul.sizeof()
    if len(data) >= start:
        version = Int16ul.parse(data[len(MAGIC) : start])
        if version > VERSION:
            raise VersionError(
                f"the file has format version {version}, this aez reads {VERSION}: a newer aez is needed"
            )
        if version == 0:
            raise FormatError("the file has format version 0, which does not exist")
    if len(data) < HEADER_SIZE:
        raise DamagedError("the file ends in its header")
    if not is_sealed(data):
        raise DamagedError("the header is damaged: its checksum does not match, and nothing can be read without it")
    fields = HEADER.parse(data)
    try:
        coder = Coder(fields.coder)
    except ValueError:
        raise VersionError(f"the file is coded by coder {fields.coder}: a newer aez is needed") from None
    header = Header(
        **{name: fields[name] for name in _PLAIN_FIELDS},
        samples=None if fields.samples == UNKNOWN else fields.samples,
        coder=coder,
        encoder_version=".".join(map(str, fields.encoder_version)),
    )
    fault = header_fault(header)
    if fault:
        raise FormatError(fault)
    return header
