"""`aez peel`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.cli.advice import about
from codec.cli.many import (
    inputs_argument,
    jobs_option,
    out_option,
    resume_option,
    run_many,
)
from codec.cli.names import check_coded_name, check_inputs, one, out_of_one
from codec.cli.numbers import WholeNumber
from codec.cli.options import force_option, model_option, quiet_option, say
from codec.cli.streams import PIPE, source_of, spoken, target_of
from codec.cli.tagging import tag_options
from codec.files import check_coded, is_special

if TYPE_CHECKING:
    from codec.audio.tags.choice import TagChoice


@click.command()
@inputs_argument
@out_option
@click.option("--latent", type=WholeNumber(1), metavar="N", required=True, help="The smaller tier: latents a frame.")
@tag_options()
@model_option
@jobs_option
@resume_option
@force_option
@quiet_option
def peel(
    names: tuple[str, ...],
    out: str | None,
    latent: int,
    tags: TagChoice,
    model: str | None,
    jobs: int | None,
    resume: bool,
    force: bool,
    quiet: bool,
) -> int:
    """Cut an .aez file down to a smaller tier without decoding it; with -o, many files and all in folders."""
    from codec.batch.jobs import CODED

    command, source, target = f"peel --latent {latent}", "", ""
    names, out = out_of_one(names, out, CODED)
    if out is None:
        check_inputs(names, check_coded)
        source, target = one(command, names, "", (), jobs=jobs, resume=resume)
        check_coded_name(command, source, target, CODED)
    if out is not None:
        from codec.batch.tasks import Manners, PeelTask

        task = PeelTask(latent, Manners(force, resume), model, tags)
        return run_many(names, out, ".aez", CODED, task, "cpu", jobs=jobs, resume=resume, verb="peeled", quiet=quiet)
    from codec.pipeline.file_codec import peel_file
    from codec.pipeline.workers import Engine

    with about(spoken(source)), Engine("cpu") as engine, target_of(target) as file:
        left_out = peel_file(source_of(source), file, latent, model=model, tags=tags, force=force, engine=engine)
    if left_out:
        say(f"aez: warning: {spoken(source)}: left out: {'; '.join(left_out)}", quiet=quiet)
    if target != PIPE:
        size = "" if is_special(Path(target)) else f", {Path(target).stat().st_size} bytes"
        say(f"{target}: {latent} latents a frame{size}", quiet=quiet)
    return 0
