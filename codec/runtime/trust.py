"""Which model files run: those whose hash this package knows, and those that the user named.

That a folder came with the package (or stands in the clone's `models`) is no reason to run what lies in it; that the
user named it, by its path or in AEZ_MODELS, is.
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
    """Compare a part of a shipped model with `codec.runtime.hashes`.

    Args:
        name: the model's folder.
        part: path of the file in that folder, with slashes.
        data: what the file holds.

    Raises:
        ModelError: the list has no such file, or one with other bytes.
    """
    if hashlib.sha256(data).hexdigest() != KNOWN.get(f"{name}/{part}"):
        raise ModelError(
            f"{part} of model {name!r} is not one that this aez knows; to run it all the same, name its folder by "
            "path, or put it where AEZ_MODELS points"
        )
