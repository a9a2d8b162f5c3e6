"""`aez demo`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from codec.cli.info import table
from codec.cli.numbers import Number
from codec.cli.options import force_option, say, speed_text
from codec.clock import clock
from codec.files import check_target


@click.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seconds", type=Number(0.1, 3600), default=20.0, help="Length of the song (default 20).")
@force_option
def demo(folder: Path, seconds: float, force: bool) -> None:
    """Make a song, encode it, decode it: demo.wav, demo.aez and demo.decoded.wav in FOLDER."""
    from codec.audio.demo import song
    from codec.audio.sink import open_sink
    from codec.inspection.info import describe
    from codec.pipeline.file_codec import decode_file, encode_file
    from codec.pipeline.plan import EncodePlan
    from codec.pipeline.workers import Engine

    original, coded, decoded = (folder / name for name in ("demo.wav", "demo.aez", "demo.decoded.wav"))
    for made in (coded, decoded):
        check_target(made, force=force)
    with open_sink(original, 44100, 2, force=force) as sink:
        for block in song(seconds):
            sink.write(block)
    say(f"{original}: made, {clock(seconds)}, {original.stat().st_size} bytes")
    with Engine() as engine:
        begun = time.monotonic()
        report = encode_file(original, coded, EncodePlan.make(), force=force, engine=engine)
        say(f"{coded}: encoded, {report.coded_bytes} bytes, {speed_text(seconds, begun)}")
        begun = time.monotonic()
        decode_file(coded, decoded, force=force, engine=engine)
        say(f"{decoded}: decoded, {speed_text(seconds, begun)}")
    with coded.open("rb") as file:
        click.echo(table(str(coded), describe(file)))
