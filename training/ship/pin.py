"""SideInfo a model's files in `codec/hashes.py`, so that the package runs them: python -m training pin models/NAME ...

A name that is listed keeps its hashes unless --replace is given: files that were made with it need the old ones.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from codec.runtime import hashes

PARTS = ("encoder.onnx", "decoder.onnx", "tables.npz", "genre.onnx")

HEAD = '''"""SHA-256 of every model file that the package runs unasked; written by `python -m training pin`."""

KNOWN: dict[str, str] = {
'''


def pin(folders: list[Path], replace: bool = False, target: Path = Path(hashes.__file__)) -> dict[str, str]:
    """Add the models in these folders to the list, and write it.

    Raises:
        SystemExit: a folder holds no model, or one that is listed with other hashes.
    """
    listed = dict(hashes.KNOWN)
    for folder in folders:
        found = {
            f"{folder.name}/{part}": hashlib.sha256((folder / part).read_bytes()).hexdigest()
            for part in PARTS
            if (folder / part).is_file()
        }
        changed = [key for key, value in found.items() if listed.get(key, value) != value]
        if not found or (changed and not replace):
            raise SystemExit(f"{', '.join(changed)}: listed with another hash" if changed else f"{folder}: no model")
        listed |= found
    target.write_text(HEAD + "".join(f'    "{key}": "{listed[key]}",\n' for key in sorted(listed)) + "}\n")
    return listed


def main() -> None:
    """List the folders named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--replace", action="store_true", help="take new hashes for a name that is listed")
    options = parser.parse_args()
    print(f"{len(pin([folder.resolve() for folder in options.folders], options.replace))} files are known")


if __name__ == "__main__":
    main()
