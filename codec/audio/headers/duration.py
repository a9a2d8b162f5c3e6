"""Durations that headers state, for lists of songs: nothing is decoded, and little of a file is read."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from codec.audio import c_stderr
from codec.audio.c_names import c_name
from codec.audio.headers.id3 import id3_size
from codec.audio.headers.mp4 import stated_seconds as seconds_of_mp4
from codec.audio.headers.mpeg import stated_seconds as seconds_of_mpeg

_BY_LIBSNDFILE = (b"RIFF", b"RIFX", b"RF64", b"riff", b"FORM", b"caff", b".snd", b"dns.", b"fLaC", b"OggS")
"""First bytes of files whose length libsndfile finds in a header, or on the last page."""

LARGEST_PAGE = 65_307
"""Most bytes of a page of Ogg."""

_FIRST = 1 << 14
"""Bytes in which the first frames of an mp3 lie."""


def stated_seconds(path: Path) -> float | None:
    """Duration in seconds that the headers of an audio file state; None if they state none, or the file is damaged.

    What is read may be longer or shorter, because headers need not be true.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(64)
        if head[4:8] == b"ftyp":
            return seconds_of_mp4(file)
        behind = id3_size(head[:10])
        file.seek(behind)
        first = file.read(_FIRST)
        if first[:4] == b"OggS" and not _is_one_stream(file, first):
            return None
    if first[:4] in _BY_LIBSNDFILE:
        return _by_libsndfile(path)
    return seconds_of_mpeg(first)


def _is_one_stream(file: BinaryIO, first: bytes) -> bool:
    """Whether an Ogg file ends with the stream it begins with; libsndfile would count only the first of several."""
    size = file.seek(0, 2)
    file.seek(max(0, size - LARGEST_PAGE))
    last = file.read(LARGEST_PAGE)
    at = last.rfind(b"OggS\0")
    return at >= 0 and last[at + 14 : at + 18] == first[14:18]


def _by_libsndfile(path: Path) -> float | None:
    import soundfile

    c_stderr.replace()
    try:
        found = soundfile.info(c_name(path))
    except (soundfile.SoundFileError, TypeError):
        return None
    return found.frames / found.samplerate if 0 < found.frames < 1 << 60 and found.samplerate else None
