"""Any audio file as an `AudioSource`: libsndfile reads it, or else an installed ffmpeg."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from codec.audio.source import AudioSource
from codec.files import check_uncoded
from formats.errors import AudioError

if TYPE_CHECKING:
    from os import PathLike

    from codec.audio.headers.extent import Extent


def open_source(path: str | PathLike[str], *, accept_cut: bool = False, downmix: bool = False) -> AudioSource:
    """Open an audio file for reading.

    Args:
        path: the file.
        accept_cut: whether to read a file of which a part is missing; `AudioSource.lost` tells then what is.
        downmix: whether more than two channels are mixed to stereo; `AudioSource.notes` tells then how.

    Raises:
        AudioError: there is no such file, it is not an audio file, or it needs ffmpeg, which is not installed;
        CodedError: it is an .aez file; ChannelsError: it has more than two channels; CutError: a part of it is missing.
    """
    file = Path(path)
    if not os.fspath(path):  # which a Path takes for the current folder
        raise AudioError("the name of the source is empty")
    if not file.exists():
        raise AudioError(f"{path}: no such file")
    if not file.is_file():
        raise AudioError(f"{path} is {'a directory' if file.is_dir() else 'no regular file'}, no audio file")
    check_uncoded(file)
    from codec.audio.headers.examine import examine, examine_unnamed

    try:
        extent = examine(file)
        source = _by_libsndfile(file, extent, accept_cut, downmix)
        if source is not None:
            return source
        from codec.audio.ffmpeg import FfmpegSource

        unnamed = None if extent.links or extent.foreign or not file.stat().st_size else examine_unnamed(file)
        source = _by_libsndfile(file, unnamed, accept_cut, downmix) if unnamed else None
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror}") from None
    return source or FfmpegSource(file, lost=extent.lost, accept_cut=accept_cut, downmix=downmix)


def _by_libsndfile(file: Path, extent: Extent, accept_cut: bool, downmix: bool) -> AudioSource | None:
    """The source that libsndfile reads; None if it does not read this file."""
    import soundfile

    from codec.audio.chain import ChainedSource
    from codec.audio.libsndfile import SoundfileSource

    if extent.foreign or file.suffix.lower() == ".raw":  # soundfile opens .raw only if told what is in it
        return None
    try:
        if len(extent.links) > 1:
            return ChainedSource(file, extent.links, lost=extent.lost, accept_cut=accept_cut, downmix=downmix)
        return SoundfileSource(
            file, *extent.links, lost=extent.lost, note=extent.note, accept_cut=accept_cut, downmix=downmix
        )
    except soundfile.SoundFileError:
        return None
