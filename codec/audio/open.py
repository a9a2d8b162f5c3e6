"""Any audio file as an `AudioSource`: libsndfile reads it, or else an installed ffmpeg."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from codec.audio.source import AudioSource
from formats.errors import AudioError

if TYPE_CHECKING:
    from os import PathLike


def open_source(path: str | PathLike[str]) -> AudioSource:
    """Open an audio file for reading.

    Raises:
        AudioError: there is no such file, it is not an audio file, it has more than two channels, or it needs ffmpeg,
        which is not installed.
    """
    file = Path(path)
    if not file.exists():
        raise AudioError(f"{path}: no such file")
    if not file.is_file():
        raise AudioError(f"{path} is {'a directory' if file.is_dir() else 'no regular file'}, no audio file")
    import soundfile

    from codec.audio.libsndfile import SoundfileSource

    try:
        with file.open("rb") as opened:
            chained = _is_chained_ogg(opened)
        if not chained and file.suffix.lower() != ".raw":  # soundfile opens .raw only if told what is in it
            return SoundfileSource(file)
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror}") from None
    except soundfile.SoundFileError:
        pass
    from codec.audio.ffmpeg import FfmpegSource

    return FfmpegSource(file)


def _is_chained_ogg(file: BinaryIO) -> bool:
    """Tell whether an Ogg file is several streams one after the other, of which libsndfile reads only the first."""
    begins = b"OggS\0\2"  # the first bytes of a page that begins a stream
    head = begins
    while head == begins:  # parallel streams all begin before the first page of another kind
        page = file.read(27)
        head = page[:6]
        if len(page) < 27 or head[:4] != b"OggS":
            return False
        segments = file.read(page[26])
        file.seek(sum(segments), 1)
    tail = b""
    while data := file.read(1 << 20):
        if begins in tail + data:
            return True
        tail = data[-len(begins) :]
    return False
