"""`aez peel`."""

from __future__ import annotations

from pathlib import Path

import click

from codec.cli.many import inputs_argument, jobs_option, one, out_option, resume_option, run_many
from codec.cli.options import force_option, quiet_option, say
from codec.cli.terminal import PIPE, created, opened


@click.command()
@inputs_argument
@out_option
@click.option("--latent", type=click.IntRange(1), metavar="N", required=True, help="The smaller tier.")
@jobs_option
@resume_option
@force_option
@quiet_option
def peel(
    names: tuple[str, ...], out: str | None, latent: int, jobs: int | None, resume: bool, force: bool, quiet: bool
) -> int:
    """Cut an .aez file down to a smaller tier without decoding it; with -o, many files and all in folders."""
    if out is not None:
        from codec.batch.jobs import CODED
        from codec.batch.tasks import Manners, PeelTask

        task = PeelTask(Manners(force, resume), latent)
        return run_many(names, out, ".aez", CODED, task, jobs=jobs, verb="peeled", quiet=quiet)
    source, target = one(names, "", (), jobs=jobs, resume=resume)
    from codec.pipeline import peel as peeling

    with opened(source) as coded, created(target, force=force, source=source) as file:
        peeling.peel(coded, file, latent)
    if target != PIPE:
        say(f"{target}: {latent} latents, {Path(target).stat().st_size} bytes", quiet=quiet)
    return 0
