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

import numpy as np
from numpy.typing import NDArray

from codec.audio.tags.read import read_tags
from formats.errors import UsageError
from training.data.fma import SYNTHESIZED, fma, metadata
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
        subset: of FMA: small, medium, large or full, of which each holds the one before; elsewhere it means nothing.

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


def kind(folder: Path, subset: str) -> str:
    """What a collection is, in words."""
    if metadata(folder):
        return f"FMA, {subset}"
    return "folder with a manifest.csv" if (folder / MANIFEST).is_file() else "folder of audio"


def is_synthesized(folder: Path) -> bool:
    """Whether a collection is an imitation of FMA, which holds no recordings."""
    found = metadata(folder)
    return found is not None and (found.parent / SYNTHESIZED).is_file()


def divide(
    tracks: Sequence[Track], how: str = "random", share: float = 0.7, seed: int = 0
) -> tuple[list[Track], list[Track]]:
    """Divide tracks into those to train on and those to test on, both sorted by name.

    The same tracks, whatever their order, are divided alike on every machine: the draw is by SHA-256 of seed and name.

    Args:
        tracks: a collection, or what of it is usable.
        how: "random": track by track. "artist": no artist is on both sides; a track whose artist is unknown counts
            as an artist of its own. Both keep the share within every genre as well as whole tracks and artists allow,
            and leave something of every genre on either side that has two.
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
        chosen = (_by_artist if how == "artist" else _at_random)(ordered, share, seed)
        train = [track for track in ordered if track.name in chosen]
        test = [track for track in ordered if track.name not in chosen]
    if not train or not test:
        hint = "; --split random divides the songs of an artist" if how == "artist" and len(ordered) > 1 else ""
        lacking = "test" if train else "train"
        raise UsageError(f"{len(ordered)} tracks divided by {how!r} leave nothing to {lacking} on{hint}")
    return train, test


def spread(tracks: Sequence[Track], count: int | None, seed: int = 0) -> list[Track]:
    """At most `count` tracks, spread over genres and, within them, over artists; in the order given.

    Genres take turns, and so do the artists of a genre, both in an order drawn by SHA-256 of seed and name: an artist
    has a second track only when every other one of the genre has a first. A track whose artist is unknown counts as an
    artist of its own. None takes all.
    """
    if count is None or count >= len(tracks):
        return list(tracks)
    genres: dict[str, dict[str, list[Track]]] = defaultdict(lambda: defaultdict(list))
    for track in sorted(tracks, key=lambda track: _drawn(seed, track.name)):
        genres[track.genre][_artist(track)].append(track)
    lines = []
    for genre in sorted(genres, key=lambda genre: _drawn(seed, f"genre {genre}")):
        artists = sorted(genres[genre].items(), key=lambda item: _drawn(seed, item[0]))
        rounds = zip_longest(*(theirs for _, theirs in artists))
        lines.append([track for one in rounds for track in one if track is not None])
    taking_turns = [track for one in zip_longest(*lines) for track in one if track is not None]
    chosen = {track.name for track in taking_turns[:count]}
    return [track for track in tracks if track.name in chosen]


def _drawn(seed: int, name: str) -> bytes:
    """A place in an order that is drawn the same on every machine."""
    return sha256(f"{seed} {name}".encode("utf-8", "surrogateescape")).digest()


def _artist(track: Track) -> str:
    return f"artist {track.artist}" if track.artist else f"track {track.name}"


def _at_random(tracks: Sequence[Track], share: float, seed: int) -> set[str]:
    """Names of the tracks to train on, drawn track by track within each genre."""
    genres = defaultdict(list)
    for track in tracks:
        genres[track.genre].append((_drawn(seed, f"track {track.name}"), track))
    chosen: set[str] = set()
    for drawn in genres.values():
        left = share * len(drawn)
        for number, (_, track) in enumerate(sorted(drawn, key=itemgetter(0))):
            last = 0 < number == len(drawn) - 1  # of two tracks or more, one is left to test on
            if not last and (number == 0 or left >= 0.5):
                chosen.add(track.name)
                left -= 1
    return chosen


def _by_artist(tracks: Sequence[Track], share: float, seed: int) -> set[str]:
    """Names of the tracks to train on, artists whole, with the share as near to `share` in every genre as they allow.

    What is made small is the sum over genres of the squared error of their numbers of training tracks, each in shares
    of the genre; an empty side of a genre of two artists or more counts as a large error. Artists are placed from the
    largest to the smallest, where they err least; then single artists change sides, and pairs places, as long as that
    helps.
    """
    artists: dict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        artists[_artist(track)].append(track)
    order = sorted(artists, key=lambda name: (-len(artists[name]), _drawn(seed, name)))
    genres = {genre: number for number, genre in enumerate(sorted({track.genre for track in tracks}))}
    size = np.zeros((len(order), len(genres)))
    for row, name in enumerate(order):
        for track in artists[name]:
            size[row, genres[track.genre]] += 1
    return {track.name for row in np.flatnonzero(_placed(size, share)) for track in artists[order[row]]}


def _placed(size: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Which groups to train on, for the tracks [groups, genres] that they have of each genre."""
    total = size.sum(0)
    several = (size > 0).sum(0) > 1  # genres that can be on both sides

    def error(inside: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of training tracks [..., genres]: [...]."""
        lacking = several & ((inside < 0.5) | (inside > total - 0.5))
        return np.asarray((((inside - share * total) / total) ** 2 + lacking).sum(-1))

    chosen = np.zeros(len(size), np.bool_)
    inside, seen = np.zeros(size.shape[1]), np.zeros(size.shape[1])
    for row, group in enumerate(size):
        seen += group
        with_it, without = (((x - share * seen)[group > 0] / total[group > 0]) for x in (inside + group, inside))
        chosen[row] = (with_it**2).sum() <= (without**2).sum()
        inside += group * chosen[row]
    for _ in range(100 * len(size)):
        change = np.where(chosen[:, None], -size, size)
        now = float(error(inside))
        single = error(inside + change)
        best = int(single.argmin())
        if single[best] < now - 1e-12:
            moved = [best]
        else:
            # A pair of which one leaves and one joins; only with one of the changes that err least by themselves.
            first = np.argsort(single, kind="stable")[:8]
            pairs = error(inside + change[first][:, None] + change[None])
            pairs[np.arange(len(first)), first] = np.inf
            one, other = np.unravel_index(int(pairs.argmin()), pairs.shape)
            if not pairs[one, other] < now - 1e-12:
                break
            moved = [int(first[one]), int(other)]
        chosen[moved] = ~chosen[moved]
        inside = (size * chosen[:, None]).sum(0)
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
