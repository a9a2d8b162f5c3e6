"""Many files at a time: options of `encode`, `decode` and `peel`, and a run's messages."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.audio.estimate import estimated_seconds
from codec.cli.advice import advised, failure, keeping
from codec.cli.names import check_out
from codec.cli.numbers import WholeNumber
from codec.cli.options import FILE, say, say_device, times
from codec.cli.terminal import progress
from codec.clock import clock, counted
from codec.ending import be_patient
from formats.errors import UsageError

if TYPE_CHECKING:
    from codec.batch.run import Result, Task

SALVAGED = 3
"""Exit code of a decode that salvaged a damaged file."""

inputs_argument = click.argument("names", type=FILE, nargs=-1, required=True, metavar="IN... [OUT]")
out_option = click.option(
    "-o",
    "--out",
    type=FILE,
    metavar="FOLDER",
    help="Where outputs go; takes folders, and keeps their trees.",
)
jobs_option = click.option(
    "-j",
    "--jobs",
    type=WholeNumber(1, 64),
    metavar="N",
    help="Most files at a time (default: one a core; with a GPU, three for two).",
)
resume_option = click.option(
    "--resume",
    is_flag=True,
    help="With -o: keep what was made with these settings (FOLDER/.aez-resume.jsonl tells), and make the rest anew.",
)
ray_option = click.option("--ray", metavar="ADDRESS", help="Run on Ray, with -o: local, auto or a cluster's address.")


def on_cluster(ray: str | None, device: str, model: str | None) -> tuple[str, str | None]:
    """Return device and model in a form that is valid on other machines.

    Raises:
        click.UsageError: the device is a GPU, which workers of a cluster do not use.
    """
    if ray is None:
        return device, model
    if device not in ("auto", "cpu"):
        raise click.UsageError("--ray runs on processors only; leave --device out")
    if model and (Path(model) / "model.json").is_file():
        model = str(Path(model).resolve())
    return "cpu", model


@dataclass
class Summary:
    """The result of a run: counts of files, seconds of audio, and the files that failed, with reasons.

    Where damaged files are salvaged, it is also told that none was damaged.
    """

    verb: str
    done: int = 0
    kept: int = 0
    damaged: int = 0
    seconds: float = 0.0
    failures: list[tuple[Path, str]] = field(default_factory=list)
    salvaging: bool = False

    def add(self, result: Result, *, salvageable: bool) -> None:
        """Count a result; `salvageable` is as for `advised`."""
        if result.failure:
            reason = advised(result.failure, result.error, salvageable=salvageable)
            self.failures.append((result.job.source, reason))
            return
        self.done += not result.kept
        self.kept += result.kept
        self.damaged += result.damaged
        self.seconds += result.seconds

    def text(self, others: int, elapsed: float) -> str:
        """Return the counts in words; `others` files were left out."""
        counts = {
            self.verb: self.done,
            "damaged": self.damaged,
            "done before": self.kept,
            "failed": len(self.failures),
        }
        told = [
            f"{count} {what}"
            for what, count in counts.items()
            if count or what == self.verb or (what == "damaged" and self.salvaging)
        ]
        if others:
            told.append(f"{counted(others, 'other file')} left out")
        if self.seconds:
            told.append(f"{clock(self.seconds)} of audio, {times(self.seconds, elapsed)} real time")
        return ", ".join(told)

    @property
    def exit_code(self) -> int:
        """1 if any file failed, SALVAGED if any lost something."""
        return 1 if self.failures else SALVAGED if self.damaged else 0


def run_many(
    names: Sequence[str],
    out: str | None,
    extension: str,
    taken: Collection[str],
    task: Task,
    device: str,
    *,
    jobs: int | None,
    resume: bool,
    ray: str | None = None,
    verb: str,
    salvageable: bool = False,
    salvaging: bool = False,
    verbose: bool = False,
    quiet: bool = False,
) -> int:
    """Do every file, print the results, and return the exit code: 1 if any failed, SALVAGED if any lost something.

    Outputs go into the folder `out`, or beside their sources if it is None.
    """
    from codec.batch import jobs as planning
    from codec.batch.journal import Journal
    from codec.batch.run import most, run
    from codec.pipeline.workers import Engine
    from codec.runtime.device import check as check_device

    check_device(device)
    folder = None if out is None else check_out(names, out, extension)
    found = planning.find(map(Path, names), taken)
    files = found.files if folder else [(source, source) for source, _ in found.files]
    todo, clashes = planning.pair(files, folder or Path(), extension)
    refused = [(path, failure(error)) for path, error in found.failures]
    summary = Summary(verb, failures=[*refused, *clashes], salvaging=salvaging)
    if not todo and not summary.failures:
        raise UsageError(f"there is nothing to do: no {' or '.join(sorted(taken)[:4])} in what was named")
    begun = time.monotonic()
    seconds = sum(estimated_seconds(job.source) for job in todo)
    with Engine(device, seconds=seconds) as engine, Journal(folder) if folder else nullcontext() as journal:
        record = journal.record if journal else _no_record
        task.try_out(engine)
        workers = jobs or most(engine)
        if verbose:
            say_device(engine)
        if resume and journal:
            todo = [job._replace(entry=journal.entry(job.target)) for job in todo]
        with progress(verb.removesuffix("ed") + "ing", quiet=quiet) as advance:
            if ray:
                from codec.batch import ray as cluster

                be_patient(2 * cluster.STOP)

                results = cluster.run(todo, task, ray, workers, advance, record)
            else:
                results = run(todo, task, workers, engine, advance, record)
            with closing(results):
                for result in results:
                    summary.add(result, salvageable=salvageable)
                    _tell(result, verb, verbose=verbose, quiet=quiet)
    for source, reason in sorted(summary.failures):
        is_named = reason.startswith((f"{source}:", f"{source} "))
        say(f"aez: error: {reason if is_named else f'{source}: {reason}'}")
    if journal and journal.problem is not None:
        reason = str(journal.problem.strerror or journal.problem)
        say(f"aez: warning: the journal in {out} cannot be written, so --resume will make more anew: {reason}")
    counts = summary.text(found.others, time.monotonic() - begun)
    say(counts if out is None else f"{out}: {counts}", quiet=quiet)
    return summary.exit_code


def _no_record(result: Result) -> None:
    pass


def _tell(result: Result, verb: str, *, verbose: bool, quiet: bool) -> None:
    for warning in result.warnings:
        told = keeping(warning) if verb == "encoded" else warning
        say(f"aez: warning: {told}", quiet=quiet and not result.damaged)
    for line in result.lost:
        say(f"aez: warning: {line}")
    if verbose and not result.failure:
        say(f"{result.job.target}: " + ("done before" if result.kept else verb))
