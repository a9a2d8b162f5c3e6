"""From file to file: the one place where sources are opened and targets appear, for library, batches and commands.

Sources and targets are paths, or binary file objects for pipes. A target that is a path appears when it is complete,
and never otherwise. `progress` is called one last time before that: what it raises leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from codec.audio.open import open_source
from codec.audio.sink import AudioSink, target_kind
from codec.files import check_target, new_file
from codec.pipeline.decode import DecodeReport, decode
from codec.pipeline.encode import EncodeReport, encode
from codec.pipeline.peel import peel
from codec.pipeline.plan import DecodePlan, EncodePlan
from codec.pipeline.workers import Engine, Progress
from formats import Reader
from formats.errors import AudioError, FormatError

if TYPE_CHECKING:
    from codec.audio.source import AudioSource

FilePath = str | os.PathLike[str]


def encode_file(
    source: FilePath | BinaryIO,
    target: FilePath | BinaryIO,
    plan: EncodePlan,
    *,
    name: str | None = None,
    force: bool = False,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> EncodeReport:
    """Compress an audio file.

    Args:
        source: a path, or a file object, which is read to its end into a temporary file first.
        target: a path or a file object.
        plan: how to encode.
        name: what to call a source that is a file object, in messages.
        force: replace a target that exists.
        engine: sessions and threads to share with other files.
        progress: called as the source is read, and before the target takes its name.

    Raises:
        AudioError: the source cannot be read; UsageError: the target must not be written (`codec.files.check_target`);
        ModelError: the model cannot be run; OSError.
    """
    origin = _path(source)
    _check(target, force, origin)
    with _opened_audio(source, name or "the source") as audio, _created(target, force, origin) as file:
        report = encode(audio, file, plan, engine=engine, progress=progress)
        if progress:
            progress(1.0)
    return report


def decode_file(
    source: FilePath | BinaryIO,
    target: FilePath | BinaryIO,
    plan: DecodePlan | None = None,
    *,
    kind: str | None = None,
    subtype: str | None = None,
    force: bool = False,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> DecodeReport:
    """Decompress an .aez file to an audio file.

    Args:
        source: a path or a file object.
        target: a path, whose extension chooses the format, or a file object that can seek.
        plan: which part, with which model and decoder; the whole song with the installed ones if None.
        kind: wav, flac, ogg or mp3, where the target is a file object; wav if None.
        subtype: 16, 24 or float; the format's own if None.
        force: replace a target that exists.
        engine: sessions and threads to share with other files.
        progress: called as chunks are decoded, and before the target takes its name.

    Raises:
        FormatError: the source is no .aez file, or a damaged one; AudioError: the target cannot hold what is in it;
        UsageError: the target must not be written (`codec.files.check_target`); ModelError: the model that it needs is
        not installed, or has no such decoder; OSError.
    """
    plan = plan or DecodePlan()
    origin, place = _path(source), _path(target)
    label = str(place) if place is not None else f"the output.{kind or 'wav'}"
    _check(target, force, origin)
    target_kind(label, subtype)
    with _opened(source) as coded:
        reader = Reader(coded)
        header = reader.header
        with _created(target, force, origin) as file:
            with AudioSink(
                file, label, header.sample_rate, header.channels, subtype=subtype, tags=_tags(reader, plan),
                expected=_expected(reader, plan),
            ) as sink:  # fmt: skip
                report = decode(reader, sink, plan, engine=engine, progress=progress)
            if progress:  # after the sink has written its last bytes
                progress(1.0)
    return report


def peel_file(
    source: FilePath | BinaryIO,
    target: FilePath | BinaryIO,
    latent: int,
    *,
    model: str | None = None,
    force: bool = False,
    engine: Engine | None = None,
) -> None:
    """Cut an .aez file down to a smaller tier; see `codec.pipeline.peel`."""
    origin = _path(source)
    _check(target, force, origin)
    with _opened(source) as coded, _created(target, force, origin) as file:
        peel(coded, file, latent, model=model, engine=engine)


def _expected(reader: Reader, plan: DecodePlan) -> int | None:
    """Samples that will be written, a channel; None where the file does not say how long it is."""
    if reader.samples is None:
        return None
    rate = reader.header.sample_rate
    left = max(0, reader.samples - round(plan.start * rate))
    return left if plan.duration is None else min(left, round(plan.duration * rate))


def _tags(reader: Reader, plan: DecodePlan) -> dict[str, str]:
    """The file's tags; none where they are damaged and what is left is to be salvaged."""
    try:
        return reader.metadata.tags
    except FormatError:
        if not plan.salvage:
            raise
        return {}


def _path(file: FilePath | BinaryIO) -> Path | None:
    return Path(file) if isinstance(file, str | os.PathLike) else None


def _check(target: FilePath | BinaryIO, force: bool, origin: Path | None) -> None:
    """Refuse a target before any work is done."""
    if isinstance(target, str | os.PathLike):
        check_target(target, force=force, source=origin)


@contextlib.contextmanager
def _created(target: FilePath | BinaryIO, force: bool, origin: Path | None) -> Iterator[BinaryIO]:
    if isinstance(target, str | os.PathLike):
        with new_file(target, force=force, source=origin) as file:
            yield file
    else:
        yield target


@contextlib.contextmanager
def _opened(source: FilePath | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield file
    else:
        yield source


@contextlib.contextmanager
def _opened_audio(source: FilePath | BinaryIO, name: str) -> Iterator[AudioSource]:
    """A source for the length of a with block; audio libraries need to seek, so a file object is copied first."""
    if isinstance(source, str | os.PathLike):
        with open_source(source) as audio:
            yield audio
        return
    with tempfile.TemporaryDirectory(prefix="aez-") as folder:
        copy = Path(folder, "source")
        with copy.open("wb") as file:
            shutil.copyfileobj(source, file)
        try:
            with open_source(copy) as audio:
                yield audio
                audio.warnings[:] = [line.replace(str(copy), name) for line in audio.warnings]
        except AudioError as error:
            raise AudioError(str(error).replace(str(copy), name)) from None
