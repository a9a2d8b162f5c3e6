"""The result of examining a file: what libsndfile should be given, and what is missing."""

from __future__ import annotations

from typing import NamedTuple

Part = bytes | tuple[int, int]
"""Bytes as they are, or start and end of a piece of the file."""


class Extent(NamedTuple):
    """Where the audio of a file lies.

    Attributes:
        links: what libsndfile should be given, for each of the streams that follow each other; empty for the file as
            it is.
        lost: what is missing, as the end of a sentence that begins with the file's name; empty if nothing is.
        note: what was left out though it is no music to speak of, in the same form.
        foreign: whether libsndfile would misread the file, so that ffmpeg has to read it; where there is a link, it
            holds MPEG audio.
    """

    links: tuple[tuple[Part, ...], ...] = ()
    lost: str = ""
    note: str = ""
    foreign: bool = False


AS_IT_IS = Extent()


def tags_behind(data: bytes, end: int) -> int:
    """Where the audio of a file ends: before ID3v1, Lyrics3 and APE tags.

    Args:
        data: the last bytes of the file.
        end: size of the file.
    """
    begin = end - len(data)
    while True:
        tail = data[: end - begin]
        if tail[-128:-125] == b"TAG":
            end -= 128
        elif tail[-32:-24] == b"APETAGEX":
            size = int.from_bytes(tail[-20:-16], "little")
            header = len(tail) - size - 32  # which not all have, whatever the footer says
            end = max(begin, end - size - (32 if tail[max(0, header) : header + 8] == b"APETAGEX" else 0))
        elif tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
            end = max(begin, end - int(tail[-15:-9]) - 15)
        else:
            return end
