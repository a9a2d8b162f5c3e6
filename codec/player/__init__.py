"""The player for browsers: sources for Node in this folder; what they were built to, if they were."""

from pathlib import Path


def folder() -> Path | None:
    """Return the folder of the built player: library, networks and page; None where it was not built."""
    built = Path(__file__).parent / "dist"
    return built if (built / "page" / "index.html").is_file() and (built / "aez.js").is_file() else None
