"""`aez decode`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.audio.estimate import estimated_seconds
from codec.cli.advice import about
from codec.cli.many import (
    SALVAGED,
    inputs_argument,
    jobs_option,
    on_cluster,
    one,
    out_of_one,
    out_option,
    ray_option,
    resume_option,
    run_many,
)
from codec.cli.options import (
    channels_text,
    decoder_option,
    device_option,
    force_option,
    model_option,
    quiet_option,
    say,
    say_device,
    speed_text,
    verbose_option,
)
from codec.cli.tagging import tag_options
from codec.cli.terminal import PIPE, Time, progress, source_of, spoken, target_of
from codec.clock import clock

if TYPE_CHECKING:
    from codec.audio.tags.choice import TagChoice

KINDS = ("wav", "flac", "ogg", "mp3")
"""What --to can name."""


@click.command()
@inputs_argument
@out_option
@click.option("--to", type=click.Choice(KINDS), help="What files become (default wav).")
@click.option("--start", type=Time(), default=0.0, help="Begin here: seconds or [h:]m:s.")
@click.option("--duration", type=Time(), help="Decode this much: seconds or [h:]m:s.")
@click.option("--subtype", type=click.Choice(("16", "24", "float")), help="Bits of a wav (default 16) or flac.")
@click.option("--salvage", is_flag=True, help="Keep what a damaged file still has; silence where it is lost (exit 3).")
@tag_options()
@model_option
@decoder_option
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
    tags: TagChoice,
    model: str | None,
    decoder: str | None,
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

    names, out = out_of_one(names, out, {f".{kind}" for kind in KINDS})
    source = target = ""
    if out is None:
        source, target = one("decode", names, f".{to or 'wav'}", CODED, jobs=jobs, resume=resume, ray=ray)
        _check_kind(target, to)
    named = device
    device, model = on_cluster(ray, device, model)
    from codec.pipeline.plan import DecodePlan

    plan = DecodePlan.make(start=start, duration=duration, model=model, decoder=decoder, salvage=salvage, tags=tags)
    begun = time.monotonic()
    if out is not None:
        from codec.audio.sink import target_kind
        from codec.batch.tasks import DecodeTask, Manners

        extension = f".{to or 'wav'}"
        target_kind(f"OUT{extension}", subtype)
        return run_many(
            names, out, extension, CODED, DecodeTask(plan, Manners(force, resume, named), subtype), device,
            jobs=jobs, resume=resume, ray=ray, verb="decoded", salvageable=not salvage, salvaging=salvage,
            verbose=verbose, quiet=quiet,
        )  # fmt: skip
    from codec.pipeline.file_codec import decode_file
    from codec.pipeline.workers import Engine

    with (
        about(spoken(source), salvageable=not salvage),
        target_of(target, seekable=True) as file,
        Engine(device, seconds=estimated_seconds(source)) as engine,
        progress("decoding", quiet=quiet) as advance,
    ):
        report = decode_file(
            source_of(source),
            file,
            plan,
            kind=to or "wav",
            subtype=subtype,
            force=force,
            engine=engine,
            progress=advance,
        )
    seconds = report.samples / report.sample_rate
    clipped = f"{report.clipping}, " if report.clipping else ""
    audio = f"{report.sample_rate} Hz {channels_text(report.channels)}"
    say(f"{target}: {clock(seconds)}, {audio}, {clipped}{speed_text(seconds, begun)}", quiet=quiet)
    if verbose:
        say(f"model {report.model}, decoder {report.decoder}, on {report.provider}")
        say_device(engine)
    for line in report.damage_lines:
        say(f"aez: warning: {spoken(source)}: {line}")
    for line in filter(None, (report.emptiness, report.left_out)):
        say(f"aez: warning: {spoken(source)}: {line}", quiet=quiet)
    if salvage and not report.damaged:
        say(f"{spoken(source)}: no damage was found, and nothing is lost", quiet=quiet)
    return SALVAGED if report.damaged else 0


def _check_kind(target: str, to: str | None) -> None:
    """Refuse an output whose extension says something else than --to."""
    kind = Path(target).suffix.lower().removeprefix(".")
    if to and target != PIPE and kind != to:
        raise click.UsageError(f"--to {to} does not go with the name {target}")
