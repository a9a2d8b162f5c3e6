"""Tasks for `codec.batch.run`: encode, decode or peel one file, unless that was done before.

Tasks are plain data, so that they can be sent to other machines. Without `force`, an existing target is an error. With
`resume`, it is kept if the journal of the output folder says that the same settings made it from the same source, that
nothing was lost, and that it has not changed since. Any other target is made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codec.audio.kinds import Encoding
from codec.audio.source import ArraySource
from codec.audio.tags.choice import ALL, TagChoice
from codec.batch.jobs import Job
from codec.batch.journal import Seal, SourceState, settings_digest
from codec.batch.run import Result
from codec.files import is_fifo, opened
from codec.pipeline import file_codec
from codec.pipeline.encode import encode
from codec.pipeline.plan import DecodePlan, EncodePlan
from codec.runtime import models
from codec.runtime.device import provider_of, require
from formats import Header, Reader
from formats.errors import ModelError

if TYPE_CHECKING:
    from codec.pipeline.workers import Engine, Progress


@dataclass(frozen=True)
class Manners:
    """How a task treats an existing target.

    Attributes:
        force: replaces it.
        resume: keeps it if it is what would be made now.
        device: as the user named it. A GPU and the CPU may give files that differ by some bytes and are equally good,
            so that auto keeps what either has made, and a device that was named keeps only what it has made itself.
    """

    force: bool = False
    resume: bool = False
    device: str = "auto"

    @property
    def replaces(self) -> bool:
        """Whether a target that is not kept may be replaced."""
        return self.force or self.resume

    def keeps(self, job: Job, settings: str, source: SourceState) -> bool:
        """Whether the target can be kept: the journal says that it is what would be made now."""
        if not self.resume or job.entry is None:
            return False
        by_this_device = self.device == "auto" or job.entry.provider in ("", provider_of(self.device))
        return by_this_device and job.entry.describes(settings, source, job.target)


@dataclass(frozen=True)
class EncodeTask:
    """Encode a file."""

    plan: EncodePlan
    manners: Manners
    accept_cut: bool = False
    downmix: bool = False

    def __call__(self, job: Job, engine: Engine, progress: Progress | None = None) -> Result:
        """Do one file."""
        source = SourceState.of(job.source)
        if self.manners.keeps(job, self.settings, source):
            return Result(job, kept=True)
        seal = Seal()
        report = file_codec.encode_file(
            job.source, job.target, self.plan, accept_cut=self.accept_cut, downmix=self.downmix,
            force=self.manners.replaces, engine=engine, progress=progress, finished=seal.take,
        )  # fmt: skip
        entry = source.finished(self.settings, seal, damaged=bool(report.lost), provider=report.provider)
        return Result(job, seconds=report.seconds, warnings=report.notes, lost=report.lost, entry=entry)

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
        networks = {"bitstream": plan.model.id.hex(), "encoder": plan.model.encoder_sha256}
        coder = None if plan.coder is None else plan.coder.name
        as_json = {"coder": coder, "tags": plan.tags.as_dict(), "downmix": self.downmix}
        return settings_digest("encode", networks | self._values() | as_json)

    def _values(self) -> dict[str, Any]:
        """All that the plan says, but for the model."""
        return {field.name: getattr(self.plan, field.name) for field in fields(self.plan) if field.name != "model"}

    def __reduce__(self) -> tuple[Callable[..., EncodeTask], tuple[Any, ...]]:
        """Send the model by its name, or by its folder if the user named that; every machine reads its own files."""
        model = self.plan.model
        named = model.name if model.shipped else str(model.folder.resolve())
        return _encode_task, (named, self._values(), self.manners, self.accept_cut, self.downmix, self.settings)


def _encode_task(
    model: str, values: dict[str, Any], manners: Manners, accept_cut: bool, downmix: bool, settings: str
) -> EncodeTask:
    task = EncodeTask(EncodePlan(models.by_name(model), **values), manners, accept_cut, downmix)
    if task.settings != settings:
        raise ModelError(f"model {model} or the version of aez on this machine is not the one that started the run")
    return task


@dataclass(frozen=True)
class DecodeTask:
    """Decode a file to what its target's extension says; `subtype` and `bitrate` are as for `decode_file`."""

    plan: DecodePlan
    manners: Manners
    subtype: str | None = None
    bitrate: float | None = None

    def __call__(self, job: Job, engine: Engine, progress: Progress | None = None) -> Result:
        """Do one file."""
        source = SourceState.of(job.source)
        settings = ""
        if not is_fifo(job.source):  # a pipe can be opened only once
            with opened(job.source) as file:
                settings = self._settings(Reader(file).header, job.target)
        if self.manners.keeps(job, settings, source):
            return Result(job, kept=True)
        seal = Seal()
        report = file_codec.decode_file(
            job.source, job.target, self.plan, subtype=self.subtype, bitrate=self.bitrate, force=self.manners.replaces,
            engine=engine, progress=progress, finished=seal.take,
        )  # fmt: skip
        told = [f"{job.target}: {line}" for line in (report.clipping, report.resampling) if line]
        lost = [f"{job.source}: {line}" for line in (*report.damage_lines, report.emptiness, report.left_out) if line]
        seconds = report.samples / report.sample_rate
        entry = source.finished(settings, seal, damaged=report.damaged, provider=report.provider)
        return Result(job, seconds=seconds, warnings=(*told, *lost), damaged=report.damaged, entry=entry)

    def try_out(self, engine: Engine) -> None:
        """Raise the error that is common to all files: UsageError where the engine's device cannot be used."""
        if not engine.device.reason:  # one that auto chose has been tried
            require(engine.device.name)

    def _settings(self, header: Header, target: Path) -> str:
        """Hash of everything that the bytes of a target depend on besides its source; see `settings_digest`."""
        plan = self.plan
        model = models.for_file(header.bitstream, plan.model)
        name, entry = model.decoder_entry(plan.decoder)
        hashes = {"sha256": entry.sha256, "noise_sha256": entry.noise_sha256 or None}
        encoding = Encoding.of(target, self.subtype, self.bitrate)
        sound = {"kind": encoding.kind.name, "subtype": encoding.subtype, "bitrate": encoding.bitrate}
        values = {name: getattr(plan, name) for name in ("start", "duration", "salvage", "rate")}
        values["tags"] = plan.tags.as_dict()
        networks = {"bitstream": header.bitstream.hex(), "decoder": name, **hashes}
        return settings_digest("decode", networks | sound | values)


@dataclass(frozen=True)
class PeelTask:
    """Cut a file down to `latent` latents per frame; `model` names one to use instead of the installed one."""

    latent: int
    manners: Manners
    model: str | None = None
    tags: TagChoice = ALL

    def __call__(self, job: Job, engine: Engine, progress: Progress | None = None) -> Result:
        """Do one file."""
        source = SourceState.of(job.source)
        settings = settings_digest("peel", {"latent": self.latent, "tags": self.tags.as_dict()})
        if self.manners.keeps(job, settings, source):
            return Result(job, kept=True)
        seal = Seal()
        left_out = file_codec.peel_file(
            job.source, job.target, self.latent, model=self.model, tags=self.tags, force=self.manners.replaces,
            engine=engine, finished=seal.take,
        )  # fmt: skip
        warnings = (f"{job.source}: left out: {'; '.join(left_out)}",) if left_out else ()
        return Result(job, warnings=warnings, entry=source.finished(settings, seal))

    def try_out(self, engine: Engine) -> None:
        """Do nothing: no network is needed."""
