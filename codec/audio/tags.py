"""Tags and cover art of a source, by names that do not depend on its format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from formats.container.metadata import COVER_LIMIT, TAGS_LIMIT, Metadata

if TYPE_CHECKING:
    from os import PathLike

    from tinytag import TinyTag

FIELDS = ("title", "artist", "album", "albumartist", "composer", "track", "disc", "date", "genre", "comment")
"""Names of the tags that are read; ReplayGain and R128 tags keep their own names."""

_GAINS = ("replaygain_", "r128_")


def read_tags(path: str | PathLike[str]) -> Metadata:
    """Read the tags and the cover of an audio file.

    Unreadable tags are left out, because they must not keep a song from being encoded.

    Returns:
        tags by the names in FIELDS, with track and disc as "3" or "3/12", and the cover.
    """
    from tinytag import TinyTag, UnsupportedFormatError

    file = Path(path)
    try:
        with file.open("rb") as opened:
            try:
                found = TinyTag.get(file_obj=opened, duration=False, image=True)
            except UnsupportedFormatError:
                # The first bytes are not those of a known format (an mp3 with garbage in front): use the extension.
                found = TinyTag.get(file, duration=False, image=True)
        return _metadata(found)
    except Exception:  # a parser may raise anything for bytes that are no tags
        return Metadata()


def _metadata(found: TinyTag) -> Metadata:
    other = {key.lower().lstrip("_"): values for key, values in found.other.items() if values}

    def text(value: object, name: str) -> str:
        # Some formats keep even the standard fields among the others; the first value is the one that players show.
        return _clean(value) or _clean(next(iter(other.get(name, [])), ""))

    tags = {
        "title": text(found.title, "title"),
        "artist": text(found.artist, "artist"),
        "album": text(found.album, "album"),
        "albumartist": text(found.albumartist, "albumartist"),
        "composer": text(found.composer, "composer"),
        "track": _number(found.track, found.track_total),
        "disc": _number(found.disc, found.disc_total),
        "date": text(found.year, "date"),
        "genre": text(found.genre, "genre"),
        "comment": text(found.comment, "comment"),
    }
    tags |= {key: _clean(values[0]) for key, values in other.items() if key.startswith(_GAINS)}
    cover = found.images.any  # the front cover, if there is one
    if cover is None or not 0 < len(cover.data) <= COVER_LIMIT:
        return Metadata(tags=_fitting(tags))
    kind = _clean(cover.mime_type)[:100] or "application/octet-stream"
    return Metadata(tags=_fitting(tags), cover=cover.data, cover_type=kind)


def _fitting(tags: dict[str, str]) -> dict[str, str]:
    """The tags that are not empty and fit the file: a huge comment must not stop the encoder."""
    kept = {}
    room = TAGS_LIMIT
    for key, value in tags.items():
        size = 6 * (len(key) + len(value)) + 6  # a character takes at most six bytes in JSON
        if value and size <= room:
            kept[key] = value
            room -= size
    return kept


def _number(number: int | None, total: int | None) -> str:
    """A track's or disc's number, with the total if it is known."""
    if not number:
        return ""
    return f"{number}/{total}" if total else str(number)


def _clean(value: object) -> str:
    """Text that every target can hold: a lone surrogate cannot be written as UTF-8, and a NUL ends a string."""
    return str(value or "").encode("utf-8", "replace").decode("utf-8").replace("\0", "").strip()
