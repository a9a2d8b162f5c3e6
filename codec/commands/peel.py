"""`aez peel`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.commands.shared import (
    force_option,
    input_argument,
    quiet_option,
    say,
)
from codec.terminal import PIPE, created, opened

if TYPE_CHECKING:
    pass


@click.command()
@input_argument
@click.argument("target", metavar="OUT.aez")
@click.option("--latent", type=click.IntRange(1), metavar="N", required=True, help="The smaller tier.")
@force_option
@quiet_option
def peel(source: str, target: str, latent: int, force: bool, quiet: bool) -> None:
    """Cut an .aez file down to a smaller tier without decoding it."""
    from codec import pipeline

    with opened(source) as coded, created(target, force=force, source=source) as file:
        pipeline.peel(coded, file, latent)
    if target != PIPE:
        say(f"{target}: {latent} latents, {Path(target).stat().st_size} bytes", quiet=quiet)
