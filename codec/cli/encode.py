"""`aez encode`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from codec.audio.estimate import estimated_seconds
from codec.cli.advice import keeping
from codec.cli.many import (
    check_coded_name,
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
    Number,
    WholeNumber,
    device_option,
    force_option,
    quiet_option,
    say,
    say_device,
    speed_text,
    verbose_option,
)
from codec.cli.tagging import tag_options
from codec.cli.terminal import progress, source_of, target_of
from codec.clock import clock

if TYPE_CHECKING:
    from codec.audio.tags.choice import TagChoice


@click.command()
@inputs_argument
@out_option
@click.option("--latent", type=WholeNumber(1), metavar="N", help="Tier: latents a frame (default 128).")
@click.option("-b", "--bitrate", type=Number(6, 128), metavar="KBPS", help="6 to 128, in 1000 bit/s; picks the tier.")
@click.option("--gain", type=int, help="Step size in 1/32 octaves, higher is finer (default: the tier's own).")
@click.option("--coder", type=click.Choice(("auto", "zstd", "range")), default="auto", help="Payload coder.")
@click.option("--model", metavar="NAME", help="An installed model, or a model's folder.")
@click.option("--accept-cut", is_flag=True, help="Encode what is there of files that are cut or damaged.")
@tag_options(limit_mb=1)
@device_option
@jobs_option
@resume_option
@ray_option
@force_option
@verbose_option
@quiet_option
def encode(
    names: tuple[str, ...],
    out: str | None,
    latent: int | None,
    bitrate: float | None,
    gain: int | None,
    coder: str,
    model: str | None,
    accept_cut: bool,
    tags: TagChoice,
    device: str,
    jobs: int | None,
    resume: bool,
    ray: str | None,
    force: bool,
    verbose: bool,
    quiet: bool,
) -> int:
    """Encode an audio file. OUT is IN with the extension .aez unless named.

    With -o, encode many files and all audio in folders, and go on after a bad one; song.mp3 and song.flac side by
    side become song.mp3.aez and song.flac.aez.
    """
    if bitrate is not None and (latent is not None or gain is not None):
        raise click.UsageError("--bitrate chooses latent and gain itself; give it, or --latent and --gain")
    from codec.batch.jobs import AUDIO

    names, out = out_of_one(names, out, {".aez"})
    source = target = ""
    if out is None:
        source, target = one("encode", names, ".aez", AUDIO, jobs=jobs, resume=resume, ray=ray)
        check_coded_name("encode", source, target, AUDIO)
    named = device
    device, model = on_cluster(ray, device, model)
    from codec.pipeline.plan import EncodePlan

    plan = EncodePlan.make(latent=latent, gain=gain, bitrate=bitrate, model=model, coder=coder, tags=tags)
    begun = time.monotonic()
    if out is not None:
        from codec.batch.tasks import EncodeTask, Manners

        return run_many(
            names, out, ".aez", AUDIO, EncodeTask(plan, Manners(force, resume, named), accept_cut),
            device, jobs=jobs, resume=resume, ray=ray, verb="encoded", verbose=verbose, quiet=quiet,
        )  # fmt: skip
    from codec.pipeline.file_codec import encode_file
    from codec.pipeline.workers import Engine

    seconds = estimated_seconds(source)
    with (
        target_of(target) as file,
        Engine(device, seconds=seconds) as engine,
        progress("encoding", quiet=quiet) as advance,
    ):
        report = encode_file(
            source_of(source), file, plan, accept_cut=accept_cut, name="standard input", force=force, engine=engine,
            progress=advance,
        )  # fmt: skip
    for line in report.lost:  # a loss is told even to those who want errors only
        say(f"aez: warning: {line}")
    for line in report.notes:
        say(f"aez: warning: {keeping(line)}", quiet=quiet)
    pcm = 2 * report.channels * report.samples
    ratio = f"{pcm / (report.coded_bytes - report.picture_bytes):.1f}:1 to 16 bit PCM, " if pcm else ""
    pictures = f", {report.picture_bytes} bytes of pictures" if report.picture_bytes else ""
    speed = speed_text(report.seconds, begun)
    say(f"{target}: {clock(report.seconds)}, {report.kbps:.2f} kbit/s, {ratio}{speed}{pictures}", quiet=quiet)
    if verbose:
        about = f"{report.latent} latents a frame, gain {report.gain}, {report.coder} coder"
        say(f"model {report.model} on {report.provider}, {about}")
        say_device(engine)
    return 0
