"""Reading tags and pictures from any audio file; the reader of a format is imported for a file that has it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from codec.audio.headers.id3 import HEAD, id3_size
from codec.audio.tags.gather import READ_LIMIT, Gathered
from codec.audio.tags.names import canonical
from formats import Metadata

if TYPE_CHECKING:
    from os import PathLike

_ASF = bytes.fromhex("3026b2758e66cf11")
_JUNK = 1 << 16
"""Most bytes before an ID3 tag or the beginning of a flac stream."""


class Found(NamedTuple):
    """The tags of a file.

    Attributes:
        metadata: what can be carried over.
        left_out: what was found besides, in words: "a picture that is damaged".
    """

    metadata: Metadata
    left_out: tuple[str, ...] = ()


def read_tags(path: str | PathLike[str], *, probe: bool = False) -> Found:
    """Read the tags and the pictures of an audio file.

    Damaged tags are left out, because they must not keep a song from being encoded.

    Args:
        path: the file.
        probe: whether ffprobe is asked where nothing is found, as for films.
    """
    found = Gathered()
    try:
        with Path(path).open("rb") as file:
            gather(file, found)
        if probe and not found.pictures and found.tags.keys() <= {"ENCODER"}:
            from codec.audio.tags.probe import read_probed

            read_probed(Path(path), found)
    except Exception:  # a parser may raise anything for bytes that are no tags
        found.left_out.append("some of its tags, which are damaged")
    metadata = found.metadata()
    return Found(metadata, tuple(dict.fromkeys(found.left_out)))


def gather(file: BinaryIO, found: Gathered) -> None:
    """Take the tags of an audio file that can seek. Bytes that are no tags may raise anything."""
    file.seek(0)
    head = file.read(_JUNK)
    if head[:4] in (b"RIFF", b"RF64", b"FORM"):
        from codec.audio.tags.riff import read_chunks

        read_chunks(file, found)
    elif head[:4] == b"OggS":
        from codec.audio.tags.ogg import read_ogg

        read_ogg(file, found)
    elif head[:4] == b"caff":
        from codec.audio.tags.caf import read_caf

        read_caf(file, found)
    elif head[4:8] == b"ftyp":
        from codec.audio.tags.mp4 import read_mp4

        read_mp4(file, found)
    elif head.startswith(_ASF):
        _by_tinytag(file, found)
    else:
        _read_streams(file, head, found)


def _read_streams(file: BinaryIO, head: bytes, found: Gathered) -> None:
    """Take tags in front of a stream, which is FLAC or anything else, in it and behind it."""
    from codec.audio.tags.flac import read_flac
    from codec.audio.tags.id3 import read_id3
    from codec.audio.tags.ogg import read_ogg
    from codec.audio.tags.trailing import read_trailing

    begin = max(0, head.find(b"ID3"))
    size = id3_size(head[begin : begin + HEAD])
    behind = begin + size if size else 0
    if size:
        file.seek(begin)
        read_id3(file.read(min(size, READ_LIMIT + HEAD)), found)
    file.seek(behind)
    start = re.search(b"fLaC|OggS", file.read(_JUNK))
    own = Gathered()  # the stream's own tags, which count before those of ID3
    if start and start[0] == b"fLaC":
        read_flac(file, behind + start.start(), own)
    elif start and start.start() < HEAD:
        read_ogg(file, own)
    own.fill(found)
    found.tags, found.pictures, found.left_out = own.tags, own.pictures, own.left_out
    read_trailing(file, found)


def _by_tinytag(file: BinaryIO, found: Gathered) -> None:
    """Take the tags of a wma file."""
    from tinytag import TinyTag

    file.seek(0)
    tags = TinyTag.get(file_obj=file, duration=False, image=True)
    for key in ("title", "artist", "album", "albumartist", "composer", "genre", "comment"):
        if value := getattr(tags, key):
            found.add(key, str(value))
    if tags.year:
        found.add("DATE", str(tags.year))
    found.add_number(("TRACKNUMBER", "TRACKTOTAL"), f"{tags.track or ''}/{tags.track_total or ''}")
    found.add_number(("DISCNUMBER", "DISCTOTAL"), f"{tags.disc or ''}/{tags.disc_total or ''}")
    for key, values in tags.other.items():
        name = canonical(key.lstrip("_"))
        found.add(name, *(str(value) for value in values if str(value) not in found.tags.get(name, ())))
    for images in tags.images.as_dict().values():
        for image in images:
            found.add_picture(image.data, image.mime_type or "", 3, image.description or "")
