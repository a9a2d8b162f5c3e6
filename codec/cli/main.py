"""The `aez` command: a group of the subcommands in `codec.cli`, and the process's exit code."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

import click

from codec.audio.c_stderr import keep_quiet
from codec.cli.streams import open_streams
from codec.cli.terminal import run
from codec.ending import end_on_signals
from codec.version import __version__

COMMANDS = (
    "encode", "decode", "info", "genre", "similar", "peel", "plot", "verify", "serve", "page", "demo", "help",
)  # fmt: skip
"""Names of the subcommands; each is a function of that name in a module of that name."""

TRACKER = "ignore:resource_tracker:UserWarning"
"""Filter for a warning of `multiprocessing.resource_tracker`, a process of its own."""


class Commands(click.Group):
    """A group whose subcommands are imported when they are asked for, so that `aez info` loads no other."""

    def list_commands(self, ctx: click.Context | None) -> list[str]:
        """Return the names of all subcommands, in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context | None, cmd_name: str) -> click.Command | None:
        """Return a subcommand by its name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"codec.cli.{cmd_name}"), cmd_name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aez")
def cli() -> None:
    """Compress songs with a neural codec, and bring them back.

    IN and OUT may be - for a pipe. In bash, eval "$(_AEZ_COMPLETE=bash_source aez)" completes commands, options and
    names of files; zsh_source and fish_source are for those shells.
    """


def main() -> None:
    """Run the command line and leave with its exit code."""
    # The process is ours, and its threads work on chunks. OpenBLAS would start threads of its own when NumPy is
    # imported, which wait for work by spinning.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Where a batch is ended at once, Python's tracker removes its semaphores, and would warn of them on stderr.
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [os.environ.get("PYTHONWARNINGS"), TRACKER]))
    open_streams()  # before anything else is opened, which would get the number of a closed one
    keep_quiet()
    end_on_signals()
    code = run(cli)
    gc.freeze()  # Python would go through all objects, several times, before it ends
    sys.exit(code)


if __name__ == "__main__":
    main()
