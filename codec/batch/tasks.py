"""What `codec.batch.run` does to one file: encode, decode or peel it, unless that was done before.

Tasks are plain data, so that they can be sent to other machines. What is there already is left alone without `force`;
with `resume` it is kept where it is complete, no older than its source and made with the same settings, else made anew.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from codec.audio.open import open_source
from codec.audio.sink import AudioSink, target_kind
from codec.audio.source import ArraySource
from codec.batch.jobs import Job
from codec.batch.run import Result
from codec.files import check_target, new_file
from codec.pipeline import decode as decoding
from codec.pipeline import encode as encoding
from codec.pipeline import peel as peeling
from formats import Coder, Header, Reader
from formats.errors import FormatError

if TYPE_CHECKING:
    from codec.pipeline.workers import Progress


class Settings(TypedDict):
    """How to encode: arguments of `codec.pipeline.encode.encode`."""

    latent: int | None
    gain: int | None
    bitrate: float | None
    model: str | None
    coder: str
    device: str


NEAR = 0.03
"""Relative error of a file's rate that passes for the bitrate asked for."""


@dataclass(frozen=True)
class Manners:
    """How a task treats a target that is there: `force` replaces it, `resume` keeps it if it is what would be made."""

    force: bool = False
    resume: bool = False


@dataclass(frozen=True)
class EncodeTask:
    """Encode a file.

    Attributes:
        wanted: header of a file that was made with these options.
    """

    options: Settings
    manners: Manners
    wanted: Header

    @classmethod
    def settle(cls, options: Settings, manners: Manners) -> EncodeTask:
        """Check the options before any file is opened, by encoding nothing with them; AezError as `codec.encode`."""
        import numpy as np

        out = BytesIO()
        encoding.encode(ArraySource(np.zeros((1, 0), np.float32), 44100), out, **options)
        out.seek(0)
        return cls(options, manners, Reader(out).header)

    def __call__(self, job: Job, progress: Progress | None = None) -> Result:
        """Do one file."""
        if self.manners.resume and is_fresh(job) and self._is_done(job.target):
            return Result(job, kept=True)
        force = self.manners.force or self.manners.resume
        check_target(job.target, force=force, source=job.source)
        with open_source(job.source) as audio, new_file(job.target, force=force, source=job.source) as file:
            report = encoding.encode(audio, file, **self.options, progress=progress)
        return Result(job, seconds=report.seconds, warnings=tuple(audio.warnings))

    def _is_done(self, target: Path) -> bool:
        with target.open("rb") as file, contextlib.suppress(FormatError):
            reader = Reader(file)
            header = reader.header
            if not reader.complete or (header.model, header.latent) != (self.wanted.model, self.wanted.latent):
                return False
            coder = self.options["coder"]
            if coder != "auto" and header.coder != Coder[coder.upper()]:
                return False
            bitrate = self.options["bitrate"]
            if bitrate is None:
                return header.gain == self.wanted.gain
            samples, size = reader.samples or 0, reader.coded_size or 0
            wanted = bitrate * 125 * samples / header.sample_rate  # bytes
            return abs(size - len(reader.metadata.cover or b"") - wanted) <= NEAR * wanted
        return False


@dataclass(frozen=True)
class DecodeTask:
    """Decode a file to what its target's extension says; arguments as `codec.pipeline.decode.decode` takes them."""

    manners: Manners
    subtype: str | None = None
    start: float = 0.0
    duration: float | None = None
    model: str | None = None
    device: str = "auto"
    salvage: bool = False

    def __call__(self, job: Job, progress: Progress | None = None) -> Result:
        """Do one file."""
        with job.source.open("rb") as coded:
            reader = Reader(coded)
            header = reader.header
            if self.manners.resume and is_fresh(job) and self._is_done(job.target, reader):
                return Result(job, kept=True)
            force = self.manners.force or self.manners.resume
            with (
                new_file(job.target, force=force, source=job.source) as file,
                AudioSink(
                    file, str(job.target), header.sample_rate, header.channels, subtype=self.subtype,
                    tags=self._tags(reader), expected=self._samples(reader),
                ) as sink,
            ):  # fmt: skip
                report = decoding.decode(
                    reader, sink, start=self.start, duration=self.duration, model=self.model, device=self.device,
                    progress=progress, salvage=self.salvage,
                )  # fmt: skip
        clipped = [f"{job.target}: {report.clipped} samples clipped"] if report.clipped else []
        lost = [f"{job.source}: {line}" for line in (*(f"{loss}, is lost" for loss in report.losses), *report.damage)]
        warnings = (*clipped, *lost)
        return Result(job, seconds=report.samples / header.sample_rate, warnings=warnings, damaged=bool(lost))

    def _tags(self, reader: Reader) -> dict[str, str]:
        try:
            return reader.metadata.tags
        except FormatError:
            if not self.salvage:
                raise
            return {}

    def _samples(self, reader: Reader) -> int | None:
        rate = reader.header.sample_rate
        wanted = None if self.duration is None else round(self.duration * rate)
        if reader.samples is None:
            return wanted
        left = max(0, reader.samples - round(self.start * rate))
        return left if wanted is None else min(left, wanted)

    def _is_done(self, target: Path, reader: Reader) -> bool:
        import soundfile

        kind, subtype = target_kind(target, self.subtype)
        try:
            info = soundfile.info(target)
        except soundfile.SoundFileError:
            return False
        header = reader.header
        if (info.samplerate, info.channels, info.subtype) != (header.sample_rate, header.channels, subtype):
            return False
        return kind == "mp3" or info.frames == self._samples(reader)  # an mp3's length is a guess


@dataclass(frozen=True)
class PeelTask:
    """Cut a file down to `latent` latents a frame."""

    manners: Manners
    latent: int

    def __call__(self, job: Job, progress: Progress | None = None) -> Result:
        """Do one file."""
        with job.source.open("rb") as coded:
            if self.manners.resume and is_fresh(job) and self._is_done(job.target, Reader(coded).header):
                return Result(job, kept=True)
            coded.seek(0)
            force = self.manners.force or self.manners.resume
            with new_file(job.target, force=force, source=job.source) as file:
                peeling.peel(coded, file, self.latent)
        return Result(job)

    def _is_done(self, target: Path, source: Header) -> bool:
        with target.open("rb") as file, contextlib.suppress(FormatError):
            reader = Reader(file)
            header = reader.header
            same = (header.model, header.gain, header.coder) == (source.model, source.gain, source.coder)
            return reader.complete and same and header.latent == self.latent
        return False


def is_fresh(job: Job) -> bool:
    """Tell whether the target is a file no older than its source."""
    return job.target.is_file() and job.target.stat().st_mtime >= job.source.stat().st_mtime
