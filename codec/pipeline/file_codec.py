"""From file to file: the one place where library, batches and commands open sources and create targets.

Sources and targets are paths, or binary file objects for pipes. A target that is a path appears only when it is
complete. `progress` is called once more just before that; if it raises, no file is left behind. Either direction is
imported when it is asked for, because a command has time to load only one.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from codec.audio.open import open_source
from codec.audio.resample import resampled_length
from codec.ending import removed_at_the_end
from codec.files import check_coded, check_target, check_uncoded, is_fifo, new_file, opened, temporary_file
from codec.pipeline.plan import DecodePlan, number
from formats import Metadata, Reader
from formats.errors import AudioError, FormatError, PicturesError, UsageError

if TYPE_CHECKING:
    from codec.audio.source import AudioSource
    from codec.audio.tags.choice import TagChoice
    from codec.pipeline.decode import DecodeReport
    from codec.pipeline.encode import EncodeReport
    from codec.pipeline.plan import EncodePlan
    from codec.pipeline.workers import Engine, Progress

FilePath = str | os.PathLike[str]
Finished = Callable[[BinaryIO], None]
"""Called with a complete file, open for reading too, before it takes the name of the target."""


def encode_file(
    source: FilePath | BinaryIO,
    target: FilePath | BinaryIO,
    plan: EncodePlan,
    *,
    accept_cut: bool = False,
    downmix: bool = False,
    name: str | None = None,
    force: bool = False,
    engine: Engine | None = None,
    progress: Progress | None = None,
    finished: Finished | None = None,
) -> EncodeReport:
    """Compress an audio file.

    Args:
        source: a path, or a file object; a file object or a named pipe is read into a temporary file first.
        target: a path or a file object.
        plan: how to encode.
        accept_cut: encode a source of which a part is missing; `EncodeReport.lost` tells then what is.
        downmix: mix more than two channels to stereo; `EncodeReport.notes` tells then how.
        name: what to call a source that is a file object, in messages.
        force: replace a target that exists.
        engine: sessions and threads to share with other files.
        progress: called as the source is read, and before the target takes its name.
        finished: for a target that is a path, see `Finished`.

    Raises:
        AudioError: the source cannot be read; CutError: a part of it is missing; CodedError: it is an .aez file;
        UsageError: the target must not be written (`codec.files.check_target`); ModelError: the model cannot be run;
        OSError.
    """
    from codec.pipeline.encode import encode

    origin = _path(source)
    if origin:
        check_uncoded(origin)
    _check(target, force, origin)
    with (
        _opened_audio(source, name or "the source", accept_cut, downmix) as audio,
        _created(target, force, origin, finished) as file,
    ):
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
    bitrate: float | None = None,
    force: bool = False,
    engine: Engine | None = None,
    progress: Progress | None = None,
    finished: Finished | None = None,
) -> DecodeReport:
    """Decompress an .aez file to an audio file.

    Where the plan names no sample rate and the format cannot hold the song's, the song is resampled to the next one
    that it can hold, and the report says so.

    Args:
        source: a path or a file object.
        target: a path, whose extension chooses the format, or a file object that can seek.
        plan: which part, with which model and decoder; the whole song with the installed ones if None.
        kind: one of `codec.audio.kinds.KINDS`, where the target is a file object; wav if None.
        subtype: 16, 24 or float; the format's own if None.
        bitrate: of a lossy format, about how many 1000 bit/s; the format's own if None.
        force: replace a target that exists.
        engine: sessions and threads to share with other files.
        progress: called as chunks are decoded, and before the target takes its name.
        finished: for a target that is a path, see `Finished`.

    Raises:
        FormatError: the source is not an .aez file, or is damaged; AudioError: the target's format cannot hold it;
        UsageError: the target must not be written (`codec.files.check_target`); ModelError: the model that it needs is
        not installed, or has no such decoder; OSError.
    """
    from codec.audio.ffmpeg_writer import find_ffmpeg
    from codec.audio.kinds import Encoding
    from codec.audio.sink import AudioSink
    from codec.pipeline.decode import decode

    plan = plan or DecodePlan()
    origin, place = _path(source), _path(target)
    label = str(place) if place is not None else f"the output.{kind or 'wav'}"
    if origin:
        check_coded(origin)
    _check(target, force, origin)
    bitrate = None if bitrate is None else number("the bit rate", bitrate)
    encoding = Encoding.of(label, subtype, bitrate)
    find_ffmpeg(encoding)
    with opened(source) as coded:
        reader = Reader(coded)
        header = reader.header
        rate = plan.rate or encoding.kind.rate_for(header.sample_rate)
        is_forced = plan.rate is None and rate != header.sample_rate
        plan = replace(plan, rate=rate) if is_forced else plan
        tags, left_out = _tags(reader, plan)
        with _created(target, force, origin, finished) as file:
            with AudioSink(
                file, label, rate, header.channels, subtype=subtype, bitrate=bitrate, tags=tags,
                expected=_expected(reader, plan), streamed=place is None,
            ) as sink:  # fmt: skip
                report = decode(reader, sink, plan, engine=engine, progress=progress)
                sink.emptiness = report.emptiness
            left_out += sink.left_out
            if progress:  # after the sink has written its last bytes
                progress(1.0)
    report = replace(report, left_out=f"left out: {'; '.join(left_out)}" if left_out else "")
    if not is_forced:
        return report
    what = f"{encoding.kind.name} cannot hold {header.sample_rate} Hz"
    return replace(report, resampling=f"resampled to {rate} Hz, because {what}")


def peel_file(
    source: FilePath | BinaryIO,
    target: FilePath | BinaryIO,
    latent: int,
    *,
    model: str | None = None,
    tags: TagChoice | None = None,
    force: bool = False,
    engine: Engine | None = None,
    finished: Finished | None = None,
) -> list[str]:
    """Cut an .aez file down to a smaller tier; see `codec.pipeline.peel`."""
    from codec.pipeline.peel import peel

    origin = _path(source)
    if origin:
        check_coded(origin)
    _check(target, force, origin)
    with opened(source) as coded, _created(target, force, origin, finished) as file:
        return peel(coded, file, latent, model=model, tags=tags, engine=engine)


def _expected(reader: Reader, plan: DecodePlan) -> int | None:
    """Samples per channel that will be written; None where the file does not state its length."""
    if reader.samples is None:
        return None
    rate = reader.header.sample_rate
    left = max(0, reader.samples - round(plan.start * rate))
    if plan.duration is not None:
        left = min(left, round(plan.duration * rate))
    return resampled_length(left, rate, plan.rate or rate)


def _tags(reader: Reader, plan: DecodePlan) -> tuple[Metadata, list[str]]:
    """The tags that go along, and what is left out; of the file, only undamaged ones where the plan salvages."""
    try:
        metadata = reader.metadata
    except FormatError as error:
        if not plan.salvage:
            raise
        metadata = Metadata(error.tags if isinstance(error, PicturesError) else {})
    return plan.tags.applied(metadata)


def _path(file: FilePath | BinaryIO) -> Path | None:
    return Path(file) if isinstance(file, str | os.PathLike) else None


def _check(target: FilePath | BinaryIO, force: bool, origin: Path | None) -> None:
    """Refuse a target before any work is done."""
    if isinstance(target, str | os.PathLike):
        check_target(target, force=force, source=origin)
    elif isinstance(target, io.TextIOBase):
        raise UsageError("a target is a path or a binary file object, not one of text; open it in mode 'wb'")
    elif not hasattr(target, "write"):
        raise UsageError(f"a target is a path or a binary file object, not {type(target).__name__}")


@contextlib.contextmanager
def _created(
    target: FilePath | BinaryIO, force: bool, origin: Path | None, finished: Finished | None
) -> Iterator[BinaryIO]:
    if isinstance(target, str | os.PathLike):
        with new_file(target, force=force, source=origin) as file:
            yield file
            if finished:
                finished(file)
    else:
        yield target


@contextlib.contextmanager
def _opened_audio(source: FilePath | BinaryIO, name: str, accept_cut: bool, downmix: bool) -> Iterator[AudioSource]:
    """Open a source for the length of a with block. Audio libraries need to seek, so what is a pipe is copied first."""
    if isinstance(source, str | os.PathLike) and is_fifo(source):
        name = os.fspath(source)
    elif isinstance(source, str | os.PathLike):
        with open_source(source, accept_cut=accept_cut, downmix=downmix) as audio:
            yield audio
        return
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="aez-") as folder, removed_at_the_end(Path(folder)):
        copy = Path(folder, "source")
        with opened(source) as stream, temporary_file(copy) as file:
            shutil.copyfileobj(stream, file)
        try:
            with open_source(copy, accept_cut=accept_cut, downmix=downmix) as audio:
                audio.name = name
                audio.lost[:] = [line.replace(str(copy), name) for line in audio.lost]
                yield audio
        except AudioError as error:
            raise type(error)(str(error).replace(str(copy), name)) from None
