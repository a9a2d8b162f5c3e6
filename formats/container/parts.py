"""The parts of an .aez file, read one by one and each checked against the header and its checksum."""

from __future__ import annotations

from functools import cached_property
from typing import BinaryIO

from formats.container.checksum import crc32c, stored_crc
from formats.container.chunk import Chunk, chunk_fault, unpack_chunk_head
from formats.container.header import unpack_header
from formats.container.layout import (
    CHUNK_SIZE,
    CHUNK_SYNC,
    CRC_SIZE,
    FOOTER_SIZE,
    HEADER_SIZE,
    METADATA_SIZE,
    TRAILER_SIZE,
    TRAILER_SYNC,
)
from formats.container.metadata import Metadata, metadata_rest, unpack_metadata
from formats.container.stream import EndsEarlyError, Source
from formats.container.trailer import (
    Trailer,
    footer_length,
    trailer_chunks,
    trailer_fault,
    trailer_size,
    unpack_trailer,
)
from formats.errors import DamagedError, FormatError

SYNCS = (CHUNK_SYNC, TRAILER_SYNC)


class Parts:
    """Reads the parts of a file from the current position of a file object; opening reads the header only.

    Attributes:
        source: where the bytes come from; every method except `metadata` and `last` reads on from its position.
        header: the file's header.
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
        """Whether the source can seek."""
        return self.source.size is not None

    def metadata(self) -> Metadata:
        """Tags and cover, which are read at the first call.

        Raises:
            FormatError: they are damaged; every call raises it.
        """
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
        """Byte at which the chunks begin.

        Raises:
            FormatError: the metadata are damaged.
        """
        self.metadata()
        return self._chunks_at

    def next_sync(self) -> int | None:
        """Go on to the next sync word of a chunk or a trailer, and return its byte; None if there is none."""
        return self.source.position if self.source.find(SYNCS) else None

    def chunk(self, start: bytes, expected: int) -> Chunk:
        """The chunk that begins with these bytes.

        Raises:
            DamagedError: the chunk is damaged; named by the `expected` index, because its own may be wrong.
        """
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
        """The trailer that begins with these bytes at byte `at`.

        Raises:
            DamagedError: it is damaged, or contradicts itself or the header.
        """
        count = trailer_chunks(start[:TRAILER_SIZE])
        if count * CHUNK_SIZE > at:  # checked first, because a false count would make the read below long
            raise DamagedError(f"the trailer counts {count} chunks, which the file does not have")
        trailer = unpack_trailer(start + self.source.exactly(trailer_size(count) - len(start)), self._crc)
        fault = trailer_fault(self.header, trailer)
        if fault:
            raise DamagedError(fault)
        return trailer

    @cached_property
    def last(self) -> Trailer | DamagedError | None:
        """The trailer at the end of the file; None if it is missing or damaged, or if the source is a pipe.

        A trailer whose checksum matches but whose numbers contradict each other or the file is a DamagedError, which is
        returned and not raised.
        """
        end = (self.source.size or 0) - FOOTER_SIZE
        if end < HEADER_SIZE:
            return None
        self.source.seek(end)
        footer = self.source.exactly(FOOTER_SIZE)
        start = end - footer_length(footer)
        # Checked before the read that a false length would make long: every indexed chunk takes at least its head.
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
