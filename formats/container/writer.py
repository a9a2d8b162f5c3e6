"""Writing an .aez file, front to back, to anything that takes bytes."""

from __future__ import annotations

from typing import BinaryIO

from formats.container.checksum import stored_crc
from formats.container.chunk import Chunk, chunk_fault, pack_chunk_head
from formats.container.header import Header, pack_header
from formats.container.metadata import Metadata, pack_metadata
from formats.container.stream import write_all
from formats.container.trailer import Trailer, pack_trailer, trailer_fault
from formats.errors import UsageError


class Writer:
    """Writes header and metadata at once, then chunk by chunk, and the trailer at the end; never seeks.

    Attributes:
        coded_size: bytes written so far; after `finish`, the size of the whole file.
        frames: frames written so far.

    Raises:
        UsageError: a field is out of its range, or the chunks do not follow each other; OSError: as the file object
        raises it.
    """

    def __init__(self, fo: BinaryIO, header: Header, metadata: Metadata | None = None) -> None:
        self._fo = fo
        self._header = header
        self._lengths: list[int] = []
        self._finished = False
        self.frames = 0
        self.coded_size = 0
        # Both are packed before either is written, so that an error in one leaves no half file.
        head = pack_header(header)
        self._header_crc = stored_crc(head)
        self._put(head + pack_metadata(metadata or Metadata(), self._header_crc))

    @property
    def chunk_count(self) -> int:
        """Chunks written so far."""
        return len(self._lengths)

    def write(self, chunk: Chunk) -> None:
        """Write the next chunk; only the last one may have fewer frames than `Header.chunk_length`."""
        if self._finished:
            raise UsageError("the file is finished")
        if chunk.index != self.chunk_count or self.frames != self._header.chunk_start(chunk.index):
            raise UsageError(f"chunk {chunk.index} cannot follow {self.frames} frames in {self.chunk_count} chunks")
        fault = chunk_fault(self._header, chunk.index, chunk.first_frame, chunk.frames, len(chunk.payload))
        if fault or self.frames + chunk.frames >= 2**32:
            raise UsageError(f"chunk {chunk.index} cannot be written: {fault or 'the file has too many frames'}")
        self._put(pack_chunk_head(chunk, self._header_crc))
        self._put(chunk.payload)
        self._lengths.append(len(chunk.payload))
        self.frames += chunk.frames

    def finish(self, samples: int) -> None:
        """Write the trailer.

        Args:
            samples: samples per channel at the source's rate, equal to the header's if that has a number. They must
                take exactly the frames that were written (`Header.frames_for`).
        """
        if self._finished:
            raise UsageError("the file is finished")
        trailer = Trailer(self.frames, samples, tuple(self._lengths))
        fault = trailer_fault(self._header, trailer)
        if samples < 0 or fault:
            raise UsageError(f"the file cannot be finished: {fault or f'it cannot have {samples} samples'}")
        self._put(pack_trailer(trailer, self._header_crc))
        self._finished = True

    def _put(self, data: bytes) -> None:
        write_all(self._fo, data)
        self.coded_size += len(data)
