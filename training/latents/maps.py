"""Maps of the latent space: every song is a point, placed by its pooled latents and coloured by genre.

    python -m training latents --data DIR --out OUT/latents [--subset small] [--model NAME] [--latent N] [--quick]

Songs are encoded to .aez files in memory, their latents pooled (`training.latents.pooling`), standardized and projected
(`training.latents.projections`). The separation of genres is measured on each map, in the full pooled space, and with
shuffled labels (`training.latents.separation`). LDA, which uses labels, is tested on songs and artists that it was not
fitted on.

OUT gets maps.json, table.md, map-<method>.png, maps.png with all of them, and song-<name>.png: latents over time of a
typical song of each of the four largest genres; each picture is there as SVG, too. A second run takes songs from the
cache.
"""

import argparse
import json
import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from codec.cli.terminal import progress
from codec.files import new_file
from codec.inspection import plot
from codec.inspection.latent_view import view
from codec.runtime import models
from codec.runtime.blas import single_threaded_blas
from formats import Reader
from formats.errors import AezError, UsageError
from training import markdown, provenance
from training.data.collection import collection
from training.data.excerpts import CodedExcerpts, excerpt
from training.data.fma import SUBSETS
from training.data.shards import Shards
from training.data.tracks import Track, failed
from training.latents import pictures, pooling, projections
from training.latents.projections import TITLES, Points
from training.latents.separation import (
    Block,
    Labels,
    Separation,
    Space,
    distances,
    held_out,
    left_out,
    separation,
    silhouette,
    strangers,
)
from training.numbers import whole
from training.palette import GENRES

ARTISTS = 2
"""Least artists of a genre that is counted: songs are only compared with songs by other artists."""

SONGS = 4
"""Songs whose latents are drawn over time."""

LETTERS = 40
"""Most letters of a song's name in that of its picture, from its end: names of songs have their folders in them."""

COLUMNS = {
    "knn": "k-NN accuracy [95 % interval]",
    "chance_knn": "shuffled labels",
    "p": "p",
    "balanced": "balanced accuracy",
    "chance_balanced": "shuffled labels",
    "silhouette": "silhouette, other artists",
    "chance_silhouette": "shuffled labels",
    "drawn": "silhouette, as drawn",
}


