"""`aez similar`."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from codec.cli.advice import about, failure
from codec.cli.escape import escaped, json_line
from codec.cli.numbers import WholeNumber
from codec.cli.options import FILE, FOLDER, coded_files, models_option, quiet_option, say
from codec.cli.streams import seekable, spoken
from codec.cli.terminal import progress
from codec.clock import counted
from codec.files import is_folder
from formats.errors import AezError, AudioError, ModelError, UsageError

if TYPE_CHECKING:
    from codec.inspection.similar import Index
    from codec.runtime.named_models import NamedModels


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
@models_option
@quiet_option
def similar(
    song: str,
    library: tuple[str, ...],
    count: int,
    as_json: bool,
    no_index: bool,
    models: tuple[str, ...],
    quiet: bool,
) -> int:
    """List the songs in folders that are most like SONG, an .aez file, the nearest first; nothing is decoded to audio.

    The first run reads every .aez file and keeps what it found in FOLDER/.aez-similar.npz; later ones read what is new
    or has changed. Distances are in standard deviations over the folders.
    """
    import numpy as np

    from codec.inspection.similar import distances, vector
    from codec.runtime.named_models import NamedModels

    for name in library:
        if not is_folder(name):
            raise UsageError(f"there is no folder {name}")
    known = NamedModels(models)
    with about(spoken(song)), seekable(song) as file:
        try:
            query = vector(file, known)
        except AudioError as error:
            raise AudioError(f"{spoken(song)}: {error}") from None
    failed = _Failed(quiet=quiet)
    indices = [(folder, _index(folder, failed, known, keep=not no_index, quiet=quiet)) for folder in library]
    failed.tell_left_out()
    paths = [os.path.join(folder, name) for folder, index in indices for name in index.names]  # noqa: PTH118
    rows = _once(indices)
    far = distances(query, np.concatenate([index.vectors for _, index in indices])[rows]) if paths else np.zeros(0)
    order = np.argsort(far, kind="stable")
    nearest = list(islice(_others(song, (Neighbour(paths[rows[i]], float(far[i])) for i in order)), count))
    if not nearest and not failed.names:
        raise UsageError("there is no other .aez file in the folders that were named")
    for found in nearest:
        click.echo(_line(found, as_json=as_json))
    return 1 if failed.names else 0


def _once(indices: Sequence[tuple[str, Index]]) -> list[int]:
    """Numbers of the songs, ascending, each once where a folder is named twice or lies in another one."""
    first: dict[str, int] = {}
    folders = ((os.path.realpath(folder), index.names) for folder, index in indices)
    for number, path in enumerate(os.path.join(real, name) for real, names in folders for name in names):  # noqa: PTH118
        first.setdefault(path, number)
    return list(first.values())


class _Failed:
    """Files that cannot be compared.

    Attributes:
        names: all of them, and folders that cannot be read; not those that hold nothing but digital silence.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.names: list[str] = []
        self._quiet = quiet
        self._of_models: dict[str, list[str]] = defaultdict(list)

    def add(self, path: str, error: AezError | OSError) -> None:
        """Report a file; one whose model is the reason waits for `tell_left_out`."""
        if isinstance(error, AudioError):  # digital silence is like no song, and no fault of the file
            say(f"aez: {path}: {failure(error)}", quiet=self._quiet)
            return
        self.names.append(path)
        if isinstance(error, ModelError):
            self._of_models[failure(error)].append(path)
        else:
            say(f"aez: error: {path}: {failure(error)}")

    def tell_left_out(self) -> None:
        """Report how many songs were left out because of their models, in one line for each reason."""
        for reason, paths in self._of_models.items():
            named = paths[0] if len(paths) == 1 else f"such as {paths[0]}"
            say(f"aez: error: {counted(len(paths), 'song')} left out, {named}: {reason}")


def _index(folder: str, failed: _Failed, models: NamedModels, *, keep: bool, quiet: bool) -> Index:
    """The index of a folder, brought up to date; files that cannot be read are added to `failed`."""
    from codec.inspection.similar import Index, indexed

    names = [os.path.relpath(path, folder).replace(os.sep, "/") for path in coded_files([folder], failed.names)]

    def report(name: str, error: AezError | OSError) -> None:
        failed.add(os.path.join(folder, name), error)  # noqa: PTH118

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
        found = indexed(Path(folder), names, known, models, report, advance, save_more)
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
