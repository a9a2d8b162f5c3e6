"""Shared by several subcommands: options, the files they read, and how they print."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from errno import EPIPE
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import click

from codec.cli.advice import failure
from codec.cli.escape import escaped
from codec.cli.streams import PIPE, opened, spoken
from codec.files import is_folder
from formats.errors import AezError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from codec.pipeline.workers import Engine

T = TypeVar("T")

FILE = click.Path(readable=False)
"""The name of a file or folder as it was typed, which shells complete; whoever opens it says what is wrong with it."""


class _Folder(click.Path):
    """As FILE, for which shells offer folders."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Leave it to the shell, which knows its folders."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="dir")]


FOLDER = _Folder(readable=False)
"""The name of a folder as it was typed."""

force_option = click.option("-f", "-y", "--force", is_flag=True, help="Overwrite an existing output.")
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Say which model ran, and on what.")
device_option = click.option("--device", default="auto", metavar="DEVICE", help="auto (default), cpu, cuda or cuda:N.")
model_option = click.option(
    "--model", type=FILE, metavar="NAME", help="The file's model by name, or by its folder where it is not installed."
)
models_option = click.option(
    "--model",
    "models",
    type=FILE,
    multiple=True,
    metavar="NAME",
    help="A model of your own, by name or by its folder, for songs made with it; several: --model A --model B.",
)
decoder_option = click.option(
    "--decoder", metavar="NAME", help="One of the model's decoders (default: its own choice)."
)
input_argument = click.argument("source", type=FILE, metavar="IN")


def say(line: str, *, quiet: bool = False) -> None:
    """Print a line for the person at the terminal: standard output may be carrying a file."""
    if not quiet:
        click.echo(escaped(line), err=True)


def say_device(engine: Engine) -> None:
    """Print which device runs the networks and, where the user did not choose it, why."""
    name, reason = engine.device
    say(f"the networks run on {'the CPU' if name == 'cpu' else name}{reason and f': {reason}'}")


def coded_files(names: Sequence[str], failed: list[str]) -> list[str]:
    """Return the files that are named, and all .aez files in the folders that are named.

    A folder that cannot be read is reported and added to `failed`.

    Raises:
        UsageError: the folders hold no .aez file, and no file was named.
    """
    found: list[str] = []
    for name in names:
        if name == PIPE or not is_folder(name):
            found.append(name)
            continue
        from codec.batch.jobs import CODED, find

        inside = find([Path(name)], CODED)
        found += [str(path) for path, _ in inside.files]
        for folder, error in inside.failures:
            say(f"aez: error: {folder}: {failure(error)}")
            failed.append(str(folder))
    if not found and not failed:
        raise UsageError("there is no .aez file in the folders that were named")
    return found


def each(names: Sequence[str], read: Callable[[BinaryIO], T], failed: list[str]) -> Iterator[tuple[str, T]]:
    """Yield the name of every file that `coded_files` finds, with the result of `read`.

    A file that fails is reported and added to `failed`.

    Raises:
        UsageError: as `coded_files`, or there is no standard input.
    """
    for name in coded_files(names, failed):
        try:
            with opened(name) as file:
                found = read(file)
        except UsageError:
            raise
        except (AezError, OSError) as error:
            if isinstance(error, OSError) and error.errno == EPIPE:
                raise
            say(f"aez: error: {spoken(name)}: {failure(error)}")
            failed.append(name)
        else:
            yield name, found


def default_target(source: str, target: str | None, extension: str) -> str:
    """Return the output: the one that is named or, if None, the input with another extension.

    Raises:
        click.UsageError: the input is a pipe, and no output is named.
    """
    if target:
        return target
    if source == PIPE:
        raise click.UsageError("an input from a pipe needs an output: a file, or - for a pipe")
    return str(Path(source).with_suffix(extension))


def names_folder(name: str) -> bool:
    """Return whether this names a folder, which need not exist."""
    return os.path.basename(name) in ("", ".", "..") or is_folder(name)  # noqa: PTH119  (Path drops a last slash)


def channels_text(count: int) -> str:
    """Return the name of a layout with one or two channels."""
    return "stereo" if count == 2 else "mono"


def speed_text(seconds: float, begun: float) -> str:
    """Return ", " and the speed at which `seconds` of audio were coded since `begun` (monotonic); empty for none."""
    return f", {times(seconds, time.monotonic() - begun)} real time" if seconds else ""


def times(seconds: float, elapsed: float) -> str:
    """Return by how much `seconds` of audio are longer than `elapsed` seconds: "0.4 times", "93 times"."""
    ratio = seconds / max(elapsed, 1e-6)
    if ratio < 0.05:
        return "less than 0.1 times"
    return f"{ratio:.{0 if ratio >= 9.95 else 1}f} times"
