"""Which model files run: those whose hash this package knows, and those that the user named.

A folder that came with the package (or stands in the clone's `models`) is no reason to run what lies in it; a folder
that the user names, by `--model PATH` or AEZ_MODELS, is.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from codec.runtime.hashes import KNOWN
from formats.errors import ModelError


def shipped_folders() -> list[Path]:
    """Where models lie that nobody named: in the package, or beside it in the clone."""
    here = Path(__file__).parent.parent
    return [here / "models", here.parent / "models"]


def check(name: str, part: str, data: bytes) -> None:
    """ModelError: this is not the part of a shipped model that `codec.runtime.hashes` lists."""
    if hashlib.sha256(data).hexdigest() != KNOWN.get(f"{name}/{part}"):
        raise ModelError(
            f"{part} of model {name!r} is not one that this aez knows; to run it all the same, name its folder by "
            "path, or put it where AEZ_MODELS points"
        )
