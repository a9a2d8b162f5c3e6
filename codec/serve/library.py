"""The songs below a folder: found, described by their tags, and looked up by an id that is no path.

What a browser sends is only ever compared with ids of songs that were found, so that no request can name another file.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from codec.audio.headers.duration import stated_seconds
from codec.audio.tags.gather import image_type
from codec.audio.tags.read import read_tags
from codec.batch.jobs import AUDIO, CODED
from codec.files import named_reader
from codec.serve.folders import Folders
from codec.serve.names import Labels, Tags, folded, readable, tag
from formats import Metadata, Reader
from formats.container.layout import CRC_SIZE
from formats.container.metadata import picture_size
from formats.errors import FormatError, PicturesError, UsageError

FRESH = 5.0
"""Seconds for which a look at the disk counts."""

PICTURES = frozenset(f"image/{kind}" for kind in ("jpeg", "png", "gif", "webp", "bmp"))
"""Types of covers that are served, which their first bytes tell; an SVG could carry a script."""


@dataclass(frozen=True)
class Cover:
    """Where in a file its cover lies, in bytes, and what it is."""

    start: int
    size: int
    kind: str


@dataclass(frozen=True)
class Song:
    """A song as it lies on the disk.

    Attributes:
        id: 16 hexadecimal digits, the same in every run.
        path: the file.
        coded: whether it is an .aez file; other files are encoded on demand.
        title, artist, album: tags; the title is the file's name where there is no such tag.
        place: sorts songs by folder, disc, track and name.
        words: what a search looks at.
        seconds: duration; None where it is not known.
        size: bytes of the file.
        changed: its modification time in nanoseconds.
        cover: where its cover lies; None where there is none that is served.
        damage: what is wrong with it, in a line; empty where nothing was noticed.
        bitstream: id of its bitstream; empty where it is no .aez file, or not known.
    """

    id: str
    path: Path
    coded: bool
    title: str
    artist: str
    album: str
    place: tuple[str, int, int, str]
    words: str
    seconds: float | None
    size: int
    changed: int
    cover: Cover | None
    damage: str
    bitstream: bytes


class Library:
    """The songs below a folder, looked for again when somebody asks and the last look is old; for many threads."""

    def __init__(self, folder: Path, *, audio: bool = False, without: Path | None = None) -> None:
        """Nothing is read yet.

        Args:
            folder: .aez files are looked for in it, and in its folders.
            audio: whether other audio files count, where there is no .aez file beside them.
            without: a folder that is left out.

        Raises:
            UsageError: the folder lies in the one that is left out, or is it.
        """
        self.folder = folder.resolve()
        self._folders = Folders(self.folder, CODED | AUDIO if audio else CODED)
        self._without = without.resolve() if without else None
        if self._without and self.folder.is_relative_to(self._without):
            raise UsageError(f"what is encoded cannot be kept in {without}, which holds the songs; name another folder")
        self._lock = threading.Lock()
        self._songs: dict[str, Song] = {}
        self._looked = float("-inf")

    def songs(self) -> list[Song]:
        """Return all songs, by folder, disc, track and name."""
        with self._lock:
            if time.monotonic() - self._looked > FRESH:
                self._look()
                self._looked = time.monotonic()
            return list(self._songs.values())

    def song(self, id: str) -> Song | None:
        """Return a song by its id, as it is now; None if its file is gone or no longer in the folder."""
        if id not in self._songs:
            self.songs()  # it may be new
        found = self._songs.get(id)
        if found is None or not self._is_inside(found.path):
            return None
        return _described(found.path, self.folder, found)

    def search(self, query: str) -> list[Song]:
        """Return the songs that have every word of a query in a tag or in their path."""
        words = folded(query).split()
        return [song for song in self.songs() if all(word in song.words for word in words)]

    def _look(self) -> None:
        found = [path for path in self._folders.files() if self._is_found(path)]
        coded = {path.with_suffix("") for path in found if path.suffix.lower() in CODED}
        wanted = [path for path in found if path.suffix.lower() in CODED or path.with_suffix("") not in coded]
        known = {song.path: song for song in self._songs.values()}
        songs = filter(None, (_described(path, self.folder, known.get(path)) for path in wanted))
        self._songs = {song.id: song for song in sorted(songs, key=lambda song: song.place)}

    def _is_found(self, path: Path) -> bool:
        """As `_is_inside`, for what a walk through the folder found: it followed no link, so only a file can be one."""
        try:
            mode = path.lstat().st_mode
        except OSError:
            return False
        if not stat.S_ISREG(mode):
            return self._is_inside(path)
        return self._without is None or not path.is_relative_to(self._without)

    def _is_inside(self, path: Path) -> bool:
        """Whether a file is in the folder, also where it or a folder above it is a link."""
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return False
        outside = self._without is not None and real.is_relative_to(self._without)
        return real.is_relative_to(self.folder) and not outside and real.is_file()


def _described(path: Path, folder: Path, known: Song | None) -> Song | None:
    """Describe a file; None where it cannot be read. `known` is what it was before."""
    try:
        state = path.stat()
        if known is not None and (known.size, known.changed) == (state.st_size, state.st_mtime_ns):
            return known
        coded = path.suffix.lower() in CODED
        seconds, cover, damage, bitstream = None, None, "", b""
        tags: Tags = {}
        if coded:
            with named_reader(path) as file:
                tags, seconds, cover, damage, bitstream = _coded(file)
        else:
            tags, seconds = read_tags(path).metadata.tags, stated_seconds(path)
    except OSError:
        return None
    below = path.relative_to(folder)
    labels = Labels.of(tags, path)
    place = (
        readable(below.parent).casefold(),
        _number(tags, "DISCNUMBER"),
        _number(tags, "TRACKNUMBER"),
        readable(below),
    )
    words = folded("\n".join((*labels, tag(tags, "ALBUMARTIST"), tag(tags, "GENRE"), readable(below))))
    return Song(
        hashlib.blake2b(os.fsencode(below), digest_size=8).hexdigest(), path, coded, *labels, place, words,
        seconds, state.st_size, state.st_mtime_ns, cover, damage, bitstream,
    )  # fmt: skip


def _coded(file: BinaryIO) -> tuple[Tags, float | None, Cover | None, str, bytes]:
    """Tags, seconds, cover, damage and bitstream of an .aez file."""
    bitstream = b""
    try:
        reader = Reader(file)
        bitstream = reader.header.bitstream
        metadata = reader.metadata
        if not reader.complete:
            return metadata.tags, None, None, "the file is damaged: it ends early", bitstream
        seconds = None if reader.samples is None else reader.samples / reader.header.sample_rate
        first = min(reader.offsets.values(), default=None)
    except FormatError as error:
        return error.tags if isinstance(error, PicturesError) else {}, None, None, str(error), bitstream
    cover = None if first is None else _cover(file, metadata, first - CRC_SIZE)
    return metadata.tags, seconds, cover, "", bitstream


def _cover(file: BinaryIO, metadata: Metadata, end: int) -> Cover | None:
    """Where the cover lies, of pictures that end at a byte of the file; served from there, it may have any size."""
    cover = metadata.cover
    kind = image_type(cover.data) if cover else ""
    if cover is None or kind not in PICTURES:
        return None
    behind = metadata.pictures[metadata.pictures.index(cover) + 1 :]
    start = end - sum(picture_size(picture) for picture in behind) - len(cover.data)
    file.seek(start)
    return Cover(start, len(cover.data), kind) if file.read(len(cover.data)) == cover.data else None


def _number(tags: Tags, name: str) -> int:
    """The number of a track or disc, which may be stored as "3/12"; 0 where there is none."""
    found = re.match(r"\s*(\d{1,6})", tag(tags, name))
    return int(found[1]) if found else 0


def playlist(
    title: str, songs: Iterable[Song], total: int, sound: Callable[[Song], dict[str, str]]
) -> dict[str, object]:
    """Return what `playlist.json` says of songs that a server has.

    Args:
        title: its heading.
        songs: the songs to list.
        total: how many there are, those that are not listed included.
        sound: what is to be said of a song that browsers cannot decode.
    """
    rows = [
        {
            "src": f"songs/{song.id}.aez",
            "title": song.title,
            "artist": song.artist,
            "album": song.album,
            "duration": song.seconds,
            "bytes": song.size if song.coded else None,
            "cover": f"covers/{song.id}" if song.cover else None,
            **sound(song),
        }
        for song in songs
    ]
    return {"title": title, "songs": rows, "total": total}
