"""A folder of songs, and what is in a folder."""

from pathlib import Path

import soundfile

from training.data.songs import song

RATE = 8000
CODED_TREE = ["cd1/a.aez", "cd1/b.aez", "cd2/a.flac.aez", "cd2/a.wav.aez"]
"""What becomes of an album when it is encoded."""


def make_album(folder: Path) -> Path:
    """Four songs in two folders, a bad one, and what is no audio."""
    for number, name in enumerate(("cd1/a.flac", "cd1/b.wav", "cd2/a.flac", "cd2/a.wav")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, song(0.3 + 0.1 * number, RATE, seed=number).T, RATE)
    (folder / "cover.jpg").write_bytes(b"picture")
    (folder / "cd1" / "._b.wav").write_bytes(b"what a Mac leaves")
    (folder / "cd2" / "bad.flac").write_bytes(b"no music at all")
    return folder


def found(folder: Path) -> list[Path]:
    """Files of a folder that are not hidden, in order."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]


def tree(folder: Path) -> dict[str, bytes]:
    """Contents of these files."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in found(folder)}


def times(folder: Path) -> dict[str, int]:
    """When they were last modified, in ns."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in found(folder)}
