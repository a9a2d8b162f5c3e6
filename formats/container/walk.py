"""Walks from part to part of an .aez file: strictly in order, or over damage to the next undamaged part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from formats.container.chunk import Chunk
from formats.container.layout import CHUNK_SIZE, HEADER_SIZE, TRAILER_SIZE, TRAILER_SYNC
from formats.container.parts import Parts
from formats.container.stream import EndsEarlyError
from formats.container.trailer import Trailer, trailer_chunks
from formats.errors import DamagedError, FormatError

FALSE_SYNCS = 1024
"""Most sync words without a good chunk behind them that a `SalvageWalk` tries; more only cost time."""

WASTED = 2**27
"""Most bytes behind such words that a `SalvageWalk` reads before it gives up."""


class Walk:
    """Iterates over the chunks of a file in order, each with the byte at which it begins.

    A file that was cut yields the chunks it has and ends without an error.

    Attributes:
        trailer: the file's trailer, known after the last chunk; None if the file was cut.

    Raises:
        FormatError: while iterating, where the file is damaged.
    """

    def __init__(self, parts: Parts) -> None:
        self.trailer: Trailer | None = None
        self._parts = parts
        self._source = parts.source
        self._expected = 0  # index of the next chunk
        self._frames = 0  # up to the end of the last chunk
        self._lengths: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, Chunk]]:
        at = self._first()
        while at is not None:
            self._source.seek(at)
            try:
                part = self._part(at)
            except FormatError as error:
                at = self._after_damage(error, at)
                continue
            if isinstance(part, Trailer):
                self.trailer = part
                return
            here, at = at, self._source.position
            self._expected = part.index + 1
            self._frames = part.first_frame + part.frames
            self._lengths.append(len(part.payload))
            yield here, part

    def _first(self) -> int | None:
        """Byte at which the first chunk begins."""
        return self._parts.first_chunk()

    def _part(self, at: int) -> Chunk | Trailer:
        """The chunk or the trailer at this byte."""
        head = self._source.exactly(CHUNK_SIZE)
        if head.startswith(TRAILER_SYNC):
            return self._end(head, at)
        chunk = self._parts.chunk(head, self._expected)
        if not self._follows(chunk):
            fault = f"chunk {chunk.index} stands where chunk {self._expected} should be"
            raise DamagedError(fault, self._expected)
        return chunk

    def _follows(self, chunk: Chunk) -> bool:
        """Whether this chunk may follow: only the last chunk has fewer frames than its index says."""
        return chunk.index == self._expected and self._ends_whole

    @property
    def _ends_whole(self) -> bool:
        return self._frames == self._parts.header.chunk_start(self._expected)

    def _end(self, head: bytes, at: int) -> Trailer:
        """The trailer that begins with these bytes at byte `at`, after which the file ends."""
        count = trailer_chunks(head[:TRAILER_SIZE])
        if count != len(self._lengths):
            raise DamagedError(f"the trailer counts {count} chunks, which the file does not have")
        trailer = self._parts.trailer(head, at)
        if (trailer.frames, list(trailer.lengths)) != (self._frames, self._lengths):
            raise DamagedError("the trailer does not agree with the chunks")
        self._check_end()
        return trailer

    def _check_end(self) -> None:
        if self._source.take(1):
            raise DamagedError("there are bytes after the end of the file")

    def _after_damage(self, error: FormatError, at: int) -> int | None:
        """Byte at which to go on; None ends the walk."""
        if not isinstance(error, EndsEarlyError):
            raise error
        if isinstance(self._parts.last, Trailer):  # the file was not cut, so a length is wrong
            fault = f"chunk {self._expected} is damaged: its length includes the bytes that follow it"
            raise DamagedError(fault, self._expected) from None
        return None


class SalvageWalk(Walk):
    """Iterates over the undamaged chunks of a file in order; a gap in their indices is a loss.

    Args:
        lost: called with every damage at which a `Walk` would have raised or, at a cut, ended.
    """

    def __init__(self, parts: Parts, lost: Callable[[FormatError], None]) -> None:
        super().__init__(parts)
        self._lost = lost
        self._misses, self._wasted = 0, 0

    def _first(self) -> int | None:
        try:
            return super()._first()
        except FormatError as error:
            self._lost(error)
            self._source.seek(HEADER_SIZE)
            return self._parts.next_sync()

    def _part(self, at: int) -> Chunk | Trailer:
        self._source.mark()
        part = super()._part(at)
        if isinstance(part, Chunk) and part.index > self._expected:
            self._missing(part.index)
        return part

    def _follows(self, chunk: Chunk) -> bool:
        return chunk.index >= self._expected and self._ends_whole

    def _end(self, head: bytes, at: int) -> Trailer:
        trailer = self._parts.trailer(head, at)
        gapless = len(self._lengths) == self._expected
        if len(trailer.lengths) > self._expected:
            self._missing(len(trailer.lengths))
        elif trailer.frames != self._frames or (gapless and list(trailer.lengths) != self._lengths):
            self._lost(DamagedError("the trailer does not agree with the chunks"))
        self._check_end()
        return trailer

    def _missing(self, stop: int) -> None:
        """Report the chunks from the expected one up to, but not including, `stop` as lost."""
        first, last = self._expected, stop - 1
        self._lost(DamagedError(f"chunk {first} is lost" if first == last else f"chunks {first} to {last} are lost"))

    def _after_damage(self, error: FormatError, at: int) -> int | None:
        self._lost(error)
        self._misses += 1
        self._wasted += self._source.position - at
        if self._misses > FALSE_SYNCS or self._wasted > WASTED:
            raise DamagedError(f"the file is too damaged to read on after chunk {self._expected}") from None
        self._source.back(1)
        return self._parts.next_sync()
