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
from codec.serve.names import Labels, tag, url_name
from formats.errors import AezError, DamagedError, FormatError, ModelError, UsageError

LIST = "playlist.json"
"""The list of songs, by which a folder is known as one that was made here."""

GENERATOR = "aez page"

SONGS, PLAYER = "songs", "player"
"""Folders of a site."""


def make_site(songs: Sequence[Path], folder: Path, *, title: str | None = None, force: bool = False) -> int:
    """Make a site; it appears when it is complete, or not at all.

    With `force`, a site that was made before is replaced file by file: its songs and its player are, and what else
    was put into the folder stays.

    Args:
        songs: .aez files, in the order in which they are listed.
        folder: the site, which may exist if it is empty.
        title: heading of the page; what the songs have in common if None.
        force: whether to replace a site that was made before.

    Returns:
        bytes of all files.

    Raises:
        DamagedError, FormatError: a file is damaged, or no .aez file; ModelError: the player was not built, or has no
        model for a file; TargetExistsError: the folder is not empty; UsageError: it was not made by this function;
        AezError: it cannot be written; OSError: a song cannot be read.
    """
    built = player.folder()
    if built is None:
        raise ModelError("the player for browsers was not built: npm ci && npm run build in codec/player of a clone")
    _check_folder(folder, force)
    folder = folder.resolve()  # a link remains a link
    described = [_checked(path, built) for path in songs]
    try:
        with _temporary(folder) as new:
            rows = _copied(songs, described, new)
            shutil.copytree(built / "page", new, dirs_exist_ok=True, copy_function=shutil.copyfile)
            others = shutil.ignore_patterns("page", "types", "*.d.ts", "*.map")
            shutil.copytree(built, new / PLAYER, ignore=others, copy_function=shutil.copyfile)
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


def _checked(path: Path, built: Path) -> Info:
    """Describe a song that is whole, and that the player can play."""
    try:
        with named_reader(path) as file:
            found = describe(file)
    except FormatError as error:
        raise type(error)(f"{path}: {error}") from None
    if found.damage:
        raise DamagedError(f"{path}: {found.damage}")
    if not (built / "model" / found.bitstream).is_dir():
        raise ModelError(f"{path}: the player has no model for its bitstream, {found.bitstream}")
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
    late = {"index.html": 1, LIST: 2, "sw.js": 3}  # what names the others comes after them
    files = sorted((file for file in new.rglob("*") if file.is_file()), key=lambda file: late.get(file.name, 0))
    names = {file.relative_to(new).as_posix() for file in files}
    for file in files:
        target = folder / file.relative_to(new)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
    for name in before - names:
        if name == f"{SONGS}/{Path(name).name}" and name.endswith(".aez"):
            (folder / name).unlink(missing_ok=True)
