"""`aez decode`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from codec.cli.many import (
    SALVAGED,
    inputs_argument,
    jobs_option,
    on_cluster,
    one,
    out_option,
    ray_option,
    resume_option,
    run_many,
)
from codec.cli.options import channels_text, device_option, force_option, quiet_option, say, speed_text, verbose_option
from codec.cli.terminal import PIPE, Time, clock, created, opened, progress

if TYPE_CHECKING:
    from formats import Reader


@click.command()
@inputs_argument
@out_option
@click.option("--to", type=click.Choice(("wav", "flac", "ogg", "mp3")), help="What files become with -o (default wav).")
@click.option("--start", type=Time(), default=0.0, help="Begin here: seconds or [h:]m:s.")
@click.option("--duration", type=Time(), help="Decode this much: seconds or [h:]m:s.")
@click.option("--subtype", type=click.Choice(("16", "24", "float")), help="Bits of a wav (default 16) or flac.")
@click.option("--salvage", is_flag=True, help="Keep what a damaged file still has; silence where it is lost (exit 3).")
@click.option("--model", metavar="PATH", help="A model's folder, where the file's model is not installed.")
@device_option
@jobs_option
@resume_option
@ray_option
@force_option
@verbose_option
@quiet_option
def decode(
    names: tuple[str, ...],
    out: str | None,
    to: str | None,
    start: float,
    duration: float | None,
    subtype: str | None,
    salvage: bool,
    model: str | None,
    device: str,
    jobs: int | None,
    resume: bool,
    ray: str | None,
    force: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Decode to .wav, .flac, .ogg or .mp3. OUT is IN with the extension .wav unless named.

    A damaged file is refused, and nothing is written; with --salvage it is decoded, lost parts become silence and are
    named, and the exit code is 3. With -o, many files and all .aez files in folders are decoded.
    """
    from codec.batch.jobs import CODED

    if out is not None:
        from codec.audio.sink import target_kind
        from codec.batch.tasks import DecodeTask, Manners
        from codec.runtime.session import providers

        device, model = on_cluster(ray, device, model)
        extension = f".{to or 'wav'}"
        target_kind(f"OUT{extension}", subtype)
        providers(device)
        task = DecodeTask(Manners(force, resume), subtype, start, duration, model, device, salvage)
        return run_many(
            names, out, extension, CODED, task, jobs=jobs, ray=ray, verb="decoded", verbose=verbose, quiet=quiet
        )
    source, target = one(names, ".wav", CODED, to=to, jobs=jobs, resume=resume, ray=ray)
    from codec.audio.sink import AudioSink, target_kind
    from codec.pipeline import decode as decoding
    from formats import Reader

    begun = time.monotonic()
    name = "pipe.wav" if target == PIPE else target
    target_kind(name, subtype)
    with opened(source) as coded:
        reader = Reader(coded)
        rate, channels = reader.header.sample_rate, reader.header.channels
        expected = reader.samples if duration is None else round(duration * rate)
        with (
            advice(source, salvage=salvage),
            created(target, force=force, source=source, seekable=True) as file,
            AudioSink(
                file, name, rate, channels, subtype=subtype, tags=tags(reader, salvage), expected=expected
            ) as sink,
            progress("decoding", quiet=quiet) as advance,
        ):
            report = decoding.decode(
                reader,
                sink,
                start=start,
                duration=duration,
                model=model,
                device=device,
                progress=advance,
                salvage=salvage,
            )
    seconds = report.samples / rate
    clipped = f"{report.clipped} samples clipped, " if report.clipped else ""
    say(
        f"{target}: {clock(seconds)}, {rate} Hz {channels_text(channels)}, {clipped}{speed_text(seconds, begun)}",
        quiet=quiet,
    )
    if verbose:
        say(f"model {report.model} on {report.provider}")
    for line in (*(f"{loss}, is lost" for loss in report.losses), *report.damage):
        say(f"aez: warning: {source}: {line}")
    return SALVAGED if report.losses or report.damage else 0


@contextlib.contextmanager
def advice(source: str, *, salvage: bool) -> Iterator[None]:
    """Tell with an error about a file's damage what can be done."""
    from formats.errors import DamagedError

    try:
        yield
    except DamagedError as error:
        if salvage:
            raise
        raise DamagedError(f"{source}: {error}; aez decode --salvage keeps the rest", error.chunk) from None


def tags(reader: Reader, salvage: bool) -> dict[str, str]:
    """Return the file's tags; none where they are damaged and `salvage` is asked for."""
    from formats.errors import FormatError

    try:
        return reader.metadata.tags
    except FormatError:
        if not salvage:
            raise
        return {}
