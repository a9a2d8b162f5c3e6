"""Tasks for `codec.batch.run`: encode, decode or peel one file, unless that was done before.

Tasks are plain data, so that they can be sent to other machines. Without `force`, an existing target is an error. With
`resume`, it is kept if the journal of the output folder says that the same settings made it from the same source, that
nothing was lost, and that it has not changed since. An .aez file that is not in the journal is kept if its header is
what would be written now and all its checksums match. Any other target is made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codec.audio.open import open_source
from codec.audio.sink import target_kind
from codec.audio.source import ArraySource
from codec.batch.jobs import Job
from codec.batch.journal import Seal, SourceState, settings_digest
from codec.batch.run import Result
from codec.pipeline import file_codec
from codec.pipeline.encode import encode
from codec.pipeline.plan import DecodePlan, EncodePlan
from codec.runtime import models
from formats import Header, Reader
from formats.errors import FormatError, ModelError

if TYPE_CHECKING:
    from codec.pipeline.workers import Engine, Progress

NEAR = 0.03
"""Largest relative error of the rate of a file that is kept although it is not in the journal."""


@dataclass(frozen=True)
class Manners:
    """How a task treats an existing target: `force` replaces it, `resume` keeps it if it is what would be made now."""

    force: bool = False
    resume: bool = False

    @property
    def replaces(self) -> bool:
        """Whether a target that is not kept may be replaced."""
        return self.force or self.resume

    def keeps(self, job: Job, settings: str, source: SourceState, alike: Callable[[], bool]) -> bool:
        """Whether the target can be kept; `alike` decides it for a target that is not in the journal."""
        if not self.resume:
            return False
        if job.entry is not None:
            return job.entry.describes(settings, source, job.target)
        return is_fresh(job) and alike()


@dataclass(frozen=True)
class EncodeTask:
    """Encode a file."""

    plan: EncodePlan
    manners: Manners

    def __call__(self, job: Job, engine: Engine, progress: Progress | None = None) -> Result:
        """Do one file."""
        source = SourceState.of(job.source)
        if self.manners.keeps(job, self.settings, source, lambda: self._is_alike(job)):
            return Result(job, kept=True)
        seal = Seal()
        report = file_codec.encode_file(
            job.source, job.target, self.plan, force=self.manners.replaces, engine=engine, progress=progress,
            finished=seal.take,
        )  # fmt: skip
        entry = source.finished(self.settings, seal)
        return Result(job, seconds=report.seconds, warnings=tuple(report.warnings), entry=entry)

    def try_out(self, engine: Engine) -> None:
        """Encode an empty song, so that an error common to all files is raised once, before any file is opened.

        Raises:
            AezError: the model's networks cannot be run on the engine's device.
        """
        encode(ArraySource(np.zeros((1, 0), np.float32), 44100), BytesIO(), self.plan, engine=engine)

    @cached_property
    def settings(self) -> str:
        """Hash of everything that the bytes of a file depend on; see `settings_digest`."""
        plan = self.plan
        networks = {"bitstream": plan.model.id.hex(), "encoder": plan.model.card["encoder"]["sha256"]}
        coder = None if plan.coder is None else plan.coder.name
        numbers = {name: getattr(plan, name) for name in ("latent", "gain", "bitrate", "chunk_frames")}
        return settings_digest("encode", networks | {"coder": coder} | numbers)

    def _is_alike(self, job: Job) -> bool:
        def as_planned(reader: Reader) -> bool:
            with open_source(job.source) as audio:
                same_audio = (audio.sample_rate, audio.channels) == (reader.header.sample_rate, reader.header.channels)
                return same_audio and audio.samples in (None, reader.samples) and self._has_planned_rate(reader)

        return is_intact(job.target, as_planned)

    def _has_planned_rate(self, reader: Reader) -> bool:
        plan, header = self.plan, reader.header
        fixed = (header.bitstream, header.latent, header.chunk_frames)
        if fixed != (plan.model.id, plan.latent, plan.chunk_frames) or plan.coder not in (None, header.coder):
            return False
        if plan.bitrate is None:
            return header.gain == plan.gain
        size = (reader.coded_size or 0) - len(reader.metadata.cover or b"")
        wanted = plan.bitrate * 125 * (reader.samples or 0) / header.sample_rate  # bytes
        return abs(size - wanted) <= NEAR * wanted

    def __reduce__(self) -> tuple[Callable[..., EncodeTask], tuple[Any, ...]]:
        """Send the model by its name, or by its folder if the user named that; every machine reads its own files."""
        model = self.plan.model
        named = model.name if model.shipped else str(model.folder.resolve())
        values = {name: getattr(self.plan, name) for name in ("latent", "gain", "bitrate", "coder", "chunk_frames")}
        return _encode_task, (named, values, self.manners, self.settings)


def _encode_task(model: str, values: dict[str, Any], manners: Manners, settings: str) -> EncodeTask:
    task = EncodeTask(EncodePlan(models.by_name(model), **values), manners)
    if task.settings != settings:
        raise ModelError(f"model {model} or the version of aez on this machine is not the one that started the run")
    return task


@dataclass(frozen=True)
class DecodeTask:
    """Decode a file to what its target's extension says; `subtype` is 16, 24, float or None."""

    plan: DecodePlan
    manners: Manners
    subtype: str | None = None

    def __call__(self, job: Job, engine: Engine, progress: Progress | None = None) -> Result:
        """Do one file."""
        source = SourceState.of(job.source)
        with job.source.open("rb") as file:
            settings = self._settings(Reader(file).header, job.target)
        if self.manners.keeps(job, settings, source, alike=lambda: False):
            return Result(job, kept=True)
        seal = Seal()
        report = file_codec.decode_file(
            job.source, job.target, self.plan, subtype=self.subtype, force=self.manners.replaces, engine=engine,
            progress=progress, finished=seal.take,
        )  # fmt: skip
        clipped = [f"{job.target}: {report.clipped} samples clipped"] if report.clipped else []
        lost = [f"{job.source}: {line}" for line in report.damage_lines]
        seconds = report.samples / report.sample_rate
        entry = source.finished(settings, seal, damaged=report.damaged)
        return Result(job, seconds=seconds, warnings=(*clipped, *lost), damaged=report.damaged, entry=entry)

    def _settings(self, header: Header, target: Path) -> str:
        """Hash of everything that the bytes of a target depend on besides its source; see `settings_digest`."""
        plan = self.plan
        model = models.for_file(header.bitstream, plan.model)
        name = model.decoder_names[0] if plan.decoder is None else plan.decoder
        if name not in model.decoder_names:
            model.decoder(name)  # raises ModelError with the known names
        entry = model.card["decoders"][name]
        hashes = {key: entry.get(key) for key in ("sha256", "noise_sha256")}
        kind, subtype = target_kind(target, self.subtype)
        values = {name: getattr(plan, name) for name in ("start", "duration", "salvage")}
        networks = {"bitstream": header.bitstream.hex(), "decoder": name, **hashes}
        return settings_digest("decode", networks | {"kind": kind, "subtype": subtype} | values)


