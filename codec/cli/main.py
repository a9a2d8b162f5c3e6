"""The `aez` command: a group of the subcommands in `codec.cli`, and the process's exit code."""

import sys

import click

from codec.cli.decode import decode
from codec.cli.demo import demo
from codec.cli.encode import encode
from codec.cli.genre import genre
from codec.cli.info import info
from codec.cli.peel import peel
from codec.cli.plot import plot
from codec.cli.terminal import run
from codec.cli.verify import verify
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
