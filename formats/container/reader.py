"""Reading an .aez file: in order from a pipe, or any chunk of a file that can seek. No byte of it is trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import BinaryIO

from formats.container.chunk import Chunk
from formats.container.header import Header
from formats.container.layout import CHUNK_SIZE
from formats.container.metadata import Metadata
from formats.container.parts import Parts
from formats.container.stream import EndsEarlyError
from formats.container.trailer import Trailer, trailer_size
from formats.container.walk import SalvageWalk, Walk
from formats.errors import DamagedError, FormatError, UsageError


class Reader:
    """An .aez file that begins at the current position of a file object; opening reads the header only.

    Iterating yields the chunks in order, each checked, from any file object; one that can seek may be iterated again.
    A file that was cut yields the chunks it has and ends without an error: `complete` is False then, and `verify`
    raises. Damaged bytes raise DamagedError, and tags that break SPEC.md FormatError; `salvage` steps over both. A
    trailer that contradicts itself, the header or the chunks counts as damage, for `read` as for iterating.

    Properties that need the trailer are known at once if the file can seek; for a pipe they are None until it was read
    to its end. If a file has no good trailer, they describe the chunks it still has.

    Raises:
        FormatError, or its subclasses VersionError and DamagedError: the bytes are not a valid .aez file.
        UsageError: a pipe is asked to seek.
        OSError: as the file object raises it.
    """

    def __init__(self, fo: BinaryIO) -> None:
        self._parts = Parts(fo)
        self._walked: Trailer | None = None

    @property
    def header(self) -> Header:
        """The file's header."""
        return self._parts.header

    @property
    def metadata(self) -> Metadata:
        """Tags and cover, read when first asked for, or on the way to the first chunk.

        Raises:
            FormatError: they are damaged; PicturesError, which has the tags, if only the pictures are.
        """
        return self._parts.metadata()

    @property
    def complete(self) -> bool:
        """Whether the file has a good trailer; for a pipe, whether the trailer was read already."""
        return self._trailer is not None

    @property
    def samples(self) -> int | None:
        """Samples per channel at the source's rate; None if neither trailer nor header has them, or they disagree."""
        if self._trailer:
            return self._trailer.samples
        return None if isinstance(self._parts.last, DamagedError) else self.header.samples

    @property
    def frames(self) -> int | None:
        """Frames of the file, up to the end of its last chunk."""
        if self._trailer:
            return self._trailer.frames
        return self._found[1] if self._parts.seekable else None

    @property
    def chunk_count(self) -> int | None:
        """Number of chunks; for a damaged file without trailer, one more than the highest index found."""
        if self._trailer:
            return len(self._trailer.lengths)
        return max(self._found[0], default=-1) + 1 if self._parts.seekable else None

    @property
    def coded_size(self) -> int | None:
        """Bytes of the whole file, header and all."""
        source = self._parts.source
        if self._parts.seekable:
            return source.size
        return source.position if self._walked else None

    @cached_property
    def offsets(self) -> dict[int, int]:
        """Byte at which each chunk begins, by its index.

        Raises:
            UsageError: the file is a pipe.
        """
        if not self._parts.seekable:
            raise UsageError("a pipe has no seek index")
        trailer = self._parts.last  # a trailer that `salvage` came by may count more chunks than the file has
        if not isinstance(trailer, Trailer):
            return self._found[0]
        at = (self._parts.source.size or 0) - trailer_size(len(trailer.lengths)) - trailer.span
        offsets = {}
        for index, length in enumerate(trailer.lengths):
            offsets[index] = at
            at += CHUNK_SIZE + length
        return offsets

    def __iter__(self) -> Iterator[Chunk]:
        """Yield the chunks in order, to the end or to where the file was cut."""
        return self._walk(Walk(self._parts))

    def salvage(self, lost: Callable[[FormatError], None]) -> Iterator[Chunk]:
        """Yield the undamaged chunks in order; a gap in their indices is a loss.

        Args:
            lost: called with every damage at which iterating would have raised or, at a cut, ended.
        """
        return self._walk(SalvageWalk(self._parts, lost))

    def read(self, index: int) -> Chunk:
        """Read one chunk by its index.

        Raises:
            UsageError: there is no such chunk, or the file is a pipe; DamagedError: chunk or trailer are damaged.
        """
        at = self.offsets.get(index)
        trailer = self._parts.last
        if isinstance(trailer, DamagedError):
            raise trailer
        if at is None and trailer is None and index >= 0:
            raise DamagedError(f"the file is damaged: it has no chunk {index} and no trailer", index)
        if at is None:
            raise UsageError(f"the file has no chunk {index}")
        self._parts.source.seek(at)
        try:
            chunk = self._parts.chunk(self._parts.source.exactly(CHUNK_SIZE), index)
        except EndsEarlyError:
            raise DamagedError(f"chunk {index} is damaged: the file ends in it", index) from None
        if chunk.index != index:
            raise DamagedError(f"chunk {chunk.index} stands where chunk {index} should be", index)
        if trailer and chunk.frames != min(self.header.chunk_length(index), trailer.frames - chunk.first_frame):
            raise DamagedError(f"chunk {index} has {chunk.frames} frames, not what the trailer says", index)
        return chunk

    def verify(self) -> None:
        """Read everything and check every checksum.

        Raises:
            FormatError: the first damage, with the index of its chunk if it lies in one.
        """
        count = 0
        for _ in self:
            count += 1
        if not self.complete:
            raise DamagedError(f"the file ends early: it has {count} whole chunks and no trailer", count)

    @property
    def _trailer(self) -> Trailer | None:
        last = self._parts.last
        return self._walked or (last if isinstance(last, Trailer) else None)

    @cached_property
    def _found(self) -> tuple[dict[int, int], int]:
        """Offsets of the undamaged chunks of a file without trailer, and frames up to the end of the last one."""
        offsets, frames = {}, 0
        for at, chunk in SalvageWalk(self._parts, lambda _: None):
            offsets[chunk.index] = at
            frames = chunk.first_frame + chunk.frames
        return offsets, frames

    def _walk(self, walk: Walk) -> Iterator[Chunk]:
        for _, chunk in walk:
            yield chunk
        self._walked = walk.trailer
