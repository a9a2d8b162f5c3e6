"""How long a file may be, for choices that must be made before it is opened."""

import os
from pathlib import Path

LOSSLESS = frozenset(
    f".{kind}" for kind in ("aif", "aifc", "aiff", "ape", "au", "caf", "flac", "rf64", "snd", "tta", "w64", "wav", "wv")
)
"""Extensions of files that are mostly lossless."""

CODED_RATE, LOSSLESS_RATE, LOSSY_RATE = 1500, 120_000, 20_000
"""Typical bytes a second of .aez files, of lossless files, and of all others."""


def estimated_seconds(source: object) -> float:
    """Seconds of audio in a file, guessed from its size and its extension; 0 for what is no path of a file."""
    if not isinstance(source, str | os.PathLike):
        return 0.0
    path = Path(source)
    try:
        size = path.stat().st_size
    except (OSError, ValueError):  # the latter for a name that holds a null character
        return 0.0
    kind = path.suffix.lower()
    return size / (CODED_RATE if kind == ".aez" else LOSSLESS_RATE if kind in LOSSLESS else LOSSY_RATE)
