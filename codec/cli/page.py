"""`aez page`."""

from __future__ import annotations

from pathlib import Path

import click

from codec.cli.options import FILE, coded_files, force_option, models_option, quiet_option, say
from codec.cli.streams import PIPE
from codec.clock import counted
from formats.errors import UsageError


@click.command()
@click.argument("names", type=FILE, nargs=-1, required=True, metavar="FILES...")
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="The page's folder."
)
@click.option("--title", help="Heading of the page (default: the song's, album's or artist's).")
@models_option
@force_option
@quiet_option
def page(
    names: tuple[str, ...], out: Path, title: str | None, models: tuple[str, ...], force: bool, quiet: bool
) -> None:
    """Make a web page that plays .aez files: a FOLDER for any web host.

    Listeners' browsers decode the songs, so FOLDER holds their models, too. --force replaces a page that was made
    before, and leaves in FOLDER what else was put there.
    """
    from codec.serve.site import make_site

    if PIPE in names:
        raise UsageError("a page takes files; a pipe has no name")
    if str(out) == PIPE:
        raise UsageError("a page is a folder; a pipe cannot take it")
    failed: list[str] = []
    songs = [Path(name) for name in coded_files(names, failed)]
    if failed:
        raise UsageError(f"no page was made: {counted(len(failed), 'folder')} cannot be read")
    size = make_site(songs, out, title=title, models=models, force=force)
    say(f"{out}: a page with {counted(len(songs), 'song')}, {size / 1e6:.1f} MB", quiet=quiet)
