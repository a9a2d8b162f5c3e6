"""What a page shows of a song: title, artist, album, the words that a search finds, and a name for a URL."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

Tags = Mapping[str, Sequence[str]]
"""Values by key, as in `formats.Metadata`."""


def tag(tags: Tags, *keys: str) -> str:
    """Return the values of the first of these tags that there is, joined by commas; empty where there is none."""
    return next((", ".join(tags[key]) for key in keys if tags.get(key)), "")


class Labels(NamedTuple):
    """What a list shows of a song; the title is the file's name where there is no such tag."""

    title: str
    artist: str
    album: str

    @classmethod
    def of(cls, tags: Tags, path: Path) -> Self:
        """Return the labels of a file with these tags."""
        title = tag(tags, "TITLE") or readable(Path(path.stem))
        return cls(title, tag(tags, "ARTIST", "ALBUMARTIST"), tag(tags, "ALBUM"))


def readable(path: Path) -> str:
    """Return a path as text that can be written as UTF-8: bytes of a name that are none are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def folded(text: str) -> str:
    """Return text in the form in which a search compares it: without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def url_name(path: Path, taken: Collection[str]) -> str:
    """Return a file's name in letters that mean nothing to any web host, and that no name in `taken` has.

    Args:
        path: a file whose extension is kept.
        taken: names in lower case.
    """
    stem = re.sub(r"[^a-z0-9]+", "-", folded(readable(Path(path.stem)))).strip("-")[:60]
    stem = stem or "song"
    name, count = f"{stem}{path.suffix.lower()}", 1
    while name in taken:
        count += 1
        name = f"{stem}-{count}{path.suffix.lower()}"
    return name
