"""Sources that libsndfile does not read (m4a, aac, wma and others), through audioread and an installed ffmpeg."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from audioread import DecodeError
from audioread.ffdec import FFmpegAudioFile, NotInstalledError
from numpy.typing import NDArray

from codec.audio.downmix import places_by_count, places_of_layout
from codec.audio.headers.mp4 import exact_length
from codec.audio.source import FileSource
from codec.audio.tags.read import Found, read_tags
from formats.errors import AudioError

_NO_AUDIO = "{} holds no audio that libsndfile or ffmpeg can read"

_LIST = "{} is a playlist or a web page, and no audio file; name the songs themselves"

_LISTS = (b"#EXTM3U", b"ffconcat", b"<")
"""First bytes of playlists (HLS, ffmpeg's own, and all that are XML), whatever the file is called."""

_LIST_FORMATS = frozenset(
    (
        "hls",
        "applehttp",
        "dash",
        "webm_dash_manifest",
        "concat",
        "imf",
        "sdp",
        "rtsp",
        "image2",
        "avisynth",
        "vapoursynth",
    )
)
"""ffmpeg's formats of files that name other files, or other machines."""

_QUEUED = 256
"""Blocks of 8 KiB that ffmpeg may decode in advance."""


_UNDECODED = re.compile(
    "error while decoding|error submitting packet|partial file|ended prematurely|truncated|packet corrupt",
    re.IGNORECASE,
)

_PADDING = 2112
"""Most samples behind the music in the last frames of an m4a: Apple's encoder adds the most."""

_TOLERANCE = 0.25
"""Seconds by which a file may be shorter than it says: audioread knows the first decimal place only."""


class _Recorder:
    """Lines of a stream, remembered."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.lines: list[bytes] = []

    def readline(self) -> bytes:
        line: bytes = self.stream.readline()
        self.lines.append(line)
        return line

    @property
    def text(self) -> str:
        """All of them."""
        return b"".join(self.lines).decode("utf-8", "replace")


class _Ffmpeg(FFmpegAudioFile):  # type: ignore[misc]
    """audioread's ffmpeg process, with a bounded queue and with channel layouts that audioread misreads."""

    def __init__(self, filename: str) -> None:
        self.layout = ""
        self.channels = 0
        try:
            super().__init__(filename)
        except BaseException:
            self.close()  # when it finds no audio, audioread leaves process and pipes to the garbage collector
            raise
        # audioread's queue is unbounded: an hour of audio would fill it long before it is encoded.
        self.stdout_reader.queue.maxsize = _QUEUED

    def _parse_info(self, s: str) -> None:
        super()._parse_info(s)
        layout = re.search(r"hz, ([^,]+)", s)
        self.layout = layout[1].strip() if layout else ""
        if self.channels == 1 and self.layout not in ("mono", "1 channels"):  # "quad" and such: audioread says 1
            self.channels = 2 if self.layout == "downmix" else len(places_of_layout(self.layout))

    def _get_info(self) -> None:
        self._opening = _Recorder(self.proc.stderr)
        self.proc.stderr = self._opening
        try:
            super()._get_info()
        finally:
            self.proc.stderr = self._opening.stream

    def lines(self) -> list[str]:
        """All of ffmpeg's messages; complete when all is read."""
        self.stderr_reader.join()
        rest = b"".join(self.stderr_reader.queue.queue).decode("utf-8", "replace")
        return (self._opening.text + rest).splitlines()

    def errors(self) -> list[str]:
        """ffmpeg's messages about data that it could not decode, or that are missing."""
        return [line for line in self.lines() if _UNDECODED.search(line)]

    @property
    def is_list(self) -> bool:
        """Whether ffmpeg takes the file for one that names others."""
        found = re.search(r"^Input #0, (.+?), from ", self._opening.text, re.MULTILINE)
        return found is not None and not _LIST_FORMATS.isdisjoint(found[1].split(","))

    @property
    def has_true_duration(self) -> bool:
        """Whether the duration is the audio's: neither an estimate nor that of a film."""
        lines = self.lines()
        return not any("Estimating duration" in line for line in lines) and not any(
            "Video:" in line and "attached pic" not in line for line in lines
        )

    def close(self) -> None:
        # The reader thread may be waiting for room in the queue, and audioread would then wait for the thread for ever.
        if hasattr(self, "stdout_reader"):
            queue = self.stdout_reader.queue
            with queue.not_full:
                queue.maxsize = sys.maxsize
                queue.not_full.notify_all()
        super().close()


class FfmpegSource(FileSource):
    """A file that ffmpeg decodes to 16 bit samples.

    What AAC adds behind the music is cut off where an m4a states its exact length, which ffmpeg does not do.

    Raises:
        AudioError: ffmpeg is missing, or finds no audio, or more than two channels; CutError: a part is missing.
    """

    def __init__(self, path: Path, *, lost: str = "", accept_cut: bool = False, downmix: bool = False) -> None:
        with path.open("rb") as file:
            if file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_LISTS):
                # ffmpeg would read the files that it names, so a song from a stranger could take others with it.
                raise AudioError(_LIST.format(path))
        try:
            # An absolute path: ffmpeg would take "a:b.m4a" for a protocol.
            self._ffmpeg = _Ffmpeg(str(path.absolute()))
        except NotInstalledError:
            raise AudioError(
                f"{path} is not a file that libsndfile reads; ffmpeg may read it, but is not installed"
            ) from None
        except (DecodeError, OSError):
            raise AudioError(_NO_AUDIO.format(path)) from None
        try:
            if self._ffmpeg.is_list:  # one that begins with a tag, or with many blanks
                raise AudioError(_LIST.format(path))
            if not self._ffmpeg.layout:  # it took the file for audio by its name
                raise AudioError(_NO_AUDIO.format(path))
            if not self._ffmpeg.channels:
                raise AudioError(
                    f"{path} has the channel layout {self._ffmpeg.layout!r}; only mono and stereo can be encoded"
                )
            count = self._ffmpeg.channels
            places = (places_of_layout(self._ffmpeg.layout) or places_by_count(count)) if downmix else None
            super().__init__(path, self._ffmpeg.samplerate, count, None, accept_cut=accept_cut, places=places)
            if lost:
                self._lose(lost)
            with path.open("rb") as file:
                self._end = exact_length(file, self.sample_rate)
        except BaseException:
            self._ffmpeg.close()
            raise
        self.expected = self._end or round(self._ffmpeg.duration * self.sample_rate) or None
        self._done = 0
        self._data: Iterator[bytes] = iter(self._ffmpeg)
        self._rest = b""

    def _read(self, size: int) -> NDArray[np.float32]:
        data = self._take(size)
        if self._end is not None and self._done + self._count(data) > self._end:
            behind = self._take(_PADDING)  # only a little is padding; more is music, whatever the file says
            if self._done + self._count(data) + self._count(behind) <= self._end + _PADDING:
                data = data[: (self._end - self._done) * 2 * self._width]
            else:
                self._rest = behind + self._rest
            self._end = None
        values = self._count(data) * self._width
        self._done += self._count(data)
        samples = np.frombuffer(data, "<i2", count=values).astype(np.float32)
        return samples.reshape(-1, self._width) * np.float32(2**-15)

    def _read_tags(self) -> Found:
        return read_tags(self.path, probe=True)

    def _count(self, data: bytes) -> int:
        """Whole samples in data."""
        return len(data) // (2 * self._width)

    def _take(self, size: int) -> bytes:
        """The next samples as bytes; fewer than `size` at the end only."""
        wanted = size * self._width * 2
        parts = [self._rest]
        count = len(self._rest)
        try:
            while count < wanted and (data := next(self._data, b"")):
                parts.append(data)
                count += len(data)
        except DecodeError as error:
            raise AudioError(f"ffmpeg stopped while it read {self.name}: {_one_line(error)}") from None
        joined = b"".join(parts)
        self._rest = joined[wanted:]
        return joined[:wanted]

    def _finish(self, delivered: int) -> None:
        status = self._ffmpeg.proc.wait()
        errors = self._ffmpeg.errors()
        if errors or status:
            reason = re.sub(r"^\[[^]]*\] *", "", errors[0]) if errors else f"exit status {status}"
            self._lose(f"is damaged: ffmpeg says {reason!r}")
        shortfall = self._ffmpeg.duration - delivered / self.sample_rate
        if not self.lost and shortfall > _TOLERANCE and self._ffmpeg.has_true_duration:
            self._lose(f"is cut: {self._time(delivered)} of {self._ffmpeg.duration:.1f} s are there")

    def close(self) -> None:
        """End ffmpeg."""
        self._ffmpeg.close()


def _one_line(error: Any) -> str:
    return " ".join(str(error).split())[:200]
