"""List the files of all shipped models in `codec/runtime/hashes.py`, so that the package runs them.

`python -m training pin` lists the folders of `models/`, a model of one's own too. It stops where a listed file has
changed or is gone, unless --replace is given: files that were made with the old model may need it.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from codec.runtime import hashes, trust
from codec.runtime.classifiers import Classifier
from codec.runtime.models import Model

MODELS = Path(__file__).parents[2] / "models"

LIST = Path(hashes.__file__)
"""The module that is written."""

SUFFIXES = {".onnx", ".npz", ".npy"}
"""Files that decide what runs and what comes out; cards and attributions do not."""

HEAD = '''"""SHA-256 of every model file that the package runs unasked; written by `python -m training pin`."""

KNOWN: dict[str, str] = {
'''


def folders(root: Path) -> list[Path]:
    """The folders of models and classifiers in a folder."""
    return sorted(card.parent for kind in (Model, Classifier) for card in root.glob(f"*/{kind.CARD}"))


def listed() -> list[Path]:
    """The folders of models and classifiers that are listed; those of one's own in `models` are not."""
    return [folder for folder in folders(MODELS) if trust.lists(folder.name)]


def parts(folder: Path) -> list[Path]:
    """The files of a model's folder that are listed, those of its decoders included."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def pin(root: Path = MODELS, *, replace: bool = False, target: Path = LIST) -> dict[str, str]:
    """Write the list anew; returns it: SHA-256 by path in `root`.

    Raises:
        SystemExit: a listed file has changed or is gone, and `replace` is False.
    """
    found = {
        part.relative_to(root).as_posix(): hashlib.sha256(part.read_bytes()).hexdigest()
        for folder in folders(root)
        for part in parts(folder)
    }
    changed = [key for key, value in hashes.KNOWN.items() if found.get(key) != value]
    if changed and not replace:
        raise SystemExit(f"these files are listed with other hashes, or are gone: {', '.join(changed)}")
    target.write_text(HEAD + "".join(f'    "{key}": "{found[key]}",\n' for key in sorted(found)) + "}\n")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training pin", description="List the files of all shipped models.")
    p.add_argument("--replace", action="store_true", help="take new hashes for files that are listed")
    print(f"{len(pin(replace=p.parse_args(arguments).replace))} files are known")
    return 0


if __name__ == "__main__":
    sys.exit(main())
