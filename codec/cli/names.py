"""What the names that follow a command mean: one input and its output, several inputs, or a folder for outputs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from codec.cli.advice import about, typed
from codec.cli.options import default_target, names_folder
from codec.cli.streams import PIPE
from codec.files import is_folder, is_regular
from formats.errors import AezError, UsageError


def one(command: str, names: Sequence[str], extension: str, taken: Collection[str], **many: Any) -> tuple[str, str]:
    """Return the input and the output of a run without -o.

    Args:
        command: what was typed before the names, for advice: encode, decode, or peel and its tier.
        names: what was named: IN, or IN and OUT.
        extension: of an output that is not named; empty where it has to be.
        taken: extensions of inputs: a second name that is such a file, and no output, is an input.
        **many: options that are for many files.

    Raises:
        click.UsageError: these are several inputs; UsageError: a folder.
    """
    _check_options(many)
    _check_names(names)
    first, second = names[0], names[1] if len(names) > 1 else None
    if len(names) > 2 or (second is not None and _is_second_input(first, second, taken)):
        raise click.UsageError(
            f"several inputs need -o FOLDER for what becomes of them: {typed(command, *names)} -o FOLDER"
        )
    if is_folder(first):
        raise UsageError(f"{first} is a directory; -o FOLDER takes all that is in it")
    if second is None and not extension:
        raise click.UsageError("name an output, or -o FOLDER")
    if second is not None and second != PIPE and names_folder(second):
        raise UsageError(f"{second} is a directory; to write into it: {typed(command, first, '-o', second)}")
    return first, default_target(first, second, extension)


def several(command: str, names: Sequence[str], taken: Collection[str], made: Collection[str], **rest: Any) -> bool:
    """Return whether these are several files, named without -o, each of which becomes a file beside it.

    Args:
        command, names, taken: as for `one`.
        made: extensions of outputs. The last of several names is one, and others are if there is no such file: one that
            is there may come from a pattern such as `*`, and is refused as an input.
        **rest: options that need -o.

    Raises:
        click.UsageError: among several files is a pipe, a folder, or the name of an output.
    """
    if len(names) < 2 or (len(names) == 2 and not _is_second_input(names[0], names[1], taken)):
        return False
    _check_names(names)
    for name in names:
        if name == PIPE:
            raise click.UsageError("a pipe is one input and one output")
        if names_folder(name):
            raise click.UsageError(f"{name} is a directory; for outputs, and for all that is in one: -o FOLDER")
        is_output = Path(name).suffix.lower() in made and (name == names[-1] or not is_regular(name))
        if is_output:
            inputs = [other for other in names if other != name]
            raise click.UsageError(f"{name} is one output for several inputs: {typed(command, *inputs)} -o FOLDER")
    _check_options(rest)
    return True


def out_of_one(names: tuple[str, ...], out: str | None, kinds: Collection[str]) -> tuple[tuple[str, ...], str | None]:
    """Return the names and the folder of -o; of one input with -o FILE, as other commands take it, IN OUT and None.

    Args:
        names: what was named.
        out: what -o named.
        kinds: extensions that no folder has: of outputs, and of audio that is none of them, which is refused later.
    """
    is_file = out is not None and Path(out).suffix.lower() in kinds and not names_folder(out)
    if out is None or not is_file or len(names) != 1 or is_folder(names[0]):
        return names, out
    return (*names, out), None


def check_inputs(names: Sequence[str], check: Callable[[str], None]) -> None:
    """Refuse names of which none is what the command takes, before they are found wrong in other ways.

    Args:
        names: what was named without -o; the last of several is an output if there is no such file.
        check: raises an AezError where a file is not what the command takes.

    Raises:
        AezError: that of the first.
    """
    inputs = names if len(names) == 1 or is_regular(names[-1]) else names[:-1]
    faults: list[tuple[str, AezError]] = []
    for name in inputs:
        try:
            check(name)
            return
        except AezError as error:
            faults.append((name, error))
    with about(faults[0][0]):
        raise faults[0][1]


def _check_options(options: Mapping[str, Any]) -> None:
    for option, value in options.items():
        if value:
            raise click.UsageError(f"--{option} is for many files and needs -o FOLDER")


def _check_names(names: Sequence[str]) -> None:
    if "" in names:  # of a variable of the shell that is not set, perhaps; a Path takes it for the current folder
        raise click.UsageError("a name is empty")


def _is_second_input(first: str, second: str, taken: Collection[str]) -> bool:
    if Path(second).suffix.lower() not in taken or not is_regular(second):
        return False
    return not (is_regular(first) and Path(first).samefile(second))  # another message says it more clearly


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
    advice = f"for one file: {typed(command, source, str(better))}"
    if path.suffix.lower() in taken:
        advice += f"; for both: {typed(command, source, target)} -o FOLDER"
    raise UsageError(f"{target} is not the name of an .aez file; {advice}")


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
