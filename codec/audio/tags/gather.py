"""What a reader of tags finds, cleaned and cut to what an .aez file may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from codec.audio.tags.names import OF_THE_FILE, upper
from formats import Metadata, Picture
from formats.container.metadata import (
    FRONT_COVER,
    LAST_TYPE,
    MOST_PICTURES,
    PICTURES_LIMIT,
    TAGS_LIMIT,
    picture_size,
    tags_as_json,
)

READ_LIMIT = 1 << 26
"""Most bytes of one tag that are read: longer ones are damaged, or the work of somebody who means harm."""

MOST_VALUES = 10_000
"""Values of all tags that are taken."""

SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif", b"BM": "image/bmp",
    b"II*\0": "image/tiff", b"MM\0*": "image/tiff",
}  # fmt: skip


@dataclass
class Gathered:
    """Tags and pictures as they are found.

    Attributes:
        tags: values by key.
        pictures: in order.
        left_out: what was found and is not carried over, in words.
    """

    tags: dict[str, list[str]] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _count: int = 0

    def add(self, key: str, *values: str) -> None:
        """Add values to a tag; empty ones are none."""
        key = upper(clean(key)).strip()
        for text in values:
            value = clean(text)
            if not key or not value.strip():
                continue
            self._count += 1
            if self._count <= MOST_VALUES:
                self.tags.setdefault(key, []).append(value)
            elif self._count == MOST_VALUES + 1:
                self.left_out.append(f"all but {MOST_VALUES} values of its tags")

    def add_number(self, keys: tuple[str, str], text: str) -> None:
        """Add a number and, behind a slash, the total."""
        number, _, total = text.partition("/")
        for key, value in zip(keys, (number, total), strict=True):
            if value.strip(" 0") and value.strip() not in self.tags.get(key, ()):
                self.add(key, value.strip())

    def add_picture(self, data: bytes, mime: str = "", kind: int = FRONT_COVER, description: str = "") -> None:
        """Add a picture."""
        if not data:
            return
        described = clean(description).encode()[:65_535].decode("utf-8", "ignore")
        known = mime if re.fullmatch(r"[!-~]+/[!-~]+", mime) else image_type(data)
        self.pictures.append(Picture(data, clean(known)[:255], kind if 0 <= kind <= LAST_TYPE else 0, described))

    def fill(self, other: Gathered) -> None:
        """Take what another tag of the file has and this one has not."""
        for key, values in other.tags.items():
            if key not in self.tags:
                self.add(key, *values)
        if not self.pictures:
            self.pictures = other.pictures
        self.left_out += other.left_out

    def metadata(self) -> Metadata:
        """Everything that fits and is true of another file; what does not fit is added to `left_out`."""
        tags = fitting({key: values for key, values in self.tags.items() if key not in OF_THE_FILE}, self.left_out)
        pictures: list[Picture] = []
        size = 0
        for picture in self.pictures:
            length = picture_size(picture)
            if size + length > PICTURES_LIMIT or len(pictures) == MOST_PICTURES:
                self.left_out.append(f"a picture of {len(picture.data)} bytes, because the limit is {PICTURES_LIMIT}")
                continue
            pictures.append(picture)
            size += length
        return Metadata(tags, tuple(pictures))


def fitting(tags: Mapping[str, Sequence[str]], left_out: list[str]) -> dict[str, tuple[str, ...]]:
    """The tags that fit into an .aez file: huge ones must not stop the encoder."""
    kept: dict[str, tuple[str, ...]] = {}
    room = TAGS_LIMIT - 2
    for key, values in tags.items():
        size = len(tags_as_json({key: list(values)})) + 1
        if size > room:
            left_out.append(f"the tag {key[:100]} of {size} bytes, because the limit for all is {TAGS_LIMIT}")
            continue
        kept[key] = tuple(values)
        room -= size
    return kept


def image_type(data: bytes) -> str:
    """The MIME type of an image file, by its first bytes; empty if it is no known one."""
    for start, name in SIGNATURES.items():
        if data.startswith(start):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"heic"):
        return f"image/{data[8:12].decode()}"
    return "image/jxl" if data.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")) else ""


def clean(text: str) -> str:
    """Text that every target can hold: a lone surrogate cannot be written as UTF-8, and a NUL ends a string."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
