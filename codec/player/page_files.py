"""What a page loads, put together: the page and the player as Node built them, and models in the player's form."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from codec.player.model_files import model_files
from codec.runtime.models import Model

PLAYER, PAGE = "player", "page"
"""The folder of the player below a page, and that of the page in what was built."""

MODELS = f"{PLAYER}/model"
"""The folder of models below a page; each has the name of its bitstream."""

INDEX, WORKER = "index.html", "sw.js"
"""Files of the page that say which others belong to it."""

_NOT_LOADED = ("types", "*.d.ts", "*.map", "model")


def put_together(built: Path, models: Sequence[Model], folder: Path) -> None:
    """Write a page, the player and models into a folder that exists.

    Args:
        built: the player as `codec.player.folder` returns it.
        models: the first is loaded with the page, and each of the others when a song needs it.
        folder: for the page; the player comes into a folder in it.

    Raises:
        ModelError: as `model_files`; OSError, shutil.Error: a file cannot be read or written.
    """
    converted = {f"{MODELS}/{model.id.hex()}": model_files(model) for model in models}
    for source, target, ignored in ((built, folder / PLAYER, (*_NOT_LOADED, PAGE)), (built / PAGE, folder, ())):
        ignore = shutil.ignore_patterns(*ignored)
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignore, copy_function=shutil.copyfile)
    for place, files in converted.items():
        (folder / place).mkdir(parents=True)
        for name, data in files.items():
            (folder / place / name).write_bytes(data)
    _state_files(folder, models[0])


def filled(html: str, first: Model, version: str) -> str:
    """Return the built page with the id of the model that it loads at once, and what tells it from other versions."""
    return html.replace("%MODEL%", first.id.hex()).replace("%VERSION%", version)


def _state_files(folder: Path, first: Model) -> None:
    """Tell the service worker, which keeps the page for when there is no network, all files and the page's version."""
    index, worker = folder / INDEX, folder / WORKER
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    names = sorted(paths.keys() - {INDEX, WORKER})
    hashed = hashlib.sha256(index.read_bytes())
    for name in names:
        hashed.update(name.encode() + paths[name].read_bytes())
    version = hashed.hexdigest()[:16]
    index.write_text(filled(index.read_text("utf-8"), first, version), "utf-8")
    site = json.dumps({"version": version, "files": ["./", *names]}, separators=(",", ":"))
    worker.write_text(f"const SITE={site};\n{worker.read_text('utf-8')}", "utf-8")
