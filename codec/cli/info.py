"""`aez info`, which avoids the import of NumPy so that it answers at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from codec.cli.advice import NAMING_A_MODEL, about
from codec.cli.escape import escaped, json_line
from codec.cli.options import FILE, channels_text, each, force_option, model_option, say
from codec.cli.streams import created, opened, spoken
from codec.clock import clock, counted
from codec.files import is_folder
from formats.errors import UsageError

if TYPE_CHECKING:
    from codec.inspection.info import Info
    from formats import Picture

SHOWN = (
    "other picture", "file icon", "other icon", "front cover", "back cover", "leaflet", "medium", "lead artist",
    "artist", "conductor", "band", "composer", "lyricist", "location", "recording", "performance", "film still",
    "coloured fish", "illustration", "band logo", "label logo",
)  # fmt: skip
"""What pictures show, by their types."""


@click.command()
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and file.")
@click.option("--cover", type=FILE, metavar="IMAGE", help="Write the cover to this file, or - for a pipe.")
@force_option
@model_option
def info(files: tuple[str, ...], as_json: bool, cover: str | None, force: bool, model: str | None) -> int:
    """Describe .aez files, and all in folders, and check all their checksums."""
    if cover is not None:
        return _take_out(files, cover, force=force)
    from codec.inspection.info import describe

    failed: list[str] = []
    for number, (name, found) in enumerate(each(files, lambda file: describe(file, model=model), failed)):
        if found.damage:
            failed.append(name)
        if as_json:
            pictures = [_listed(picture) for picture in found.pictures]
            click.echo(json_line({"file": name} | found._asdict() | {"pictures": pictures}))
        else:
            click.echo(("\n" if number else "") + table(name, found))
    return 1 if failed else 0


def _listed(picture: Picture) -> dict[str, object]:
    """A picture for programs, without the image file."""
    values = {name: getattr(picture, name) for name in ("type", "mime", "description")}
    return values | {"size": len(picture.data)}


def _picture_text(picture: Picture) -> str:
    described = f", {picture.description}" if picture.description else ""
    return f"{picture.mime or 'unknown type'}, {counted(len(picture.data), 'byte')}{described}"


def _take_out(files: tuple[str, ...], cover: str, *, force: bool) -> int:
    """Write the cover of a file to an image file; returns the exit code."""
    if len(files) != 1 or is_folder(files[0]):
        raise click.UsageError("--cover takes the cover out of one file")
    from formats import Reader

    with about(spoken(files[0])), opened(files[0]) as file:
        picture = Reader(file).metadata.cover
    if picture is None:
        raise UsageError(f"{spoken(files[0])} has no pictures")
    with created(cover, force=force, source=files[0]) as target:
        target.write(picture.data)
    say(f"{cover}: {picture.mime or 'unknown type'}, {counted(len(picture.data), 'byte')}")
    return 0


def table(name: str, found: Info) -> str:
    """Return the facts about a file as aligned lines."""

    def unless_none(value: float | None, text: Callable[[Any], str]) -> str:
        return "unknown" if value is None else text(value)

    whole = f", {found.kbps_file:.2f} with its pictures" if found.kbps_file and found.pictures else ""
    samples = counted(found.samples or 0, "sample")
    rows = {
        "file": name,
        "size": unless_none(found.size, lambda size: f"{size} bytes"),
        "duration": unless_none(found.seconds, lambda seconds: f"{clock(seconds)} ({samples})"),
        "audio": f"{found.sample_rate} Hz {channels_text(found.channels)}",
        "rate": unless_none(found.kbps, lambda kbps: f"{kbps:.2f} kbit/s{whole}"),
        "ratio": unless_none(found.ratio, lambda ratio: f"{ratio:.1f}:1 to 16 bit PCM"),
        "tier": f"{found.latent} latents a frame",
        "gain": str(found.gain),
        "bitstream": found.bitstream,
        "model": found.model or f"not installed; {NAMING_A_MODEL}",
        **({"decoder": found.decoder} if found.decoder else {}),
        "coder": f"{found.coder}, {unless_none(found.chunks, lambda chunks: counted(chunks, 'chunk'))}",
        "encoder": f"aez {found.encoder}",
        "checksums": found.damage or "all match",
    }
    # Tags come from strangers: they must not imitate our lines or send control characters to the terminal.
    pictures = [(SHOWN[picture.type], _picture_text(picture)) for picture in found.pictures]
    tags = [(f"  {key}", value) for key, values in found.tags.items() for value in values]
    lines = [*rows.items(), *pictures, *tags]
    width = max(len(key) for key, _ in lines if len(key) < 24)
    return "\n".join(f"{escaped(key):<{width}}  {escaped(value)}" for key, value in lines)
