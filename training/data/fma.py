"""FMA, a dataset for music analysis (Defferrard et al., ISMIR 2017, github.com/mdeff/fma), as its archives unpack.

    FOLDER/fma_metadata/tracks.csv    two rows of header, then a row with the index' name, then a row a track
    FOLDER/fma_small/000/000002.mp3   clips of 30 s by track id; fma_medium and fma_large likewise, fma_full whole songs

The folder may also be fma_small itself with fma_metadata beside it, or hold 000, 001, ... directly. The clips of a
subset may also lie in the archive of a larger one. The metadata list all clips of a subset; those that are missing, cut
short or broken (FMA has some) are found when they are decoded.
"""

import re
from pathlib import Path

from formats.errors import UsageError
from training.data.tracks import SPLITS, Track, rows

SUBSETS = ("small", "medium", "large", "full")
"""Each holds the one before; large and full are the same tracks, clips of 30 s and whole songs."""

KNOWN_BAD = {"098565": 1.6, "098567": 0.5, "098569": 1.5, "099134": 0.0, "108925": 0.0, "133297": 0.0}
"""Seconds that six clips of fma_small hold, as several public loaders of FMA list them, independently of each other.

It decides nothing: what cannot be used is found by decoding, and these clips are only named as known beside the reason.
"""

SYNTHESIZED = "synthesized.txt"
"""A file beside tracks.csv that says that the tree is an imitation (`training.data.fma_imitation`)."""

COLUMNS = {
    "subset": ("set", "subset"),
    "split": ("set", "split"),
    "genre": ("track", "genre_top"),
    "artist": ("artist", "name"),
    "artist_id": ("artist", "id"),
}


def metadata(folder: Path) -> Path | None:
    """Return the tracks.csv that describes a folder, None if it is not FMA."""
    candidates = [folder / "fma_metadata" / "tracks.csv", folder / "tracks.csv"]
    if folder.resolve().name.startswith("fma_") or any(re.fullmatch(r"\d{3}", path.name) for path in folder.iterdir()):
        candidates.append(folder.resolve().parent / "fma_metadata" / "tracks.csv")
    return next((path for path in candidates if path.is_file()), None)


def largest(folder: Path) -> str:
    """Return the largest subset whose archive lies in a folder or is the folder itself, "small" if there is none."""
    name = folder.resolve().name
    return next(
        (subset for subset in SUBSETS[::-1] if f"fma_{subset}" == name or (folder / f"fma_{subset}").is_dir()), "small"
    )


def fma(folder: Path, tracks_csv: Path, subset: str) -> list[Track]:
    """Return the tracks of a subset; a track's name is its id in six digits.

    An artist is named by name and id, since two artists may share a name. Clips that are nowhere get the path where
    they should be.

    Raises:
        UsageError: no such subset, or no tracks.csv as FMA's.
    """
    if subset not in SUBSETS:
        raise UsageError(f"{subset!r} is no subset of FMA; there are {', '.join(SUBSETS)}")
    wanted = SUBSETS[: SUBSETS.index(subset) + 1]
    roots = _roots(folder, subset)
    lines = rows(tracks_csv)
    header = list(zip(next(lines, []), next(lines, []), strict=False))
    missing = [".".join(column) for column in COLUMNS.values() if column not in header]
    if missing:
        raise UsageError(f"{tracks_csv} is not FMA's: it has no column {missing[0]}")
    column_of = {name: header.index(column) for name, column in COLUMNS.items()}
    tracks = []
    for line in lines:
        if len(line) < len(header) or not line[0].isdigit() or line[column_of["subset"]] not in wanted:
            continue  # the row with the index' name, and tracks of larger subsets
        name = f"{int(line[0]):06}"
        inside = Path(name[:3]) / f"{name}.mp3"
        path = next((root / inside for root in roots if (root / inside).is_file()), roots[0] / inside)
        artist = f"{line[column_of['artist']].strip()} ({line[column_of['artist_id']]})"
        split = SPLITS.get(line[column_of["split"]], "")
        tracks.append(Track(path, name, line[column_of["genre"]], artist, split))
    return tracks


def _roots(folder: Path, subset: str) -> list[Path]:
    """Folders that may hold 000/000002.mp3, the likeliest first; where there are none, where they should be."""
    clips = [name for name in (*SUBSETS[SUBSETS.index(subset) :], *SUBSETS) if name != "full"]
    archives = [f"fma_{name}" for name in (SUBSETS[::-1] if subset == "full" else [*clips, "full"])]
    candidates = dict.fromkeys(
        [*(folder / name for name in archives), folder, *(folder.parent / name for name in archives)]
    )
    return [root for root in candidates if root.is_dir()]
