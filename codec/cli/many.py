"""Many files and folders: the options of `encode`, `decode` and `peel` for them, and how the run is told."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codec.cli.options import default_target, say
from codec.cli.terminal import PIPE, clock, progress
from formats.errors import UsageError

if TYPE_CHECKING:
    from codec.batch.run import Task

SALVAGED = 3
"""Exit code of a decode that kept what a damaged file still had."""

inputs_argument = click.argument("names", nargs=-1, required=True, metavar="IN... [OUT]")
out_option = click.option("-o", "--out", metavar="FOLDER", help="Take many files and folders; keep their trees here.")
jobs_option = click.option("-j", "--jobs", type=click.IntRange(1, 64), metavar="N", help="Files at a time, with -o.")
resume_option = click.option("--resume", is_flag=True, help="Skip what is done, with -o; make anew what differs.")
ray_option = click.option("--ray", metavar="ADDRESS", help="Run on Ray, with -o: local, auto or a cluster's address.")


def one(names: Sequence[str], extension: str, taken: Collection[str], **many: Any) -> tuple[str, str]:
    """Return the input and the output of a run without -o.

    Args:
        names: what was named: IN, or IN and OUT.
        extension: of an output that is not named; empty where it has to be.
        taken: extensions of inputs: a second name that is such a file, and no output, is an input.
        **many: options that need -o.

    Raises:
        click.UsageError: these are several inputs; UsageError: a folder.
    """
    for option, value in many.items():
        if value:
            raise click.UsageError(f"--{option} is for many files and needs -o FOLDER")
    first, second = names[0], names[1] if len(names) > 1 else None
    is_input = second is not None and Path(second).suffix.lower() in taken and Path(second).is_file()
    if is_input and Path(first).is_file() and Path(first).samefile(str(second)):
        is_input = False  # there is a clearer word for that
    if len(names) > 2 or is_input:
        raise click.UsageError("several inputs need -o FOLDER for what becomes of them")
    if second is None and not extension:
        raise click.UsageError("name an output, or -o FOLDER")
    if Path(first).is_dir():
        raise UsageError(f"{first} is a directory; -o FOLDER takes all that is in it")
    return first, default_target(first, second, extension)


def on_cluster(ray: str | None, device: str, model: str | None) -> tuple[str, str | None]:
    """Return device and model as workers elsewhere have to be told them.

    Raises:
        click.UsageError: a GPU, of which a worker has none to itself.
    """
    if ray is None:
        return device, model
    if device not in ("auto", "cpu"):
        raise click.UsageError("--ray runs on processors only; leave --device out")
    if model and (Path(model) / "model.json").is_file():
        model = str(Path(model).resolve())
    return "cpu", model


def run_many(
    names: Sequence[str],
    out: str,
    extension: str,
    taken: Collection[str],
    task: Task,
    *,
    jobs: int | None,
    ray: str | None = None,
    verb: str,
    verbose: bool = False,
    quiet: bool = False,
) -> int:
    """Do every file, say how it went, and return the exit code: 1 if any failed, SALVAGED if any lost something."""
    from codec.batch import jobs as planning
    from codec.batch import run as threads
    from codec.pipeline.workers import WORKERS

    folder = check_out(names, out, extension)
    found = planning.find(map(Path, names), taken)
    todo, clashes = planning.pair(found.files, folder, extension)
    failures = [*found.failures, *clashes]
    if not todo and not failures:
        raise UsageError(f"there is nothing to do: no {' or '.join(sorted(taken)[:4])} in what was named")
    begun, seconds, done, kept, damaged = time.monotonic(), 0.0, 0, 0, 0
    workers = jobs or WORKERS
    with progress(verb.removesuffix("ed") + "ing", quiet=quiet) as advance:
        if ray:
            from codec.batch import ray as cluster

            results = cluster.run(todo, task, ray, workers, advance)
        else:
            results = threads.run(todo, task, workers, advance)
        with closing(results):
            for result in results:
                for warning in result.warnings:
                    say(f"aez: warning: {warning}", quiet=quiet and not result.damaged)
                if result.failure:
                    failures.append((result.job.source, result.failure))
                    continue
                damaged += result.damaged
                done, kept, seconds = done + (not result.kept), kept + result.kept, seconds + result.seconds
                if verbose:
                    say(f"{result.job.target}: " + ("done before" if result.kept else verb))
    for source, reason in sorted(failures):
        say(f"aez: error: {reason if str(source) in reason else f'{source}: {reason}'}")
    counts = {
        verb: done,
        "damaged": damaged,
        "done before": kept,
        "failed": len(failures),
        "other files left out": found.others,
    }
    told = [f"{count} {what}" for what, count in counts.items() if count or what == verb]
    if seconds:
        told.append(f"{clock(seconds)} of audio, {seconds / max(time.monotonic() - begun, 1e-6):.0f} times real time")
    say(f"{out}: {', '.join(told)}", quiet=quiet)
    return 1 if failures else SALVAGED if damaged else 0


def check_out(names: Sequence[str], out: str, extension: str) -> Path:
    """Return the folder for the outputs.

    Raises:
        click.UsageError: a pipe, which has no place in a tree, or the name of a file.
    """
    folder = Path(out)
    if PIPE in (out, *names):
        raise click.UsageError("-o takes files and folders into a folder; a pipe is one input and one output")
    if folder.exists() and not folder.is_dir():
        raise click.UsageError(f"{out} is no folder; -o names a folder")
    if not folder.exists() and folder.suffix.lower() == extension:
        raise click.UsageError(f"-o names a folder; for one file write IN {out}")
    return folder
