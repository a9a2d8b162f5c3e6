"""An imitation of FMA for tests and first steps: `python -m training fma-imitation OUT [--tracks-per-genre N]`.

Synthesized music (`training.data.recipes`) in the layout of fma_small and fma_metadata, as stereo and mono mp3. It has
the defects of FMA as well: clips that are empty, cut, too short, no audio at all, or missing. Like FMA's, its metadata
list tracks of the larger subsets that are not there.
"""

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from codec.files import new_file
from formats.errors import UsageError
from formats.grid import SAMPLE_RATE
from training.data.fma import SYNTHESIZED
from training.data.recipes import RECIPES, track
from training.numbers import positive, whole

COLUMNS = {
    "album": "comments date_created date_released engineer favorites id information listens producer tags title "
    "tracks type",
    "artist": "active_year_begin active_year_end associated_labels bio comments date_created favorites id latitude "
    "location longitude members name related_projects tags website wikipedia_page",
    "set": "split subset",
    "track": "bit_rate comments composer date_created date_recorded duration favorites genre_top genres genres_all "
    "information interest language_code license listens lyricist number publisher tags title",
}
"""FMA's 52 columns, by the word above them in the first row of the header."""

BROKEN = ("empty", "cut", "text", "short", "missing")
"""Defects of the broken clips."""

LAST_ID = 155_320
"""The highest track id of FMA."""

ELSEWHERE = (("medium", "Jazz"), ("medium", "Rock"), ("large", ""), ("large", "Electronic"))
"""Subset and genre of tracks that are in the metadata only."""


@dataclass(frozen=True)
class Entry:
    """A row of tracks.csv, as far as rows differ."""

    number: int
    genre: str
    artist: int
    split: str
    subset: str = "small"
    broken: str = ""


def write_fma(
    folder: Path,
    tracks_per_genre: int = 6,
    seconds: float = 30.0,
    artists: int = 3,
    genres: Sequence[str] = tuple(RECIPES),
    broken: bool = True,
    seed: int = 0,
) -> dict[int, str]:
    """Write an imitation of FMA's small subset.

    Every genre has the same number of sound tracks, spread evenly over its artists. The last artist of a genre is in
    the test split, the one before, of four or more, in the validation split, as FMA's split is by artist, too.

    Args:
        folder: must be absent or empty.
        tracks_per_genre: 1 or more.
        seconds: of a clip, 4 or more.
        artists: of each genre, 2 or more; fewer where there are fewer tracks.
        genres: names out of `training.data.recipes.RECIPES`.
        broken: whether to add a clip of each kind of `BROKEN`.
        seed: names the tree.

    Returns:
        Track id -> kind of its defect, for the clips that are broken.

    Raises:
        UsageError: the folder holds something, or a number is too small.
        OSError: the folder cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder")
    if tracks_per_genre < 1 or seconds < 4 or artists < 2:
        raise UsageError("an imitation takes at least 1 track a genre, 4 seconds and 2 artists")
    entries = _entries(tracks_per_genre, artists, genres, broken, seed)
    there = [entry for entry in entries if entry.subset == "small" and entry.broken != "missing"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # most of the time goes to the mp3 encoder, outside Python's lock
        for entry, data in zip(there, pool.map(lambda entry: _clip(entry, seconds), there), strict=True):
            name = f"{entry.number:06}"
            path = folder / "fma_small" / name[:3] / f"{name}.mp3"
            path.parent.mkdir(parents=True, exist_ok=True)
            with new_file(path) as file:
                file.write(data)
    (folder / "fma_metadata").mkdir(parents=True)
    _write_tracks(folder / "fma_metadata" / "tracks.csv", entries, seconds)
    (folder / "fma_metadata" / SYNTHESIZED).write_text("This is no music of FMA: it was synthesized in its layout.\n")
    return {entry.number: entry.broken for entry in entries if entry.broken}


def _entries(tracks: int, artists: int, genres: Sequence[str], broken: bool, seed: int) -> list[Entry]:
    """All rows, with ids scattered as FMA's are, ascending."""
    rng = np.random.default_rng(seed)
    artists = min(artists, tracks)

    def split(artist: int) -> str:
        if artists > 1 and artist == artists - 1:
            return "test"
        return "validation" if artists > 3 and artist == artists - 2 else "training"

    rows = [(genre, i % artists, split(i % artists), "small", "") for genre in genres for i in range(tracks)]
    if broken:
        rows += [(genres[i % len(genres)], 0, "training", "small", kind) for i, kind in enumerate(BROKEN)]
    rows += [(genre, 90 + i, "training", subset, "") for i, (subset, genre) in enumerate(ELSEWHERE)]
    numbers = np.sort(rng.choice(np.arange(2, LAST_ID + 1), len(rows), replace=False)).tolist()
    return [Entry(number, *rows[i]) for number, i in zip(numbers, rng.permutation(len(rows)), strict=True)]


