"""A folder for any web host: the built player, its page, songs, and the list of them."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from codec import player
from codec.ending import removed_at_the_end
from codec.files import TargetExistsError, named_reader
from codec.inspection.info import Info, describe
from codec.player.model_files import check_playable
from codec.player.page_files import INDEX, MODELS, WORKER, put_together
from codec.runtime.models import Model
from codec.runtime.named_models import NamedModels
from codec.serve.names import Labels, tag, url_name
from formats.errors import AezError, DamagedError, FormatError, ModelError, UsageError

LIST = "playlist.json"
"""The list of songs, by which a folder is known as one that was made here."""

GENERATOR = "aez page"

SONGS = "songs"
"""The folder of a site's songs."""


def make_site(
    songs: Sequence[Path], folder: Path, *, title: str | None = None, models: Sequence[str] = (), force: bool = False
) -> int:
    """Make a site; it appears when it is complete, or not at all.

    It holds the models of its songs, those that are named, and the default model, of which listeners may open files.

    With `force`, a site that was made before is replaced file by file: its songs and its player are, and what else
    was put into the folder stays.

    Args:
        songs: .aez files, in the order in which they are listed.
        folder: the site, which may exist if it is empty.
        title: heading of the page; what the songs have in common if None.
        models: names or folders of models, for songs of models that are not installed.
        force: whether to replace a site that was made before.

    Returns:
        bytes of all files.

    Raises:
        DamagedError, FormatError: a file is damaged, or no .aez file; MissingModelError: a file's model is neither
        named nor installed; ModelError: the player was not built or cannot run a model, or a model cannot be read;
        TargetExistsError: the folder is not empty; UsageError: it was not made by this function; AezError: it cannot
        be written; OSError: a song cannot be read.
    """
    built = player.folder()
    if built is None:
        raise ModelError("the player for browsers was not built: npm ci && npm run build in codec/player of a clone")
    _check_folder(folder, force)
    folder = folder.resolve()  # a link remains a link
    known = NamedModels(models)
    needed: dict[bytes, Model] = {}
    described = [_checked(path, known, needed) for path in songs]
    for model in known.at_hand:
        needed.setdefault(model.id, model)
        check_playable(model)
    try:
        with _temporary(folder) as new:
            put_together(built, list(needed.values()), new)
            rows = _copied(songs, described, new)
            listed = {"generator": GENERATOR, "title": title or _common_title(described), "songs": rows}
            (new / LIST).write_text(json.dumps(listed, ensure_ascii=False, indent=1), encoding="utf-8")
            size = sum(file.stat().st_size for file in new.rglob("*") if file.is_file())
            _put(new, folder)
    except (OSError, shutil.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise AezError(f"cannot write {folder}: {reason}") from None
    return size


def _check_folder(folder: Path, force: bool) -> None:
    if not os.path.lexists(folder):
        if not folder.absolute().parent.is_dir():
            raise UsageError(f"cannot write {folder}: {folder.parent} does not exist; create that folder first")
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    if not any(folder.iterdir()):
        return
    if _listed(folder) is None:
        raise UsageError(f"{folder} holds other things than a page that aez made; name another folder")
    if not force:
        raise TargetExistsError(f"{folder} exists already", folder)


def _listed(folder: Path) -> dict[str, Any] | None:
    """The list of a site; None where the folder is none that was made here."""
    try:
        found = json.loads((folder / LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("generator") == GENERATOR else None


def _checked(path: Path, known: NamedModels, needed: dict[bytes, Model]) -> Info:
    """Describe a song that is whole, and that the player can play; its model is added to those that are needed."""
    try:
        with named_reader(path) as file:
            found = describe(file)
        if found.damage:
            raise DamagedError(found.damage)
        bitstream = bytes.fromhex(found.bitstream)
        if bitstream not in needed:
            model = known.of(bitstream)
            check_playable(model)
            needed[bitstream] = model
    except (FormatError, ModelError) as error:
        raise type(error)(f"{path}: {error}") from None
    return found


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """A folder in or beside the site, on its disk, which is removed at the end, however that comes."""
    new = (folder if folder.is_dir() else folder.parent) / f".aez-page-{secrets.token_hex(6)}"
    try:
        with removed_at_the_end(new):
            new.mkdir()
            yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _copied(songs: Sequence[Path], described: Sequence[Info], new: Path) -> list[dict[str, object]]:
    """Copy the songs, and return their rows of the list."""
    (new / SONGS).mkdir()
    rows: list[dict[str, object]] = []
    taken: set[str] = set()
    for path, info in zip(songs, described, strict=True):
        name = url_name(path, taken)
        taken.add(name)
        shutil.copyfile(path, new / SONGS / name)
        rows.append(
            {
                "src": f"{SONGS}/{name}",
                **Labels.of(info.tags, path)._asdict(),
                "duration": info.seconds,
                "bytes": info.size,
                "cover": None,
            }
        )
    return rows


def _common_title(described: Sequence[Info]) -> str:
    for name in ("TITLE", "ALBUM", "ARTIST"):
        found = {tag(info.tags, name) for info in described}
        if len(found) == 1 and (text := found.pop()):
            return text
    return "Music"


def _put(new: Path, folder: Path) -> None:
    """Give a finished site its name or, where its folder exists, its files theirs."""
    if not folder.exists():
        new.replace(folder)
        return
    before = {str(row.get("src")) for row in (_listed(folder) or {}).get("songs", []) if isinstance(row, dict)}
    late = {INDEX: 1, LIST: 2, WORKER: 3}  # what names the others comes after them
    files = sorted((file for file in new.rglob("*") if file.is_file()), key=lambda file: late.get(file.name, 0))
    names = {file.relative_to(new).as_posix() for file in files}
    for file in files:
        target = folder / file.relative_to(new)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
    for name in before - names:
        if name == f"{SONGS}/{Path(name).name}" and name.endswith(".aez"):
            (folder / name).unlink(missing_ok=True)
    for place in (folder / MODELS).iterdir():
        if not any(name.startswith(f"{MODELS}/{place.name}/") for name in names):
            shutil.rmtree(place, ignore_errors=True)
