"""Which tags and pictures go along, as the user chose."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from codec.audio.tags.gather import clean, fitting, image_type
from codec.audio.tags.names import canonical
from formats import Metadata, Picture
from formats.container.metadata import FRONT_COVER, MOST_PICTURES, PICTURES_LIMIT, picture_size
from formats.errors import UsageError

COVER_LIMIT = 1 << 20
"""Bytes of pictures that are taken from a source unless the user asks for more."""

LIMITED = "the limit for pictures is"
"""In what is said about pictures that exceed it."""

TagValues = Mapping[str, str | Iterable[str]]
"""Values by key, one or several for a key."""


@dataclass(frozen=True)
class TagChoice:
    """Which tags and pictures go along. `make` checks all values; the constructor does not.

    Attributes:
        keep_tags, keep_pictures: whether those of the source do.
        changes: values of keys that replace the source's; without values, the tag is left out.
        cover: a front cover that replaces the source's.
        limit: bytes of pictures that are taken from the source; None for no limit but the format's.
    """

    keep_tags: bool = True
    keep_pictures: bool = True
    changes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    cover: Picture | None = None
    limit: int | None = None

    @classmethod
    def make(
        cls,
        *,
        keep_tags: bool = True,
        keep_pictures: bool = True,
        tags: TagValues | None = None,
        cover: str | os.PathLike[str] | bytes | None = None,
        limit: int | None = None,
    ) -> Self:
        """Check all values.

        Args:
            keep_tags, keep_pictures, limit: as the attributes.
            tags: values that replace the source's; an empty text or list leaves a tag out.
            cover: an image file, by its name or as bytes.

        Raises:
            UsageError: a key or a value is no text or has a NUL, the cover is no image or too large, or the limit is
            negative; OSError: the cover cannot be read.
        """
        if limit is not None and limit < 0:
            raise UsageError(f"{LIMITED} 0 or more bytes, not {limit}")
        if tags is not None and not isinstance(tags, Mapping):
            raise UsageError(f"tags are a mapping of keys to values, not {type(tags).__name__}")
        changes = [(key, _several(values)) for key, values in (tags or {}).items()]
        for key, values in changes:
            texts = [key, *values]
            if (
                not all(isinstance(text, str) and "\0" not in text for text in texts)
                or not canonical(key)
                or "=" in key
            ):
                raise UsageError(f"a tag is a name without = and texts without NUL, not {key!r}: {values!r}")
        changes = [(clean(key), tuple(map(clean, values))) for key, values in changes]
        joined: dict[str, tuple[str, ...]] = {}
        for key, values in changes:
            name = canonical(key)
            joined[name] = joined.get(name, ()) + tuple(value for value in values if value.strip())
        return cls(bool(keep_tags), bool(keep_pictures), tuple(joined.items()), _image(cover), limit)

    def applied(self, metadata: Metadata) -> tuple[Metadata, list[str]]:
        """The tags and pictures that go along, and what is left out because of a limit, in words."""
        left_out: list[str] = []
        tags = dict(metadata.tags) if self.keep_tags else {}
        for key, values in self.changes:
            tags.pop(key, None)
            if values:
                tags[key] = values
        pictures = metadata.pictures if self.keep_pictures else ()
        if self.cover:
            pictures = tuple(picture for picture in pictures if picture.type != FRONT_COVER)
        return Metadata(fitting(tags, left_out), self._pictures(pictures, left_out)), left_out

    def _pictures(self, pictures: tuple[Picture, ...], left_out: list[str]) -> tuple[Picture, ...]:
        """The pictures within the limits, front covers first served."""
        room = PICTURES_LIMIT - (picture_size(self.cover) if self.cover else 0)
        room = room if self.limit is None else min(room, self.limit)
        most = MOST_PICTURES - (1 if self.cover else 0)
        kept: set[int] = set()
        for number, picture in sorted(enumerate(pictures), key=lambda item: item[1].type != FRONT_COVER):
            size = picture_size(picture)
            if size <= room and len(kept) < most:
                kept.add(number)
                room -= size
        lost = [picture for number, picture in enumerate(pictures) if number not in kept]
        if lost:
            what = "its cover" if any(picture.type == FRONT_COVER for picture in lost) else "a picture"
            what = what if len(lost) == 1 else f"{len(lost)} pictures"
            total = _mb(sum(len(picture.data) for picture in lost))
            limit = _mb(PICTURES_LIMIT if self.limit is None else self.limit)
            why = f"a file holds {MOST_PICTURES} at most" if len(kept) == most else f"{LIMITED} {limit}"
            left_out.append(f"{what} of {total}, because {why}")
        first = (self.cover,) if self.cover else ()
        return first + tuple(picture for number, picture in enumerate(pictures) if number in kept)

    def as_dict(self) -> dict[str, object]:
        """All that the result depends on, as plain values."""
        values = {name: getattr(self, name) for name in ("keep_tags", "keep_pictures", "changes", "limit")}
        return values | {"cover": _digest(self.cover)}

    @property
    def keeps_all(self) -> bool:
        """Whether tags and pictures of the source go along."""
        return self.keep_tags and self.keep_pictures


ALL = TagChoice()
"""Everything goes along."""

USUAL = TagChoice(limit=COVER_LIMIT)
"""Everything of a source goes along, but for pictures that are large for a compressed song."""


def _several(values: object) -> tuple[Any, ...]:
    """One value or several as a tuple."""
    return tuple(values) if isinstance(values, Iterable) and not isinstance(values, str) else (values,)


def _mb(size: int) -> str:
    """A size in units of 2^20 bytes, rounded up."""
    return f"{-(-size * 10 >> 20) / 10:g} MB"


def _digest(cover: Picture | None) -> str:
    return hashlib.sha256(cover.data).hexdigest() if cover else ""


def _image(cover: str | os.PathLike[str] | bytes | None) -> Picture | None:
    if cover is None:
        return None
    name = "the cover"
    if isinstance(cover, str | os.PathLike):
        name = os.fspath(cover)
        if not name:
            raise UsageError("the name of the cover is empty")
        with Path(name).open("rb") as file:
            cover = file.read(PICTURES_LIMIT + 1)
    if not isinstance(cover, bytes | bytearray | memoryview):
        raise UsageError(f"a cover is the name of an image file, or its bytes, not {type(cover).__name__}")
    picture = Picture(bytes(cover), image_type(bytes(cover)))
    if not picture.mime:
        raise UsageError(f"{name} is no image of a known kind (jpeg, png, gif, webp, bmp, tiff, avif, jxl)")
    if picture_size(picture) > PICTURES_LIMIT:
        raise UsageError(f"{name} is larger than the {_mb(PICTURES_LIMIT)} that a file may hold")
    return picture