@dataclass(frozen=True)
class PeelTask:
    """Cut a file down to `latent` latents per frame; `model` names one to use instead of the installed one."""

    latent: int
    manners: Manners
    model: str | None = None

    def __call__(self, job: Job, engine: Engine, progress: Progress | None = None) -> Result:
        """Do one file."""
        source = SourceState.of(job.source)
        settings = settings_digest("peel", {"latent": self.latent})
        if self.manners.keeps(job, settings, source, lambda: self._is_alike(job)):
            return Result(job, kept=True)
        seal = Seal()
        file_codec.peel_file(
            job.source, job.target, self.latent, model=self.model, force=self.manners.replaces, engine=engine,
            finished=seal.take,
        )  # fmt: skip
        return Result(job, entry=source.finished(settings, seal))

    def _is_alike(self, job: Job) -> bool:
        with job.source.open("rb") as file:
            whole = Reader(file)
            wanted, samples, metadata = replace(whole.header, latent=self.latent), whole.samples, whole.metadata

        def as_planned(reader: Reader) -> bool:
            return (reader.header, reader.samples, reader.metadata) == (wanted, samples, metadata)

        return is_intact(job.target, as_planned)


def is_fresh(job: Job) -> bool:
    """Whether the target is a file that is not older than its source."""
    return job.target.is_file() and job.target.stat().st_mtime >= job.source.stat().st_mtime


def is_intact(target: Path, as_planned: Callable[[Reader], bool]) -> bool:
    """Whether an .aez file satisfies `as_planned` and all its checksums match."""
    with target.open("rb") as file, suppress(FormatError):
        reader = Reader(file)
        if reader.complete and as_planned(reader):
            reader.verify()
            return True
    return False
