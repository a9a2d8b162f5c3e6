"""Which model files are run: those whose hash this package knows, and those that the user named.

Files in the package's own folders, or in the clone's `models`, run only if `codec.runtime.hashes` has their hash.
Folders that the user named, by path or in AEZ_MODELS, are trusted, and so is a folder in the clone's `models` that no
model of the package is called like, where the user names it: it is one of the user's own.
"""

from __future__ import annotations

from codec.runtime.hashes import KNOWN
from formats.errors import ModelError


def lists(name: str) -> bool:
    """Whether the package has a model or classifier of this name."""
    return any(key.startswith(f"{name}/") for key in KNOWN)


def check(name: str, part: str, data: bytes) -> None:
    """Compare a part of a shipped model with `codec.runtime.hashes`.

    Args:
        name: the model's folder.
        part: path of the file in that folder, with slashes.
        data: what the file holds.

    Raises:
        ModelError: its hash is not known, or is another one.
    """
    import hashlib

    if hashlib.sha256(data).hexdigest() != KNOWN.get(f"{name}/{part}"):
        named = "name its folder by path" if lists(name) else "name the model"
        raise ModelError(
            f"{part} of model {name!r} is not one that this aez knows; to run it all the same, {named}, or put its "
            "folder where AEZ_MODELS points"
        )
