"""The `aez` command: a group of `codec.commands`, and the process's exit code."""

import sys

import click

from codec.commands.decode import decode
from codec.commands.demo import demo
from codec.commands.encode import encode
from codec.commands.genre import genre
from codec.commands.info import info
from codec.commands.peel import peel
from codec.commands.plot import plot
from codec.commands.verify import verify
from codec.terminal import run
from codec.version import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aez")
def cli() -> None:
    """Compress songs with a neural codec, and bring them back.

    IN and OUT may be - for a pipe.
    """


for command in (encode, decode, info, genre, peel, plot, verify, demo):
    cli.add_command(command)


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(cli))


if __name__ == "__main__":
    main()