def _clip(entry: Entry, seconds: float) -> bytes:
    """The bytes of a clip; every third is mono."""
    if entry.broken == "empty":
        return b""
    if entry.broken == "text":
        return b"<html><body>503 Service Unavailable</body></html>\n" * 200
    x = track(entry.genre, entry.artist, 1.5 if entry.broken == "short" else seconds, seed=entry.number)
    if entry.number % 3 == 0:
        x = x.mean(0, keepdims=True)
    file = BytesIO()
    soundfile.write(file, x.T, SAMPLE_RATE, format="MP3")
    # A cut clip keeps its first second and a half, and its last mp3 frame ends in the middle.
    return file.getvalue()[: int(len(file.getvalue()) * 1.5 / seconds)] if entry.broken == "cut" else file.getvalue()


def _write_tracks(path: Path, entries: Sequence[Entry], seconds: float) -> None:
    """Write tracks.csv: two rows of header, the row with the index' name, a row a track."""
    columns = [(above, name) for above, names in COLUMNS.items() for name in names.split()]
    kinds = sorted({(entry.genre, entry.artist) for entry in entries})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["", *(above for above, _ in columns)])
        writer.writerow(["", *(name for _, name in columns)])
        writer.writerow(["track_id", *("" for _ in columns)])
        for entry in entries:
            who = kinds.index((entry.genre, entry.artist)) + 1
            values = {
                ("album", "id"): str(who),
                ("album", "title"): "Synthesized",
                ("album", "tags"): "[]",
                ("artist", "bio"): f'<p>Made of sines, noise and "rules",\nnumber {who}</p>',
                ("artist", "id"): str(who),
                ("artist", "name"): f"{entry.genre or 'Nameless'} {entry.artist + 1}",
                ("artist", "tags"): "[]",
                ("set", "split"): entry.split,
                ("set", "subset"): entry.subset,
                ("track", "bit_rate"): "128000",
                ("track", "duration"): str(round(seconds)),
                ("track", "genre_top"): entry.genre,
                ("track", "genres"): "[]",
                ("track", "genres_all"): "[]",
                ("track", "license"): "synthesized, nobody's",
                ("track", "title"): f"Track {entry.number}",
            }
            writer.writerow([entry.number, *(values.get(column, "") for column in columns)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: write the tree and print what is in it; returns the exit code."""
    p = argparse.ArgumentParser(
        prog="python -m training fma-imitation", description="Synthesize a collection in FMA's layout."
    )
    p.add_argument("out", type=Path, help="folder, absent or empty")
    p.add_argument("--tracks-per-genre", type=whole(1), default=6, help="default: 6")
    p.add_argument("--seconds", type=positive, default=30, help="length of a clip (default: 30)")
    p.add_argument("--artists", type=whole(1), default=3, help="artists a genre (default: 3)")
    p.add_argument("--seed", type=whole(0), default=0)
    a = p.parse_args(arguments)
    try:
        broken = write_fma(a.out, a.tracks_per_genre, a.seconds, a.artists, seed=a.seed)
    except UsageError as error:
        p.error(str(error))
    except OSError as error:
        p.exit(1, f"cannot write {a.out}: {error.strerror}\n")
    print(f"{len(RECIPES)} genres of {a.tracks_per_genre} tracks, and {len(broken)} broken ones")
    return 0


if __name__ == "__main__":
    sys.exit(main())
