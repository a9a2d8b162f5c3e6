"""Writing tags and pictures into finished audio files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from codec.audio.headers.id3 import HEAD, id3_size
from codec.audio.tags.caf import write_caf
from codec.audio.tags.flac import write_flac
from codec.audio.tags.gather import Gathered
from codec.audio.tags.id3_frames import write_id3
from codec.audio.tags.mp4 import write_mp4
from codec.audio.tags.ogg import write_ogg
from codec.audio.tags.riff import write_aiff, write_wav
from codec.audio.tags.splice import splice
from formats import Metadata


def write_mp3(file: BinaryIO, metadata: Metadata) -> list[str]:
    """Put an ID3v2.4 tag in front of an mp3 file, in place of the one that it has -> what was left out."""
    left_out: list[str] = []
    file.seek(0)
    old = id3_size(file.read(HEAD))
    splice(file, 0, old, write_id3(metadata, left_out))
    return left_out


_Writer = Callable[[BinaryIO, Metadata], list[str]]

WRITERS: dict[str, _Writer] = {
    "wav": write_wav,
    "aiff": write_aiff,
    "flac": write_flac,
    "ogg": write_ogg,
    "opus": write_ogg,
    "mp3": write_mp3,
    "m4a": write_mp4,
    "caf": write_caf,
}
"""How each kind of file is given its tags."""

_AHEAD: dict[str, _Writer] = {
    "wav": partial(write_wav, ahead=True),
    "aiff": partial(write_aiff, ahead=True),
    "caf": partial(write_caf, ahead=True),
}
"""The same for a reader that cannot seek, where the tags are usually behind the audio."""


def write_tags(file: BinaryIO, kind: str, metadata: Metadata, *, ahead: bool = False) -> list[str]:
    """Write tags and pictures into a finished audio file.

    Args:
        file: open for reading and writing, and able to seek.
        kind: the usual extension of such files, without the dot.
        metadata: tags by the keys of Vorbis comments, and pictures.
        ahead: whether they have to come before the audio, for a reader that cannot seek.

    Returns:
        what the kind cannot hold, in words; empty if all was written.

    Raises:
        OSError: as the file object raises it.
    """
    found = Gathered()
    for key, values in metadata.tags.items():
        found.add(key, *values)  # which no file that was read needs, but a program may hand over anything
    if not found.tags and not metadata.pictures:
        return []
    tags = {key: tuple(values) for key, values in found.tags.items()}
    writer = _AHEAD[kind] if ahead and kind in _AHEAD else WRITERS[kind]
    return list(dict.fromkeys(found.left_out + writer(file, Metadata(tags, metadata.pictures))))
