"""The parts of an .aez file, read one by one and each checked against the header and its checksum."""

from __future__ import annotations

from functools import cached_property
from typing import BinaryIO

from formats.container.layout import (
    CHUNK_SIZE,
    CHUNK_SYNC,
    CRC_SIZE,
    FOOTER_SIZE,
    HEADER_SIZE,
    METADATA_SIZE,
    TRAILER_SIZE,
    TRAILER_SYNC,
    Chunk,
    Trailer,
    chunk_fault,
    crc32c,
    footer_length,
    stored_crc,
    trailer_chunks,
    trailer_fault,
    trailer_size,
    unpack_chunk_head,
    unpack_header,
    unpack_trailer,
)
from formats.container.metadata import Metadata, metadata_rest, unpack_metadata
from formats.container.stream import EndsEarlyError, Source
from formats.errors import DamagedError, FormatError

SYNCS = (CHUNK_SYNC, TRAILER_SYNC)


class Parts:
    """Reads parts of a file from where a source stands; opening reads the header and nothing else.

    source     of the bytes; every method but `metadata` and `last` reads on from where it stands
    header     of the file
    """

    def __init__(self, fo: BinaryIO) -> None:
        self.source = Source(fo)
        data = self.source.take(HEADER_SIZE)
        self.header = unpack_header(data)
        self._crc = stored_crc(data)
        self._metadata: Metadata | FormatError | None = None
        self._chunks_at = 0

    @property
    def seekable(self) -> bool:
        """Whether the source can go to any place of the file."""
        return self.source.size is not None

    def metadata(self) -> Metadata:
        """Tags and cover, read at the first call. FormatError: they are damaged, at every call."""
        source = self.source
        if self._metadata is None:
            source.seek(HEADER_SIZE)
            source.mark()
            try:
                head = source.exactly(METADATA_SIZE)
                self._metadata = unpack_metadata(head + source.exactly(metadata_rest(head)), self._crc)
                self._chunks_at = source.position
                source.unmark()
            except FormatError as error:
                cut = isinstance(error, EndsEarlyError)
                self._metadata = DamagedError("the file ends in its metadata") if cut else error
                source.back(0)  # so that salvage of a pipe can look for chunks from here
        if isinstance(self._metadata, FormatError):
            raise self._metadata
        return self._metadata

    def first_chunk(self) -> int:
        """Byte at which the chunks begin. FormatError: the metadata are damaged."""
        self.metadata()
        return self._chunks_at

    def next_sync(self) -> int | None:
        """Go on to the next sync word of a chunk or a trailer, and return its byte; None: there is none."""
        return self.source.position if self.source.find(SYNCS) else None

    def chunk(self, start: bytes, expected: int) -> Chunk:
        """The chunk that begins with these bytes; a DamagedError names it as expected: its own index may be wrong."""
        if not start.startswith(CHUNK_SYNC):
            raise DamagedError(f"chunk {expected} is damaged: it does not begin where it should", expected)
        head = unpack_chunk_head(start)
        fault = chunk_fault(self.header, head.index, head.first_frame, head.frames, head.length)
        if fault:
            raise DamagedError(f"chunk {expected} is damaged: {fault}", expected)
        payload = self.source.exactly(head.length)
        if crc32c(start[:-CRC_SIZE], payload, start=self._crc) != head.crc:
            raise DamagedError(f"chunk {expected} is damaged: its checksum does not match", expected)
        return Chunk(head.index, head.first_frame, head.frames, payload)

    def trailer(self, start: bytes, at: int) -> Trailer:
        """The trailer that begins with these bytes at byte `at`. DamagedError: it is damaged, or contradicts itself."""
        count = trailer_chunks(start[:TRAILER_SIZE])
        if count * CHUNK_SIZE > at:  # before anything is read that a false count would make long
            raise DamagedError(f"the trailer counts {count} chunks, which the file does not have")
        trailer = unpack_trailer(start + self.source.exactly(trailer_size(count) - len(start)), self._crc)
        fault = trailer_fault(self.header, trailer)
        if fault:
            raise DamagedError(fault)
        return trailer

    @cached_property
    def last(self) -> Trailer | DamagedError | None:
        """What stands at the end of the file: its trailer; None where there is none that is undamaged, and of a pipe.

        DamagedError (returned): a trailer whose checksum holds and whose numbers contradict each other or the file.
        """
        end = (self.source.size or 0) - FOOTER_SIZE
        if end < HEADER_SIZE:
            return None
        self.source.seek(end)
        footer = self.source.exactly(FOOTER_SIZE)
        start = end - footer_length(footer)
        # Before anything is read that a false length would make long: every chunk of the index takes its head's bytes.
        if start < HEADER_SIZE or end - start > trailer_size(start // CHUNK_SIZE):
            return None
        self.source.seek(start)
        try:
            trailer = unpack_trailer(self.source.exactly(end - start) + footer, self._crc)
        except DamagedError:
            return None
        fault = trailer_fault(self.header, trailer)
        if not fault and HEADER_SIZE + METADATA_SIZE + trailer.span > start:
            fault = "the trailer counts more bytes of chunks than the file has"
        return DamagedError(fault) if fault else trailer
