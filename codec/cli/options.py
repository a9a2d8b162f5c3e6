"""What several subcommands have in common: options, and how they talk."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

import click

from codec.cli.terminal import PIPE, opened
from formats.errors import AezError

T = TypeVar("T")

force_option = click.option("--force", is_flag=True, help="Overwrite an existing output.")
quiet_option = click.option("--quiet", is_flag=True, help="Print errors only.")
verbose_option = click.option("--verbose", is_flag=True, help="Say which model and ONNX Runtime provider ran.")
device_option = click.option("--device", default="auto", metavar="DEVICE", help="auto (default), cpu, cuda or cuda:N.")
input_argument = click.argument("source", metavar="IN")


def say(line: str, *, quiet: bool = False) -> None:
    """Print a line for the person at the terminal: standard output may be carrying a file."""
    if not quiet:
        click.echo(line, err=True)


def each(names: Sequence[str], read: Callable[[BinaryIO], T], failed: list[str]) -> Iterator[tuple[str, T]]:
    """Yield every file's name with what `read` finds in it; a bad one among several is told, and goes to `failed`.

    Raises:
        AezError, OSError: the only file is bad.
    """
    for name in names:
        try:
            with opened(name) as file:
                found = read(file)
        except (AezError, OSError) as error:
            if len(names) == 1:
                raise
            say(f"aez: error: {name}: {error.strerror if isinstance(error, OSError) else error}")
            failed.append(name)
        else:
            yield name, found


def default_target(source: str, target: str | None, extension: str) -> str:
    """Return the output to write: the one named, else the input with another extension.

    Raises:
        click.UsageError: the input is a pipe, and no output is named.
    """
    if target:
        return target
    if source == PIPE:
        raise click.UsageError("an input from a pipe needs an output: a file, or - for a pipe")
    return str(Path(source).with_suffix(extension))


def channels_text(count: int) -> str:
    """Return what one channel, or two, are called."""
    return "stereo" if count == 2 else "mono"


def speed_text(seconds: float, begun: float) -> str:
    """Return how fast `seconds` of audio were done since `begun` (monotonic)."""
    return f"{seconds / max(time.monotonic() - begun, 1e-6):.0f} times real time"