@dataclass(frozen=True)
class Options:
    """What to do: `seconds` from the middle of each song are used, and labels are shuffled `shuffles` times."""

    latent: int | None = None
    model: str | None = None
    quick: bool = False
    seconds: float = 30.0
    shuffles: int = 100
    songs: int = SONGS
    maps: tuple[str, ...] = tuple(TITLES)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (3: the music is too little for maps)."""
    parser = argparse.ArgumentParser(prog="python -m training latents", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="FMA, a folder with a manifest.csv, or of audio")
    parser.add_argument("--out", type=Path, required=True, help="folder for maps, table and pictures")
    parser.add_argument("--subset", default="small", choices=SUBSETS, help="of FMA (default: small)")
    parser.add_argument("--split", help="take train, validation or test of the collection's own split only")
    parser.add_argument("--model", help="an installed model, or a model's folder")
    parser.add_argument("--latent", type=whole(1), help="tier (default: the model's own)")
    parser.add_argument(
        "--maps", type=lambda text: tuple(text.split(",")), default=tuple(TITLES), help="default: " + ",".join(TITLES)
    )
    parser.add_argument("--cache", type=Path, help="folder of decoded songs and pooled vectors (default OUT/cache)")
    parser.add_argument("--quick", action="store_true", help="6 s of each song, fewer iterations and shuffles")
    given = parser.parse_args(arguments)
    options = Options(given.latent, given.model, maps=given.maps)
    if given.quick:
        options = replace(options, quick=True, seconds=6.0, shuffles=20, songs=2)
    try:
        if unknown := set(options.maps) - set(TITLES):
            raise UsageError(f"there is no map {min(unknown)!r}; there are {', '.join(TITLES)}")
        tracks = [t for t in collection(given.data, given.subset) if given.split in (None, t.split)]
        if not tracks:
            raise UsageError(f"{given.data} has no songs in split {given.split!r}")
        given.out.mkdir(parents=True, exist_ok=True)
        cache = given.cache or given.out / "cache"
        # OpenBLAS's second thread makes a hundred small fits forty times as slow.
        with single_threaded_blas():
            print(run(tracks, given.out, cache, options))
        provenance.record(given.out, "latents", arguments)
    except (AezError, OSError) as error:
        return failed("latents", error, 1)
    return 0


def run(tracks: Sequence[Track], out: Path, cache: Path, options: Options) -> str:
    """Run everything; returns the markdown table.

    Raises:
        UsageError: fewer than four songs can be used, or all are alike; ModelError: no such model; OSError.
    """
    model = models.by_name(options.model)
    latent = options.latent or model.default_latent
    shards = Shards.build(tracks, cache)
    print(shards.report(), file=sys.stderr)
    with progress("encoding", quiet=False) as advance:
        vectors = pooling.pooled(shards, model, latent, options.seconds, cache, advance)
    points = projections.standardized(vectors)
    labels, genres = classes(shards.tracks)
    names = [name for name in drawable(genres) if name in options.maps]
    artists = [track.artist for track in shards.tracks]
    apart = left_out(labels, artists)
    maps = {name: projections.project(name, points, labels, quick=options.quick, without=apart) for name in names}
    found, drawn = measured(maps, points, labels, artists, options.shuffles)
    for name, projected in maps.items():
        held = apart if name == "lda" else None
        pictures.map_picture(out / f"map-{name}.png", name, projected, labels, genres, found[name], held)
    pictures.overview(out / "maps.png", maps, labels, genres, found, apart)
    songs = _draw_songs(shards, points, labels, out, CodedExcerpts(model, latent, cache), options)
    results = {
        "model": model.name,
        "latent": latent,
        "seconds": options.seconds,
        "dimensions": vectors.shape[1],
        "skipped": len(shards.skipped),
        "genres": genres,
        "majority": _majority(labels),
        "songs": [{"name": t.name, "genre": t.genre, "artist": t.artist} for t in shards.tracks],
        "full": asdict(found["full"]) | {"drawn": drawn["full"]},
        "maps": {
            name: {
                "title": TITLES[name],
                "picture": f"map-{name}.png",
                "points": np.round(projected, 5).tolist(),
                "frame": np.round(pictures.frame(projected), 5).tolist(),
                **asdict(found[name]),
                "drawn": drawn[name],
                **({"left_out": apart.tolist()} if name == "lda" else {}),
            }
            for name, projected in maps.items()
        },
        "overview": "maps.png",
        "pictures": songs,
    }
    text = table(results, labels)
    with new_file(out / "maps.json", force=True) as file:
        file.write(json.dumps(_plain(results), allow_nan=False, ensure_ascii=False, indent=1).encode())
    with new_file(out / "table.md", force=True) as file:
        file.write(text.encode())
    return text


def classes(tracks: Sequence[Track]) -> tuple[Labels, list[str]]:
    """Genres from the largest to the smallest, and each track's index among them.

    The index is -1 for tracks without a genre, of a genre by fewer than two artists, or beyond the sixteen largest.
    """
    artists = defaultdict(set)
    for track in tracks:
        artists[track.genre].add(track.artist or f"\0{track.name}")
    counts = Counter(track.genre for track in tracks if track.genre and len(artists[track.genre]) >= ARTISTS)
    genres = sorted(counts, key=lambda genre: (-counts[genre], genre))[:GENRES]
    number = {genre: n for n, genre in enumerate(genres)}
    return np.array([number.get(track.genre, -1) for track in tracks], np.int64), genres


def drawable(genres: Sequence[str]) -> list[str]:
    """Methods that can be used: LDA needs two genres."""
    return [name for name in TITLES if name != "lda" or len(genres) >= 2]


def measured(
    maps: dict[str, Points], points: Points, labels: Labels, artists: Sequence[str], shuffles: int
) -> tuple[dict[str, Separation], dict[str, float]]:
    """Separation on each map and in the full space ("full"), and the plain silhouette of the points as drawn."""
    known = labels >= 0
    labels, names = labels[known], [artist for artist, there in zip(artists, known, strict=True) if there]
    spaces = {"full": points, **maps}
    if len(np.unique(labels)) < 2:
        nothing = Separation(*[math.nan] * len(fields(Separation)))
        return dict.fromkeys(spaces, nothing), dict.fromkeys(spaces, math.nan)
    apart = strangers(names)
    found, drawn = {}, {}
    for name, projected in spaces.items():
        far = distances(projected[known])
        space = None if name == "lda" else Space([Block.whole(far, apart)])

        def compare(given: Labels, space: Space | None = space) -> Space:
            return space or Space(held_out(points[known], given, names, projections.discriminants))

        found[name] = separation(compare, labels, names, shuffles)
        others = ~np.eye(len(labels), dtype=np.bool_)
        drawn[name] = silhouette(far, others, labels)
    return found, drawn


def table(results: dict[str, Any], labels: Labels) -> str:
    """The text of table.md: a line for each space, and what the numbers mean; no numbers without genres to compare."""
    about = (
        f"# Maps of {len(labels)} songs\n\nModel {results['model']}, {results['latent']} latents a frame, "
        f"{results['dimensions']} pooled numbers a song."
    )
    if math.isnan(results["full"]["knn"]):
        return f"{about} The music names fewer than two genres to compare, so that the maps have no numbers.\n"
    known = int((labels >= 0).sum())
    spaces = {f"all {results['dimensions']} numbers": results["full"]} | {
        row["title"]: row for row in results["maps"].values()
    }
    lines = [
        f"{about} Numbers are of {known} songs of {len(results['genres'])} genres; the largest is "
        f"{_percent(results['majority'])} of them.\n",
        markdown.table(
            ["space", *COLUMNS.values()],
            ([title, *(_cell(row, name) for name in COLUMNS)] for title, row in spaces.items()),
        ),
    ]
    lines.append(
        "\nk-NN: majority of the five nearest songs by other artists; the interval is a bootstrap over artists. "
        "Silhouette runs from -1 to 1; at 0 and below, songs lie no nearer to their own genre than to the nearest "
        "other one. LDA uses labels: its k-NN and first silhouette are of songs whose artists were left out of the "
        "fit (five folds), its silhouette as drawn is of all, and is too high. In its picture the large marks are "
        "songs that it was not fitted on. p: share of shuffled labellings that reach the k-NN accuracy."
    )
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any], name: str) -> str:
    value = row[name]
    if name == "knn":
        return f"{_percent(value)} [{_percent(row['knn_low'])}, {_percent(row['knn_high'])}]"
    if name == "p":
        return f"{value:.3f}"
    return f"{value:+.3f}" if name in ("silhouette", "chance_silhouette", "drawn") else _percent(value)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _majority(labels: Labels) -> float:
    counts = np.bincount(labels[labels >= 0])
    return float(counts.max() / counts.sum()) if counts.size else math.nan


def _draw_songs(
    shards: Shards, points: Points, labels: Labels, out: Path, coded: CodedExcerpts, options: Options
) -> list[dict[str, str]]:
    """Draw the song nearest to the median of each large genre, or of all songs if there are no genres."""
    drawn: list[dict[str, str]] = []
    groups = [labels == genre for genre in range(min(labels.max() + 1, options.songs))] or [labels < 0]
    for group in groups:
        numbers = np.flatnonzero(group)
        middle = np.median(points[numbers], 0)
        number = int(numbers[np.linalg.norm(points[numbers] - middle, axis=1).argmin()])
        track = shards.tracks[number]
        reader = Reader(coded(excerpt(shards[number], options.seconds)))
        shown = view(reader, model=str(coded.plan.model.folder))
        picture = picture_name(track.name, [song["picture"] for song in drawn])
        title = f"{track.name}   ({track.genre or 'no genre'}, {coded.plan.latent} latents a frame)"
        for target in (out / picture, (out / picture).with_suffix(".svg")):
            with new_file(target, force=True) as file:
                plot.save(shown, title, file, plot.target_kind(target.name))
        drawn.append({"name": track.name, "genre": track.genre, "picture": picture})
    return drawn


def picture_name(song: str, taken: Collection[str]) -> str:
    """Name of the file for a song's picture, which any file system takes, and no other song of the maps has."""
    name = re.sub(r"[^\w.-]+", "-", song)[-LETTERS:]
    number = next(n for n in count(1) if _numbered(name, n) not in taken)
    return _numbered(name, number)


def _numbered(name: str, number: int) -> str:
    return f"song-{name}{f'-{number}' * (number > 1)}.png"


def _plain(value: Any) -> Any:
    """The same without NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    sys.exit(main())
