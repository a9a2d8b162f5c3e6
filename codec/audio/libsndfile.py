"""Sources that libsndfile reads: wav, flac, mp3, ogg, opus, aiff and their kin.

Two habits of libsndfile and soundfile would lose samples and are worked around: libsndfile guesses the length of some
mp3s, and soundfile seeks after every block. What headers say wrongly is found beforehand, by `codec.audio.headers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.audio import c_stderr
from codec.audio.c_names import c_name
from codec.audio.downmix import Places, places_by_count, places_of_map, places_of_vorbis
from codec.audio.headers.extent import Part
from codec.audio.linear import open_linear
from codec.audio.source import FileSource
from codec.audio.spliced import Spliced

_VORBIS_BLOCK = 8192
"""Samples of Vorbis's largest block, by which the length on a file's last page may be too large."""

_MAPPED = ("WAV", "WAVEX", "RF64", "W64", "CAF")
"""Formats whose channel maps libsndfile reads; those that it gives of an aiff are not filled in."""

_GET_CHANNEL_MAP = 0x1100
"""libsndfile's SFC_GET_CHANNEL_MAP_INFO."""

_MOST_DECODED = np.float32(128)
"""Largest sample of an mp3, 42 dB over full scale: bits that are not an encoder's can decode to any number."""

_STEP = np.float32(2**-15)
"""Step size of 16 bit samples."""


class SoundfileSource(FileSource):
    """A file that libsndfile reads.

    Args:
        path: the file.
        parts: pieces of it to read, and bytes that stand for others; the whole file if empty.
        lost: what is known to be missing, as in `codec.audio.headers.extent.Extent`.
        note: what was left out though nothing is missing, in the same form.
        accept_cut: whether to read a file of which a part is missing.
        downmix: whether more than two channels are mixed to stereo.

    Raises:
        AudioError: more than two channels, or a sample rate outside `codec.audio.source.RATES`; CutError: a part is
        missing.
        soundfile.SoundFileError: libsndfile does not read this file.
        OSError: the file cannot be read.
    """

    def __init__(
        self,
        path: Path,
        parts: tuple[Part, ...] = (),
        *,
        lost: str = "",
        note: str = "",
        accept_cut: bool = False,
        downmix: bool = False,
    ) -> None:
        import soundfile

        c_stderr.replace()
        self._error: type[Exception] = soundfile.SoundFileError
        self._spliced = Spliced(path, parts) if parts else None
        self._file: Any = None
        self._has_nonsense = False
        try:
            self._file = open_linear(self._spliced or c_name(path))
            declared = self._file.frames if self._file.frames < 1 << 60 else None  # 2^63 - 1 stands for "unknown"
            self._kind = self._file.format
            # The length in an mp3's header is a hint, and an Ogg's last page may count a block that no decoder gives.
            exact = self._kind not in ("MP3", "OGG") and not lost
            super().__init__(
                path, self._file.samplerate, self._file.channels, declared if exact else None, accept_cut=accept_cut,
                places=_places(self._file) if downmix else None,
            )  # fmt: skip
            self.expected = declared
            if lost:
                self._lose(lost)
            # Behind a flac's last frame there may be zeros, at which libFLAC loses sync.
            self._end = declared if self._kind == "FLAC" and declared else 1 << 63
            self._is_guess = self._kind == "MP3" and not (parts and isinstance(parts[0], bytes))
            if self._kind == "MP3":
                self._open_mp3(path, parts or ((0, path.stat().st_size),))
        except BaseException:
            self.close()
            raise
        self._done = 0
        self._note = note

    @property
    def notes(self) -> tuple[str, ...]:
        """Also what was left out."""
        return (*super().notes, *([f"{self.name} {self._note}"] if self._note else []))

    def _open_mp3(self, path: Path, parts: tuple[Part, ...]) -> None:
        self.close()
        self._spliced = Spliced(path, parts, exaggerate=self._is_guess)
        self._file = open_linear(self._spliced)

    def _read(self, size: int) -> NDArray[np.float32]:
        # NumPy converts 16 bit samples to float32 in a fifth of the time that libsndfile takes.
        is_short = self._file.subtype == "PCM_16" and not self.accept_cut
        size = min(size, self._end - self._done)
        block: NDArray[Any] = np.full(
            (size, self._width), 0 if is_short else np.nan, np.int16 if is_short else np.float32
        )
        try:
            filled: NDArray[Any] = self._file.read(out=block)
        except self._error as error:
            self._stop_if_interrupted()
            reason = str(error).removeprefix("Error : ").rstrip(".")
            self._lose(f"is damaged near {self._time(self._done)}: {reason}")
            # soundfile does not say how many samples came before the damage.
            filled = block[: np.append(np.isfinite(block[:, 0]), False).argmin()][: size - 1]
        self._stop_if_interrupted()
        if self._kind == "MP3":
            self._silence_nonsense(filled)
        self._done += len(filled)
        return filled * _STEP if is_short else filled

    def _silence_nonsense(self, block: NDArray[np.float32]) -> None:
        """Replace what damaged frames of an mp3 decode to."""
        if block.min(initial=0) >= -_MOST_DECODED and block.max(initial=0) <= _MOST_DECODED:
            return
        if not self._has_nonsense:
            self._has_nonsense = True
            self._lose(f"is damaged near {self._time(self._done)}: a part of it decodes to nonsense")
        block[~(np.abs(block) <= _MOST_DECODED)] = 0

    def _stop_if_interrupted(self) -> None:
        if self._spliced and self._spliced.stopped:
            raise self._spliced.stopped

    def _finish(self, delivered: int) -> None:
        if self.expected is None or self.lost or self._is_guess:
            return
        shortfall = self.expected - delivered
        if shortfall > (_VORBIS_BLOCK if self._kind == "OGG" else 0):
            self._lose(f"is damaged: {delivered} of its {self.expected} samples could be read")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        if self._spliced:
            self._spliced.close()


def _places(file: Any) -> Places:
    """Where the channels of an open file belong."""
    if file.format == "OGG":
        return places_of_vorbis(file.channels)
    if file.format in _MAPPED:
        import soundfile

        numbers = soundfile._ffi.new("int[]", file.channels)  # soundfile has no function for this
        if soundfile._snd.sf_command(file._file, _GET_CHANNEL_MAP, numbers, soundfile._ffi.sizeof(numbers)):
            return places_of_map(list(numbers)) or places_by_count(file.channels)
    return places_by_count(file.channels)
