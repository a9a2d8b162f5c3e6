"""`aez plot`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.cli.options import default_target, device_option, force_option, input_argument, quiet_option, say, speed_text
from codec.cli.terminal import PIPE, Time, clock, created, opened, progress, spooled

if TYPE_CHECKING:
    from formats import Reader


@click.command()
@input_argument
@click.argument("target", metavar="[OUT]", required=False)
@click.option("--start", type=Time(), default=0.0, help="Begin here: seconds or [h:]m:s.")
@click.option("--duration", type=Time(), help="Draw this much: seconds or [h:]m:s.")
@device_option
@force_option
@quiet_option
def plot(
    source: str, target: str | None, start: float, duration: float | None, device: str, force: bool, quiet: bool
) -> None:
    """Draw latents over time under the spectrogram: png, svg or pdf. OUT is IN with the extension .png unless named."""
    target = default_target(source, target, ".png")
    from codec.inspection.latent_view import view
    from codec.inspection.plot import save, target_kind
    from formats import Reader

    begun = time.monotonic()
    kind = "png" if target == PIPE else target_kind(target)
    with spooled(source) as name, opened(name) as coded:
        reader = Reader(coded)
        with created(target, force=force, source=source, seekable=True) as file:
            with progress("decoding", quiet=quiet) as advance:
                shown = view(reader, start=start, duration=duration, device=device, progress=advance)
            save(shown, heading(reader, source), file, kind)
    seconds = shown.end - shown.start
    say(f"{target}: {clock(seconds)}, {speed_text(seconds, begun)}", quiet=quiet)


def heading(reader: Reader, source: str) -> str:
    """One line on a file: artist and title, or else its name; tier and measured rate."""
    tags, header = reader.metadata.tags, reader.header
    named = " - ".join(tags[key] for key in ("artist", "title") if tags.get(key))
    name = (named if "title" in tags else "") or ("standard input" if source == PIPE else Path(source).stem)
    seconds = (reader.samples or 0) / header.sample_rate
    rate = f", {reader.coded_size / 125 / seconds:.1f} kbit/s" if seconds and reader.coded_size else ""
    return f"{name if len(name) <= 80 else name[:79] + '…'}   ({header.latent} latents a frame{rate})"
