"""`aez plot`."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.cli.advice import about, typed
from codec.cli.numbers import Time
from codec.cli.options import (
    FILE,
    decoder_option,
    default_target,
    device_option,
    force_option,
    input_argument,
    model_option,
    names_folder,
    quiet_option,
    say,
    speed_text,
)
from codec.cli.streams import PIPE, created, seekable, spoken
from codec.cli.terminal import progress
from codec.clock import clock
from codec.files import is_special
from formats.errors import UsageError

if TYPE_CHECKING:
    from formats import Reader


@click.command()
@input_argument
@click.argument("target", type=FILE, metavar="[OUT]", required=False)
@click.option("--start", type=Time(), default=0.0, help="Begin here: seconds or [h:]m:s.")
@click.option("--duration", type=Time(), help="Draw this much: seconds or [h:]m:s.")
@model_option
@decoder_option
@device_option
@force_option
@quiet_option
def plot(
    source: str,
    target: str | None,
    start: float,
    duration: float | None,
    model: str | None,
    decoder: str | None,
    device: str,
    force: bool,
    quiet: bool,
) -> None:
    """Draw latents over time under the spectrogram: png, svg or pdf. OUT is IN with the extension .png unless named."""
    target = default_target(source, target, ".png")
    if target != PIPE and names_folder(target):
        picture = Path(target, Path(source).name).with_suffix(".png")
        raise UsageError(f"{target} is a directory; name a picture in it: {typed('plot', source, str(picture))}")
    from codec.inspection.drawing import load_pillow
    from codec.inspection.latent_view import view
    from codec.inspection.plot import save, target_kind
    from codec.pipeline.workers import Engine
    from formats import Reader

    begun = time.monotonic()
    anonymous = target == PIPE or (not Path(target).suffix and is_special(Path(target)))
    kind = "png" if anonymous else target_kind(target)
    load_pillow()  # now, so that a missing one is reported before anything is decoded
    with about(spoken(source)), seekable(source) as coded, Engine(device) as engine:
        reader = Reader(coded)
        with created(target, force=force, source=source) as file:
            try:
                with progress("decoding", quiet=quiet) as advance:
                    shown = view(
                        reader, start=start, duration=duration, model=model, decoder=decoder, engine=engine,
                        progress=advance,
                    )  # fmt: skip
            except UsageError as error:  # the part lies beyond the song's end
                raise UsageError(f"{spoken(source)}: {error}") from None
            save(shown, heading(reader, source), file, kind)
    seconds = shown.end - shown.start
    say(f"{target}: {clock(seconds)}{speed_text(seconds, begun)}", quiet=quiet)


def heading(reader: Reader, source: str) -> str:
    """One line on a file: artist and title, or else its name; tier and measured rate."""
    metadata, header = reader.metadata, reader.header
    named = " - ".join(filter(None, map(metadata.text, ("ARTIST", "TITLE"))))
    name = (named if metadata.text("TITLE") else "") or (spoken(source) if source == PIPE else Path(source).stem)
    seconds = (reader.samples or 0) / header.sample_rate
    rate = f", {reader.coded_size / 125 / seconds:.1f} kbit/s" if seconds and reader.coded_size else ""
    return f"{_shortened(name, 80)}   ({header.latent} latents a frame{rate})"


def _shortened(text: str, columns: int) -> str:
    """A text of so many columns at most, of which letters such as those of Chinese take two."""
    used = 0
    for index, letter in enumerate(text):
        used += 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if used > columns:
            return text[: index - 1] + "…"
    return text
