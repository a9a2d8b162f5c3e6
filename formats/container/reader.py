"""Reading an .aez file: in order from a pipe, or any chunk of a file that can seek; nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    trailer_chunks,
    trailer_size,
    unpack_chunk_head,
    unpack_header,
    unpack_trailer,
)
from formats.container.metadata import Metadata, metadata_rest, unpack_metadata
from formats.container.stream import EndsEarlyError, Source
from formats.errors import DamagedError, FormatError, UsageError

FALSE_SYNCS = 1024
"""Sync words without a good chunk behind them that `salvage` looks into; more are no accident, and cost time."""

VAIN = 2**27
"""Bytes behind such words that `salvage` reads before it gives up."""


class Reader:
    """An .aez file, from where the file object stands; opening reads the header and nothing else.

    Iterating gives the chunks in order, each checked, from any file object; one that can seek may be iterated again.
    A file that was cut gives the chunks it has and ends quietly: `complete` then says False, and `verify` raises.
    Bytes that are wrong raise DamagedError (FormatError where their checksum holds); `salvage` steps over them.

    The properties below that need the trailer know it at once where the file can seek; of a pipe they are None until
    it was read to its end. Where a file has no good trailer they speak of the chunks it still has.

    Raises FormatError, or VersionError or DamagedError of its family, whatever the bytes; UsageError where a pipe is
    asked to seek; OSError as the file object raises it.
    """

    def __init__(self, fo: BinaryIO) -> None:
        self._source = Source(fo)
        self.header = unpack_header(self._source.take(HEADER_SIZE))
        self._metadata: Metadata | FormatError | None = None
        self._chunks_at = 0
        self._started = False
        self._reached: Trailer | None = None

    @property
    def metadata(self) -> Metadata:
        """Tags and cover; read when first asked for, or on the way to the first chunk. FormatError: damaged."""
        return self._read_metadata()

    @property
    def complete(self) -> bool:
        """Whether the file has its trailer, and the trailer is good; of a pipe, whether it was read so far."""
        return self._trailer is not None

    @property
    def samples(self) -> int | None:
        """Samples per channel at the source's rate; None where neither trailer nor header knows."""
        return self._trailer.samples if self._trailer else self.header.samples

    @property
    def frames(self) -> int | None:
        """Frames of the file, up to the end of its last chunk."""
        if self._trailer:
            return self._trailer.frames
        return self._found[1] if self._seekable else None

    @property
    def chunk_count(self) -> int | None:
        """Number of chunks; of a damaged file without trailer, one more than the highest index found."""
        if self._trailer:
            return len(self._trailer.lengths)
        return max(self._found[0], default=-1) + 1 if self._seekable else None

    @property
    def coded_size(self) -> int | None:
        """Bytes of the whole file, header and all."""
        if self._seekable:
            return self._source.size
        return self._source.position if self._reached else None

    @property
    def offsets(self) -> dict[int, int]:
        """Byte at which each chunk begins, by its index. UsageError: a pipe."""
        if not self._seekable:
            raise UsageError("a pipe has no seek index")
        trailer = self._last  # a trailer that `salvage` came by may tell of more than the file has
        if not trailer:
            return dict(self._found[0])
        at = (self._source.size or 0) - trailer_size(len(trailer.lengths)) - trailer.span
        offsets = {}
        for index, length in enumerate(trailer.lengths):
            offsets[index] = at
            at += CHUNK_SIZE + length
        return offsets

    def __iter__(self) -> Iterator[Chunk]:
        """The chunks in order, to the end or to where the file was cut."""
        for _, chunk in self._walk(None):
            yield chunk

    def salvage(self, lost: Callable[[FormatError], None]) -> Iterator[Chunk]:
        """The chunks that are good, in order; a gap in their indices is what was lost.

        Parameters
        ----------
        lost
            called with every damage, where iterating would have raised or, at a cut, ended.
        """
        for _, chunk in self._walk(lost):
            yield chunk

    def read(self, index: int) -> Chunk:
        """One chunk. UsageError: no such chunk, or a pipe; DamagedError: the chunk is damaged."""
        at = self._offsets.get(index)
        if at is None:
            raise UsageError(f"the file has no chunk {index}")
        self._source.seek(at)
        try:
            chunk = self._chunk(self._source.exactly(CHUNK_SIZE), index)
        except EndsEarlyError:
            raise DamagedError(f"chunk {index} is damaged: the file ends in it", index) from None
        if chunk.index != index:
            raise DamagedError(f"chunk {chunk.index} stands where chunk {index} should be", index)
        if self._trailer and chunk.frames != min(self.header.chunk_frames, self._trailer.frames - chunk.first_frame):
            raise DamagedError(f"chunk {index} has {chunk.frames} frames, not what the trailer says", index)
        return chunk

    def verify(self) -> None:
        """Read everything and check every checksum. FormatError: the first damage, with its chunk's index."""
        count = 0
        for _ in self:
            count += 1
        if not self.complete:
            raise DamagedError(f"the file ends early: it has {count} whole chunks and no trailer", count)

    def _read_metadata(self) -> Metadata:
        source = self._source
        if self._metadata is None:
            source.seek(HEADER_SIZE)
            source.mark()
            try:
                head = source.exactly(METADATA_SIZE)
                self._metadata = unpack_metadata(head + source.exactly(metadata_rest(head)))
                self._chunks_at = source.position
                source.unmark()
            except FormatError as error:
                cut = isinstance(error, EndsEarlyError)
                self._metadata = DamagedError("the file ends in its metadata") if cut else error
                source.back(0)  # so that `salvage` of a pipe can look for chunks from here
        if isinstance(self._metadata, FormatError):
            raise self._metadata
        return self._metadata

    @property
    def _seekable(self) -> bool:
        return self._source.size is not None

    @property
    def _trailer(self) -> Trailer | None:
        return self._reached or self._last

    @cached_property
    def _offsets(self) -> dict[int, int]:
        return self.offsets

    @cached_property
    def _last(self) -> Trailer | None:
        """The trailer as found from the end of the file; None where there is no good one, and of a pipe."""
        end = (self._source.size or 0) - FOOTER_SIZE
        if end < HEADER_SIZE:
            return None
        self._source.seek(end)
        footer = self._source.exactly(FOOTER_SIZE)
        start = end - footer_length(footer)
        # Before anything is read that a false length would make long: every chunk of the index takes its head's bytes.
        if start < HEADER_SIZE or end - start > trailer_size(start // CHUNK_SIZE):
            return None
        self._source.seek(start)
        try:
            trailer = unpack_trailer(self.header, self._source.exactly(end - start) + footer)
        except FormatError:
            return None
        return trailer if HEADER_SIZE + METADATA_SIZE + trailer.span <= start else None

    @cached_property
    def _found(self) -> tuple[dict[int, int], int]:
        """Offsets of the chunks that are good, and frames up to the end of the last: a file without trailer."""
        offsets, frames = {}, 0
        for at, chunk in self._walk(lambda _: None):
            offsets[chunk.index] = at
            frames = chunk.first_frame + chunk.frames
        return offsets, frames

    def _walk(self, lost: Callable[[FormatError], None] | None) -> Iterator[tuple[int, Chunk]]:
        """Every good chunk with its offset; `lost` hears of damage, and without it damage is raised."""
        source = self._source
        if self._started and not self._seekable:
            raise UsageError("a pipe is read in order, and once")
        self._started = True
        lengths: list[int] = []
        expected, frames, whole, misses, vain = 0, 0, True, 0, 0
        at = self._first(lost)
        while at is not None:
            source.seek(at)
            if lost:
                source.mark()
            try:
                head = source.exactly(CHUNK_SIZE)
                if head.startswith(TRAILER_SYNC):
                    trailer = self._end(head, at, None if lost else (frames, lengths))
                    gapless = len(lengths) == expected
                    if lost and len(trailer.lengths) > expected:
                        lost(_missing(expected, len(trailer.lengths) - 1))
                    elif lost and (trailer.frames != frames or (gapless and trailer.lengths != tuple(lengths))):
                        lost(FormatError("the trailer does not agree with the chunks"))
                    self._reached = trailer
                    return
                chunk = self._chunk(head, expected)
                if chunk.index < expected or not whole or (chunk.index > expected and not lost):
                    raise DamagedError(f"chunk {chunk.index} stands where chunk {expected} should be", expected)
            except FormatError as error:
                if lost is None:
                    if not isinstance(error, EndsEarlyError):
                        raise
                    if self.complete:  # not cut, then: a length is wrong
                        fault = f"chunk {expected} is damaged: it claims what follows it"
                        raise DamagedError(fault, expected) from None
                    return
                lost(error)
                misses, vain = misses + 1, vain + source.position - at
                if misses > FALSE_SYNCS or vain > VAIN:
                    raise DamagedError(f"the file is too damaged to read on after chunk {expected}") from None
                source.back(1)
                at = source.position if source.find((CHUNK_SYNC, TRAILER_SYNC)) else None
                continue
            if lost and chunk.index > expected:
                lost(_missing(expected, chunk.index - 1))
            here, at = at, source.position
            expected, whole = chunk.index + 1, chunk.frames == self.header.chunk_frames
            lengths.append(len(chunk.payload))
            frames = chunk.first_frame + chunk.frames
            yield here, chunk

    def _first(self, lost: Callable[[FormatError], None] | None) -> int | None:
        """Where the chunks begin: behind the metadata or, where those are damaged, at the next sync word."""
        try:
            self._read_metadata()
        except FormatError as error:
            if lost is None:
                raise
            lost(error)
            self._source.seek(HEADER_SIZE)
            return self._source.position if self._source.find((CHUNK_SYNC, TRAILER_SYNC)) else None
        return self._chunks_at

    def _chunk(self, start: bytes, expected: int) -> Chunk:
        """The chunk that begins with these bytes; DamagedErrors name it as expected, as its own index may be wrong."""
        if not start.startswith(CHUNK_SYNC):
            raise DamagedError(f"chunk {expected} is damaged: it does not begin where it should", expected)
        head = unpack_chunk_head(start)
        fault = chunk_fault(self.header, head.index, head.first_frame, head.frames, head.length)
        if fault:
            raise DamagedError(f"chunk {expected} is damaged: {fault}", expected)
        payload = self._source.exactly(head.length)
        if crc32c(start[:-CRC_SIZE], payload) != head.crc:
            raise DamagedError(f"chunk {expected} is damaged: its checksum does not match", expected)
        return Chunk(head.index, head.first_frame, head.frames, payload)

    def _end(self, start: bytes, at: int, seen: tuple[int, list[int]] | None) -> Trailer:
        """The trailer that begins with these bytes at byte `at`, compared with frames and lengths seen, if given."""
        count = trailer_chunks(start[:TRAILER_SIZE])
        # Before anything is read that a false count would make long.
        if count * CHUNK_SIZE > at or (seen and count != len(seen[1])):
            raise DamagedError(f"the trailer counts {count} chunks, which the file does not have")
        trailer = unpack_trailer(self.header, start + self._source.exactly(trailer_size(count) - len(start)))
        if seen and (trailer.frames, list(trailer.lengths)) != seen:
            raise FormatError("the trailer does not agree with the chunks")
        if self._source.take(1):
            raise DamagedError("there are bytes after the end of the file")
        return trailer


def _missing(first: int, last: int) -> DamagedError:
    return DamagedError(f"chunk {first} is lost" if first == last else f"chunks {first} to {last} are lost")
