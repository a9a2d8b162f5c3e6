"""`aez info`, which avoids the import of NumPy so that it answers at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from codec.cli.escape import escaped, json_line
from codec.cli.options import FILE, channels_text, each, model_option
from codec.clock import clock, counted

if TYPE_CHECKING:
    from codec.inspection.info import Info


@click.command()
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and file.")
@model_option
def info(files: tuple[str, ...], as_json: bool, model: str | None) -> int:
    """Describe .aez files, and all in folders, and check all their checksums."""
    from codec.inspection.info import describe

    failed: list[str] = []
    for number, (name, found) in enumerate(each(files, lambda file: describe(file, model=model), failed)):
        if found.damage:
            failed.append(name)
        if as_json:
            click.echo(json_line({"file": name} | vars(found)))
        else:
            click.echo(("\n" if number else "") + table(name, found))
    return 1 if failed else 0


def table(name: str, found: Info) -> str:
    """Return the facts about a file as aligned lines."""

    def unless_none(value: float | None, text: Callable[[Any], str]) -> str:
        return "unknown" if value is None else text(value)

    bare = f" ({found.kbps_bare:.2f} without the cover)" if found.kbps_bare and found.cover_bytes else ""
    samples = counted(found.samples or 0, "sample")
    rows = {
        "file": name,
        "size": unless_none(found.size, lambda size: f"{size} bytes"),
        "duration": unless_none(found.seconds, lambda seconds: f"{clock(seconds)} ({samples})"),
        "audio": f"{found.sample_rate} Hz {channels_text(found.channels)}",
        "rate": unless_none(found.kbps, lambda kbps: f"{kbps:.2f} kbit/s{bare}"),
        "ratio": unless_none(found.ratio, lambda ratio: f"{ratio:.1f}:1 to 16 bit PCM"),
        "tier": f"{found.latent} latents a frame",
        "gain": str(found.gain),
        "bitstream": found.bitstream,
        "model": found.model or "not installed",
        **({"decoder": found.decoder} if found.decoder else {}),
        "coder": f"{found.coder}, {unless_none(found.chunks, lambda chunks: counted(chunks, 'chunk'))}",
        "encoder": f"aez {found.encoder}",
        "checksums": found.damage or "all match",
    }
    if found.cover_bytes:
        rows["cover"] = f"{found.cover_type}, {found.cover_bytes} bytes"
    # Tags come from strangers: they must not imitate our lines or send control characters to the terminal.
    lines = [*rows.items(), *((f"  {key}", value) for key, value in sorted(found.tags.items()))]
    width = max(len(key) for key, _ in lines if len(key) < 24)
    return "\n".join(f"{escaped(key):<{width}}  {escaped(value)}" for key, value in lines)
