"""`aez decode`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from codec.commands.shared import (
    channels_text,
    default_target,
    device_option,
    force_option,
    input_argument,
    quiet_option,
    say,
    speed_text,
    verbose_option,
)
from codec.terminal import PIPE, Time, clock, created, opened, progress

if TYPE_CHECKING:
    pass


@click.command()
@input_argument
@click.argument("target", metavar="[OUT]", required=False)
@click.option("--start", type=Time(), default=0.0, help="Begin here: seconds or [h:]m:s.")
@click.option("--duration", type=Time(), help="Decode this much: seconds or [h:]m:s.")
@click.option("--subtype", type=click.Choice(("16", "24", "float")), help="Bits of a wav (default 16) or flac.")
@device_option
@force_option
@verbose_option
@quiet_option
def decode(
    source: str,
    target: str | None,
    start: float,
    duration: float | None,
    subtype: str | None,
    device: str,
    force: bool,
    verbose: bool,
    quiet: bool,
) -> None:
    """Decode to .wav, .flac, .ogg or .mp3. OUT is IN with the extension .wav unless named."""
    target = default_target(source, target, ".wav")
    from codec import pipeline
    from codec.sink import AudioSink, target_kind
    from formats.container import Reader

    begun = time.monotonic()
    name = "pipe.wav" if target == PIPE else target
    target_kind(name, subtype)
    with opened(source) as coded:
        reader = Reader(coded)
        rate, channels = reader.header.sample_rate, reader.header.channels
        expected = reader.samples if duration is None else round(duration * rate)
        tags = reader.metadata.tags
        with (
            created(target, force=force, source=source, seekable=True) as file,
            AudioSink(file, name, rate, channels, subtype=subtype, tags=tags, expected=expected) as sink,
            progress("decoding", quiet=quiet) as advance,
        ):
            report = pipeline.decode(reader, sink, start=start, duration=duration, device=device, progress=advance)
    seconds = report.samples / rate
    clipped = f"{report.clipped} samples clipped, " if report.clipped else ""
    say(
        f"{target}: {clock(seconds)}, {rate} Hz {channels_text(channels)}, {clipped}{speed_text(seconds, begun)}",
        quiet=quiet,
    )
    if verbose:
        say(f"model {report.model} on {report.provider}")
