"""One file or many: options of `encode`, `decode` and `peel`, the meaning of their names, and a run's messages."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codec.audio.estimate import estimated_seconds
from codec.cli.advice import advised, keeping
from codec.cli.options import WholeNumber, counted, default_target, names_folder, say, say_device, times
from codec.cli.terminal import PIPE, progress
from codec.clock import clock
from codec.ending import be_patient
from formats.errors import UsageError

if TYPE_CHECKING:
    from codec.batch.run import Result, Task

SALVAGED = 3
"""Exit code of a decode that salvaged a damaged file."""

inputs_argument = click.argument("names", nargs=-1, required=True, metavar="IN... [OUT]")
out_option = click.option("-o", "--out", metavar="FOLDER", help="Take many files and folders; keep their trees here.")
jobs_option = click.option(
    "-j",
    "--jobs",
    type=WholeNumber(1, 64),
    metavar="N",
    help="Most files at a time, with -o (default: one a core; with a GPU, three for two).",
)
resume_option = click.option(
    "--resume",
    is_flag=True,
    help="With -o: keep what was made with these settings (FOLDER/.aez-resume.jsonl tells), and make the rest anew.",
)
ray_option = click.option("--ray", metavar="ADDRESS", help="Run on Ray, with -o: local, auto or a cluster's address.")


def one(command: str, names: Sequence[str], extension: str, taken: Collection[str], **many: Any) -> tuple[str, str]:
    """Return the input and the output of a run without -o.

    Args:
        command: what was typed before the names, for advice: encode, decode, or peel and its tier.
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
    _check_names(names)
    first, second = names[0], names[1] if len(names) > 1 else None
    if len(names) > 2 or (second is not None and _is_second_input(first, second, taken)):
        raise click.UsageError(
            f"several inputs need -o FOLDER for what becomes of them: aez {command} {' '.join(names)} -o FOLDER"
        )
    if Path(first).is_dir():
        raise UsageError(f"{first} is a directory; -o FOLDER takes all that is in it")
    if second is None and not extension:
        raise click.UsageError("name an output, or -o FOLDER")
    if second is not None and second != PIPE and names_folder(second):
        raise UsageError(f"{second} is a directory; to write into it: aez {command} {first} -o {second}")
    return first, default_target(first, second, extension)


def out_of_one(names: tuple[str, ...], out: str | None, kinds: Collection[str]) -> tuple[tuple[str, ...], str | None]:
    """Return the names and the folder of -o; of one input with -o FILE, as other commands take it, IN OUT and None.

    Args:
        names: what was named.
        out: what -o named.
        kinds: extensions of outputs.
    """
    is_file = out is not None and Path(out).suffix.lower() in kinds and not names_folder(out)
    if out is None or not is_file or len(names) != 1 or Path(names[0]).is_dir():
        return names, out
    return (*names, out), None


def _check_names(names: Sequence[str]) -> None:
    if "" in names:  # of a variable of the shell that is not set, perhaps; a Path takes it for the current folder
        raise click.UsageError("a name is empty")


def _is_second_input(first: str, second: str, taken: Collection[str]) -> bool:
    if Path(second).suffix.lower() not in taken or not Path(second).is_file():
        return False
    return not (Path(first).is_file() and Path(first).samefile(second))  # another message says it more clearly


def check_coded_name(command: str, source: str, target: str, taken: Collection[str]) -> None:
    """Refuse to write an .aez file with another extension, which may mean that -o was forgotten.

    Args:
        command, taken: as for `one`.
        source, target: the input and the output; a pipe or a device may have any name.

    Raises:
        UsageError: the target's name does not end in .aez.
    """
    path = Path(target)
    is_device = path.exists() and not path.is_file()
    if target == PIPE or path.suffix.lower() == ".aez" or is_device:
        return
    if path.exists() and source != PIPE and Path(source).exists() and path.samefile(source):
        raise UsageError(f"{target} is the input itself")
    better = path.with_suffix(".aez")
    if better == Path(source):
        better = Path(f"{target}.aez")
    advice = f"for one file: aez {command} {source} {better}"
    if path.suffix.lower() in taken:
        advice += f"; for both: aez {command} {source} {target} -o FOLDER"
    raise UsageError(f"{target} is not the name of an .aez file; {advice}")


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
            failure = advised(result.failure, result.error, salvageable=salvageable)
            self.failures.append((result.job.source, failure))
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
    out: str,
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
    """Do every file, print the results, and return the exit code: 1 if any failed, SALVAGED if any lost something."""
    from codec.batch import jobs as planning
    from codec.batch.journal import Journal
    from codec.batch.run import most, run
    from codec.pipeline.workers import Engine
    from codec.runtime.device import check as check_device

    check_device(device)
    folder = check_out(names, out, extension)
    found = planning.find(map(Path, names), taken)
    todo, clashes = planning.pair(found.files, folder, extension)
    summary = Summary(verb, failures=[*found.failures, *clashes], salvaging=salvaging)
    if not todo and not summary.failures:
        raise UsageError(f"there is nothing to do: no {' or '.join(sorted(taken)[:4])} in what was named")
    begun = time.monotonic()
    seconds = sum(estimated_seconds(job.source) for job in todo)
    with Engine(device, seconds=seconds) as engine, Journal(folder) as journal:
        task.try_out(engine)
        workers = jobs or most(engine)
        if verbose:
            say_device(engine)
        if resume:
            todo = [replace(job, entry=journal.entry(job.target)) for job in todo]
        with progress(verb.removesuffix("ed") + "ing", quiet=quiet) as advance:
            if ray:
                from codec.batch import ray as cluster

                be_patient(2 * cluster.STOP)

                results = cluster.run(todo, task, ray, workers, advance, journal.record)
            else:
                results = run(todo, task, workers, engine, advance, journal.record)
            with closing(results):
                for result in results:
                    summary.add(result, salvageable=salvageable)
                    _tell(result, verb, verbose=verbose, quiet=quiet)
    for source, reason in sorted(summary.failures):
        is_named = reason.startswith((f"{source}:", f"{source} "))
        say(f"aez: error: {reason if is_named else f'{source}: {reason}'}")
    if journal.problem is not None:
        reason = str(journal.problem.strerror or journal.problem)
        say(f"aez: warning: the journal in {out} cannot be written, so --resume will make more anew: {reason}")
    say(f"{out}: {summary.text(found.others, time.monotonic() - begun)}", quiet=quiet)
    return summary.exit_code


def _tell(result: Result, verb: str, *, verbose: bool, quiet: bool) -> None:
    for warning in result.warnings:
        told = keeping(warning) if verb == "encoded" else warning
        say(f"aez: warning: {told}", quiet=quiet and not result.damaged)
    for line in result.lost:
        say(f"aez: warning: {line}")
    if verbose and not result.failure:
        say(f"{result.job.target}: " + ("done before" if result.kept else verb))


def check_out(names: Sequence[str], out: str, extension: str) -> Path:
    """Return the folder for the outputs.

    Raises:
        click.UsageError: a pipe was named, or `out` is the name of a file.
    """
    _check_names((out, *names))
    folder = Path(out)
    if PIPE in (out, *names):
        raise click.UsageError("-o takes files and folders into a folder; a pipe is one input and one output")
    if folder.exists() and not folder.is_dir():
        raise click.UsageError(f"{out} is no folder; -o names a folder")
    if not folder.exists() and folder.suffix.lower() == extension:
        raise click.UsageError(f"-o names a folder, unless there is one input and it is a file: not {out}")
    return folder
