"""`aez decode`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.audio.estimate import estimated_seconds
from codec.audio.kinds import EXTENSIONS, KINDS, kind_of
from codec.cli.advice import about
from codec.cli.many import (
    SALVAGED,
    inputs_argument,
    jobs_option,
    on_cluster,
    out_option,
    ray_option,
    resume_option,
    run_many,
)
from codec.cli.names import check_inputs, one, out_of_one, several
from codec.cli.numbers import Number, Time, WholeNumber
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
from codec.cli.streams import PIPE, source_of, spoken, target_of
from codec.cli.tagging import tag_options
from codec.cli.terminal import progress
from codec.clock import clock
from codec.files import check_coded, is_special

if TYPE_CHECKING:
    from codec.audio.tags.choice import TagChoice

KBPS = Number(6, 512, k=1)
RATE = WholeNumber(1000, 768_000, k=1000)


@click.command()
@inputs_argument
@out_option
@click.option("--to", type=click.Choice(tuple(KINDS)), help="What files become (default wav).")
@click.option("--start", type=Time(), default=0.0, help="Begin here: seconds or [h:]m:s.")
@click.option("--duration", type=Time(), help="Decode this much: seconds or [h:]m:s.")
@click.option("--subtype", type=click.Choice(("16", "24", "float")), help="Bits of wav (default 16), flac, aiff, caf.")
@click.option(
    "-b",
    "--bitrate",
    type=KBPS,
    metavar="KBPS",
    help="About how many 1000 bit/s mp3, ogg, opus, m4a take.",
)
@click.option(
    "--rate",
    type=RATE,
    metavar="HZ",
    help="Resample: 1000 to 768000 Hz.",
)
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
    bitrate: float | None,
    rate: int | None,
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
    """Decode to .wav, .flac, .ogg, .mp3, .opus, .m4a, .aiff or .caf. OUT is IN with the extension .wav unless named.

    A damaged file is refused, and nothing is written; with --salvage it is decoded, lost parts become silence and are
    named, and the exit code is 3. Several files become files beside them; with -o, they and all .aez files in folders
    go into a folder.
    """
    from codec.batch.jobs import AUDIO, CODED

    names, out = out_of_one(names, out, EXTENSIONS | AUDIO)
    if out is None:
        check_inputs(names, check_coded)
    source = target = ""
    beside = out is None and several("decode", names, CODED, EXTENSIONS, resume=resume, ray=ray)
    if out is None and not beside:
        source, target = one("decode", names, f".{to or 'wav'}", CODED, jobs=jobs, resume=resume, ray=ray)
        _check_kind(target, to)
    named_kind = kind_of(target)
    asked = device
    device, model = on_cluster(ray, device, model)
    from codec.pipeline.plan import DecodePlan

    plan = DecodePlan.make(
        start=start, duration=duration, model=model, decoder=decoder, salvage=salvage, rate=rate, tags=tags
    )
    begun = time.monotonic()
    if out is not None or beside:
        from codec.audio.ffmpeg_writer import find_ffmpeg
        from codec.audio.kinds import Encoding
        from codec.batch.tasks import DecodeTask, Manners

        extension = f".{to or 'wav'}"
        encoding = Encoding.of(f"OUT{extension}", subtype, bitrate)
        find_ffmpeg(encoding)
        if rate is not None:
            encoding.kind.check_rate(rate)
        task = DecodeTask(plan, Manners(force, resume, asked), subtype, bitrate)
        return run_many(
            names, out, extension, CODED, task, device, jobs=jobs, resume=resume, ray=ray, verb="decoded",
            salvageable=not salvage, salvaging=salvage, verbose=verbose, quiet=quiet,
        )  # fmt: skip
    from codec.pipeline.file_codec import decode_file
    from codec.pipeline.workers import Engine
    from codec.runtime.heap import keep_freed_memory

    keep_freed_memory()
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
            kind=to or (named_kind.name if named_kind else "wav"),
            subtype=subtype,
            bitrate=bitrate,
            force=force,
            engine=engine,
            progress=advance,
        )
    seconds = report.samples / report.sample_rate
    clipped = f", {report.clipping}" if report.clipping else ""
    audio = f"{report.sample_rate} Hz {channels_text(report.channels)}"
    say(f"{target}: {clock(seconds)}, {audio}{clipped}{speed_text(seconds, begun)}", quiet=quiet)
    if verbose:
        say(f"model {report.model}, decoder {report.decoder}, on {report.provider}")
        say_device(engine)
    if report.resampling:
        say(f"{target}: {report.resampling}", quiet=quiet)
    for line in report.damage_lines:
        say(f"aez: warning: {spoken(source)}: {line}")
    for line in filter(None, (report.emptiness, report.left_out)):
        say(f"aez: warning: {spoken(source)}: {line}", quiet=quiet)
    if salvage and not report.damaged:
        where = " in this part" if start or duration is not None else ""
        say(f"{spoken(source)}: no damage was found{where}, and nothing{where and ' of it'} is lost", quiet=quiet)
    return SALVAGED if report.damaged else 0


def _check_kind(target: str, to: str | None) -> None:
    """Refuse an output whose extension says something else than --to; pipes and devices need none."""
    kind = kind_of(target)
    if kind is None and (target == PIPE or is_special(Path(target))):
        return
    if to and target != PIPE and kind is not KINDS[to]:
        raise click.UsageError(f"--to {to} does not go with the name {target}")
