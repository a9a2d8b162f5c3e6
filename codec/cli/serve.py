"""`aez serve`."""

from __future__ import annotations

from pathlib import Path

import click

from codec.cli.numbers import KBPS, WholeNumber
from codec.cli.options import models_option, quiet_option, say


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@click.option("--port", type=WholeNumber(0, 65535), default=8000, help="Port (default 8000); 0 takes a free one.")
@click.option("--host", default="127.0.0.1", help="Address to listen on (default 127.0.0.1: this machine only).")
@click.option(
    "--password",
    envvar="AEZ_PASSWORD",
    metavar="TEXT",
    help="What listeners have to type, with any user name. Other users of this machine can see it here; AEZ_PASSWORD "
    "or --password-file keep it from them. The connection is not encrypted.",
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The password is the first line of FILE.",
)
@models_option
@click.option(
    "--encode",
    "bitrate",
    type=KBPS,
    metavar="KBPS",
    help="Serve flac, mp3 ... too, encoded by the first --model, or else by the default one.",
)
@click.option(
    "--cache",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for what --encode makes. It grows with every song that is heard.",
)
@click.option("-j", "--jobs", type=WholeNumber(1, 64), default=2, help="Songs encoded at a time (default 2).")
@quiet_option
def serve(
    folder: Path,
    open_browser: bool,
    port: int,
    host: str,
    password: str | None,
    password_file: Path | None,
    models: tuple[str, ...],
    bitrate: float | None,
    cache: Path | None,
    jobs: int,
    quiet: bool,
) -> None:
    """Serve the songs of FOLDER to browsers, which decode them.

    A line of 16 kbit/s is enough for a listener. Nothing is written, but for what --encode makes. Songs of a model that
    browsers cannot run, as of the study's, are decoded here and sent as wav.
    """
    from codec.serve.address import Address, is_loopback
    from codec.serve.run import Encoding
    from codec.serve.run import serve as run

    if (bitrate is None) != (cache is None):
        raise click.UsageError("--encode and --cache belong together: how to encode, and where to keep it")
    if password_file is not None:
        password = _first_line(password_file)
    if password == "":
        raise click.UsageError("the password is empty")
    if password is None and not is_loopback(host):
        raise click.UsageError(
            f"with --host {host} others can reach it: it needs a password (--password-file, AEZ_PASSWORD or --password)"
        )
    encoding = Encoding(bitrate, cache, jobs) if bitrate is not None and cache is not None else None
    run(
        folder,
        Address(host, port, password),
        encoding=encoding,
        models=models,
        open_browser=open_browser,
        say=lambda line: say(line, quiet=quiet),
    )


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8", errors="surrogateescape") as opened:
        return opened.readline(4096).rstrip("\r\n")
