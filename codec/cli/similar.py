"""`aez similar`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from codec.cli.advice import about, failure
from codec.cli.escape import escaped, json_line
from codec.cli.numbers import WholeNumber
from codec.cli.options import FILE, FOLDER, coded_files, model_option, quiet_option, say
from codec.cli.terminal import progress, seekable, spoken
from formats.errors import AezError, AudioError, UsageError

if TYPE_CHECKING:
    from codec.inspection.similar import Index


class Neighbour(NamedTuple):
    """A song of the library and how far it is from the one that was asked for."""

    path: str
    distance: float


@click.command()
@click.argument("song", type=FILE, metavar="SONG")
@click.argument("library", type=FOLDER, nargs=-1, required=True, metavar="FOLDER...")
@click.option("-n", "--count", type=WholeNumber(1), default=10, show_default=True, help="Songs to list.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and song.")
@click.option("--no-index", is_flag=True, help="Write no index: read every file, and leave the folders as they are.")
@model_option
@quiet_option
def similar(
    song: str, library: tuple[str, ...], count: int, as_json: bool, no_index: bool, model: str | None, quiet: bool
) -> int:
    """List the songs in folders that are most like SONG, an .aez file, the nearest first; nothing is decoded to audio.

    The first run reads every .aez file and keeps what it found in FOLDER/.aez-similar.npz; later ones read what is new
    or has changed. Distances are in standard deviations over the folders.
    """
    import numpy as np

    from codec.inspection.similar import distances, vector

    for name in library:
        if not Path(name).is_dir():
            raise UsageError(f"there is no folder {name}")
    with about(spoken(song)), seekable(song) as file:
        try:
            query = vector(file, model)
        except AudioError as error:
            raise AudioError(f"{spoken(song)}: {error}") from None
    failed: list[str] = []
    indices = [(folder, _index(folder, failed, keep=not no_index, model=model, quiet=quiet)) for folder in library]
    paths = [os.path.join(folder, name) for folder, index in indices for name in index.names]  # noqa: PTH118
    far = distances(query, np.concatenate([index.vectors for _, index in indices])) if paths else np.zeros(0)
    order = np.argsort(far, kind="stable")
    nearest = list(islice(_others(song, (Neighbour(paths[i], float(far[i])) for i in order)), count))
    if not nearest and not failed:
        raise UsageError("there is no other .aez file in the folders that were named")
    for found in nearest:
        click.echo(_line(found, as_json=as_json))
    return 1 if failed else 0


def _index(folder: str, failed: list[str], *, keep: bool, model: str | None, quiet: bool) -> Index:
    """The index of a folder, brought up to date; files that cannot be read are reported and added to `failed`.

    Those that hold nothing but digital silence are only reported.
    """
    from codec.inspection.similar import Index, indexed

    names = [os.path.relpath(path, folder).replace(os.sep, "/") for path in coded_files([folder], failed)]

    def report(name: str, error: AezError | OSError) -> None:
        path = os.path.join(folder, name)  # noqa: PTH118
        if isinstance(error, AudioError):  # digital silence is like no song, and no fault of the file
            say(f"aez: {path}: {failure(error)}", quiet=quiet)
            return
        say(f"aez: error: {path}: {failure(error)}")
        failed.append(path)

    known = Index.load(Path(folder)) if keep else Index.empty()

    def save(found: Index) -> None:
        if keep and (found.names != known.names or (found.states != known.states).any()):
            try:
                found.save(Path(folder))
            except AezError as error:
                say(f"aez: no index is kept: {error}", quiet=quiet)

    def save_more(found: Index) -> None:
        if len(found.names) > len(known.names):  # else the next run would have to read more again
            save(found)

    with progress("reading songs", quiet=quiet) as advance:
        found = indexed(Path(folder), names, known, report, advance, model, save_more)
    save(found)
    return found


def _others(song: str, found: Iterable[Neighbour]) -> Iterator[Neighbour]:
    """All but the song itself."""
    own = os.path.realpath(song)
    return (one for one in found if os.path.realpath(one.path) != own)


def _line(found: Neighbour, *, as_json: bool) -> str:
    if as_json:
        return json_line({"file": found.path, "distance": round(found.distance, 4)})
    return f"{found.distance:6.2f}  {escaped(found.path)}"
