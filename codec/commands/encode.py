"""`aez encode`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from codec.commands.shared import (
    default_target,
    device_option,
    force_option,
    input_argument,
    quiet_option,
    say,
    speed_text,
    verbose_option,
)
from codec.terminal import clock, created, progress, spooled

if TYPE_CHECKING:
    pass


@click.command()
@input_argument
@click.argument("target", metavar="[OUT.aez]", required=False)
@click.option("--latent", type=click.IntRange(1), metavar="N", help="Tier: latents a frame (default 128).")
@click.option(
    "--bitrate", type=click.FloatRange(6, 128), metavar="KBPS", help="6 to 128, in 1000 bit/s; picks the tier."
)
@click.option("--gain", type=int, help="Step size in 1/32 octaves, higher is finer (default: the tier's own).")
@click.option("--coder", type=click.Choice(("auto", "zstd", "range")), default="auto", help="Payload coder.")
@click.option("--model", metavar="NAME", help="An installed model, or a model's folder.")
@device_option
@force_option
@verbose_option
@quiet_option
def encode(
    source: str,
    target: str | None,
    latent: int | None,
    bitrate: float | None,
    gain: int | None,
    coder: str,
    model: str | None,
    device: str,
    force: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Encode an audio file. OUT is IN with the extension .aez unless named."""
    if bitrate is not None and (latent is not None or gain is not None):
        raise click.UsageError("--bitrate chooses latent and gain itself; give it, or --latent and --gain")
    target = default_target(source, target, ".aez")
    from codec import pipeline
    from codec.source import open_source

    begun = time.monotonic()
    with spooled(source) as name, open_source(name) as audio, created(target, force=force, source=source) as file:
        with progress("encoding", quiet=quiet) as advance:
            report = pipeline.encode(
                audio,
                file,
                latent=latent,
                gain=gain,
                bitrate=bitrate,
                model=model,
                coder=coder,
                device=device,
                progress=advance,
            )
        pcm = 2 * report.channels * report.samples
    for warning in audio.warnings:
        say(f"aez: warning: {warning}", quiet=quiet)
    ratio = f"{pcm / report.coded_bytes:.1f}:1 to 16 bit PCM, " if pcm else ""
    speed = speed_text(report.seconds, begun)
    say(f"{target}: {clock(report.seconds)}, {report.kbps:.2f} kbit/s, {ratio}{speed}", quiet=quiet)
    if verbose:
        about = f"{report.latent} latents, gain {report.gain}, {report.coder} coder"
        say(f"model {report.model} on {report.provider}, {about}")
