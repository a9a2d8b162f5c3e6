"""Kinds of files that libsndfile does not write, through an installed ffmpeg.

Samples are piped to ffmpeg, which writes a temporary file, because it has to seek in it; the complete file is copied to
the target, which then appears as all others do.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.audio.kinds import Encoding
from codec.ending import removed_at_the_end
from formats.errors import AudioError

_DEFAULT = 80
"""Default bit rate of one channel at 40 kHz and more, in 1000 bit/s."""


class FfmpegWriter:
    """An audio file that ffmpeg writes.

    Args:
        target: takes the bytes of the complete file.
        name: its name in messages.
        encoding: of a kind that has a codec of ffmpeg.
        sample_rate: Hz.
        channels: 1 or 2.

    Raises:
        AudioError: ffmpeg is not installed, or cannot be started; OSError: there is no room for temporary files.
    """

    def __init__(
        self,
        target: Callable[[bytes], object],
        name: str,
        encoding: Encoding,
        sample_rate: int,
        channels: int,
    ) -> None:
        self._copy, self._name = target, name
        program = find_ffmpeg(encoding)
        bitrate = encoding.bitrate or channels * min(_DEFAULT, 2 * sample_rate / 1000)
        with contextlib.ExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="aez-")))
            opened.enter_context(removed_at_the_end(folder))
            self._made = folder / "made"
            self._messages = opened.enter_context((folder / "messages").open("w+b"))
            command: list[str | Path] = [
                program, "-hide_banner", "-loglevel", "error", "-y",
                "-f", "f32le", "-ar", str(sample_rate), "-ac", str(channels), "-i", "pipe:0",
                "-c:a", encoding.kind.codec, "-b:a", f"{round(1000 * bitrate)}",
                *_exact(program, encoding.kind.container, sample_rate), "-movflags", "+faststart",  # plays from a pipe
                "-f", encoding.kind.container, self._made,
            ]  # fmt: skip
            # In a group of its own: Ctrl-C reaches this process only, which ends ffmpeg.
            alone: dict[str, Any] = {} if sys.platform == "win32" else {"process_group": 0}
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._messages, **alone
                )
            except OSError as error:
                raise AudioError(f"cannot write {name}: ffmpeg cannot be started: {error.strerror}") from None
            opened.callback(self._end)
            self._opened = opened.pop_all()

    def write(self, samples: NDArray[np.float32]) -> None:
        """Append samples [N, C] in contiguous memory, full scale at +-1.

        Raises:
            AudioError: ffmpeg has failed.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(samples.astype("<f4", copy=False).data)
        except OSError:
            self._process.wait()
            raise self._failure() from None

    def close(self) -> None:
        """Complete the file, and copy it to the target.

        Raises:
            AudioError: ffmpeg has failed.
        """
        assert self._process.stdin is not None
        with self._opened:
            try:
                self._process.stdin.close()
            except OSError:
                self._process.wait()
                raise self._failure() from None
            if self._process.wait() or not self._made.exists():
                raise self._failure()
            with self._made.open("rb") as made:
                while data := made.read(1 << 20):
                    self._copy(data)

    def abandon(self) -> None:
        """End ffmpeg, and remove what it has written."""
        self._opened.close()

    def _end(self) -> None:
        self._process.kill()
        with contextlib.suppress(OSError):  # what is buffered goes nowhere
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()

    def _failure(self) -> AudioError:
        self._messages.seek(0)
        lines = [line for line in self._messages.read(1 << 16).decode("utf-8", "replace").splitlines() if line.strip()]
        if not lines:
            return AudioError(f"cannot write {self._name}: ffmpeg ended with status {self._process.returncode}")
        said = lines[0].strip().rpartition("] ")[2].replace(str(self._made), self._name)
        return AudioError(f"cannot write {self._name}: ffmpeg says {said[:200]!r}")


def find_ffmpeg(encoding: Encoding) -> str:
    """The program that writes an encoding; empty if libsndfile does.

    Raises:
        AudioError: ffmpeg is not installed.
    """
    if not encoding.kind.codec:
        return ""
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(
            f".{encoding.kind.name} files are written by ffmpeg, which is not installed; .opus and .mp3 need none"
        )
    return program


@functools.cache
def _help(program: str, muxer: str) -> str:
    command = [program, "-hide_banner", "-h", f"muxer={muxer}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return ""  # the next start tells why
    return done.stdout.decode("utf-8", "replace")


def _exact(program: str, muxer: str, sample_rate: int) -> list[str]:
    """Options that make the muxer count in samples, where it would count in milliseconds; ffmpeg 4 has none."""
    return ["-movie_timescale", str(sample_rate)] if "movie_timescale" in _help(program, muxer) else []
