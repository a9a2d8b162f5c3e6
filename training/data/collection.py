"""Collections of music as lists of tracks: FMA, a folder with a manifest.csv, or any folder of audio.

A track is a file and what its collection says about it. Nothing here opens audio: `training.data.shards` finds out
whether a file is there and can be decoded, and counts those that it leaves out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path

from codec.audio.tags.read import read_tags
from formats.errors import UsageError
from training.data.fma import fma, metadata
from training.data.tracks import SPLITS, Track, rows

MANIFEST = "manifest.csv"
"""The list of a folder's songs, with the column path."""

AUDIO = {".flac", ".wav", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".opus", ".m4a", ".mp4", ".aac", ".wma", ".wv"}
"""File name suffixes of audio in a folder without a list."""

VOICES = {"yes", "vocals"}
"""What the column vocals of a manifest.csv says where there are voices."""

HOW = ("random", "artist", "own")
"""Ways to divide a collection, see `divide`."""


def collection(folder: Path, subset: str = "small") -> list[Track]:
    """Return the tracks of a folder, sorted by name.

    Args:
        folder: FMA (see `training.data.fma`), a folder with a manifest.csv, or any folder of audio.
        subset: of FMA: small, medium or large, of which each holds the one before; elsewhere it means nothing.

    Raises:
        UsageError: no such folder or subset, a list that cannot be read, or no track at all.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no directory")
    if tracks_csv := metadata(folder):
        tracks = fma(folder, tracks_csv, subset)
    elif (folder / MANIFEST).is_file():
        tracks = _manifest(folder)
    else:
        tracks = _plain(folder)
    if not tracks:
        raise UsageError(f"{folder} holds no music")
    return sorted(tracks, key=lambda track: track.name)


def divide(
    tracks: Sequence[Track], how: str = "random", share: float = 0.7, seed: int = 0
) -> tuple[list[Track], list[Track]]:
    """Divide tracks into those to train on and those to test on, both sorted by name.

    The same tracks, whatever their order, are divided alike on every machine: the draw is by SHA-256 of seed and name.

    Args:
        tracks: a collection, or what of it is usable.
        how: "random": track by track. "artist": no artist is on both sides; a track whose artist is unknown counts
            as an artist of its own. Both keep the share within every genre as well as whole tracks and artists allow.
            "own": as the collection says; what it keeps for validation is on neither side.
        share: fraction of tracks to train on, above 0 and below 1.
        seed: names the division.

    Raises:
        UsageError: no such way or share, or one side would be empty.
    """
    if how not in HOW:
        raise UsageError(f"{how!r} is no way to divide a collection; there are {', '.join(HOW)}")
    if not 0 < share < 1:
        raise UsageError(f"a share of {share} leaves nothing on one side")
    ordered = sorted(tracks, key=lambda track: track.name)
    if how == "own":
        train = [track for track in ordered if track.split == "train"]
        test = [track for track in ordered if track.split == "test"]
    else:
        chosen = _chosen(ordered, how == "artist", share, seed)
        train = [track for track in ordered if track.name in chosen]
        test = [track for track in ordered if track.name not in chosen]
    if not train or not test:
        raise UsageError(f"{len(ordered)} tracks divided by {how!r} leave nothing to {'test' if train else 'train'} on")
    return train, test


def _chosen(tracks: Sequence[Track], by_artist: bool, share: float, seed: int) -> set[str]:
    """Names of the tracks to train on."""
    groups = defaultdict(list)  # tracks that must stay together
    for track in tracks:
        groups[f"artist {track.artist}" if by_artist and track.artist else f"track {track.name}"].append(track)
    genres = defaultdict(list)
    for name, group in groups.items():
        order = sha256(f"{seed} {name}".encode("utf-8", "surrogateescape")).digest()
        genres[Counter(track.genre for track in group).most_common(1)[0][0]].append((order, group))
    chosen: set[str] = set()
    for drawn in genres.values():
        left = share * sum(len(group) for _, group in drawn)
        for number, (_, group) in enumerate(sorted(drawn, key=itemgetter(0))):
            last = 0 < number == len(drawn) - 1  # of two groups or more, one is left to test on
            if not last and (number == 0 or len(group) / 2 <= left):
                chosen.update(track.name for track in group)
                left -= len(group)
    return chosen


def manifest(folder: Path) -> list[dict[str, str]]:
    """The lines of a folder's manifest.csv, by column; what a line lacks at its end is empty.

    Raises:
        UsageError: it cannot be read, is no CSV in UTF-8, or has no column path.
    """
    lines = rows(folder / MANIFEST)
    header = next(lines, [])
    if "path" not in header:
        raise UsageError(f"{folder / MANIFEST} has no column 'path'")
    return [dict(zip_longest(header, line[: len(header)], fillvalue="")) for line in lines if line]


def has_voices(line: dict[str, str]) -> bool:
    """Whether a line of a manifest says that there are voices."""
    return line.get("vocals", "").strip() in VOICES


def _manifest(folder: Path) -> list[Track]:
    """A manifest.csv with the column path and, optionally, split, genre, artist and vocals."""
    entries = manifest(folder)
    names = _names([entry["path"] for entry in entries])
    if len(set(names)) < len(names):
        raise UsageError(f"{folder / MANIFEST} lists {Counter(names).most_common(1)[0][0]} twice")
    return [
        Track(
            folder / entry["path"],
            name,
            entry.get("genre", "").strip(),
            entry.get("artist", "").strip(),
            SPLITS.get(entry.get("split", "").strip(), ""),
            has_voices(entry),
        )
        for entry, name in zip(entries, names, strict=True)
    ]


def _plain(folder: Path) -> list[Track]:
    """All audio below a folder, artists from its tags; folders named train and test are its split."""
    everything = (path for path in folder.rglob("*") if path.suffix.lower() in AUDIO and not path.name.startswith("."))
    paths = sorted(path for path in everything if path.is_file())
    inside = [path.relative_to(folder) for path in paths]
    return [
        Track(path, name, "", read_tags(path).metadata.text("ARTIST"), SPLITS.get(short.parts[0], ""))
        for path, short, name in zip(paths, inside, _names([path.as_posix() for path in inside]), strict=True)
    ]


def _names(paths: Iterable[str]) -> list[str]:
    """Paths without their extension, but for those that only the extension tells apart."""
    paths = list(paths)
    short = [path.removesuffix(Path(path).suffix) for path in paths]
    count = Counter(short)
    return [name if count[name] == 1 else path for name, path in zip(short, paths, strict=True)]
