"""How good `aez similar` is: `python -m training similar --data DIR [--out OUT]`.

Every song is encoded to an .aez file in memory and asks for its nearest songs. Counted is how many of the nearest five
are by the same artist, and how many of the nearest five by other artists are of the same genre; next to chance (the
same with shuffled songs) and to means and deviations of MFCCs. Intervals are bootstraps over artists.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.cli.terminal import progress
from codec.dsp.mdct import Float
from codec.inspection.similar import distances, vector
from codec.pipeline.workers import WORKERS, Engine
from codec.runtime import models
from codec.runtime.blas import single_threaded_blas
from codec.runtime.named_models import NamedModels
from formats.errors import AezError, AudioError
from training import markdown
from training.data.collection import collection
from training.data.excerpts import SECONDS, CodedExcerpts, excerpt
from training.data.fma import SUBSETS
from training.data.shards import Shards
from training.data.tracks import TooLittleError, Track, failed, told_apart
from training.genre.data import mfcc
from training.genre.score import interval
from training.latents.separation import neighbours, strangers

NEAREST = 5

Matrix = NDArray[np.float64]


def apart(vectors: Float) -> Matrix:
    """Distances between all songs [n, D], each as `aez similar` gives them for the whole library: [n, n]."""
    return np.stack([distances(one, vectors) for one in vectors])


def shares(far: Matrix, same: NDArray[np.bool_], allowed: NDArray[np.bool_]) -> Matrix:
    """Share of each song's nearest five, of those allowed, that are the same: [n]; nan where none of them could be."""
    order, real = neighbours(far, allowed, NEAREST)
    hits = (np.take_along_axis(same, order, 1) & real).sum(1)
    possible = (same & allowed).any(1)
    return np.where(possible, hits / np.maximum(real.sum(1), 1), np.nan)


def measured(views: dict[str, Float], tracks: Sequence[Track]) -> dict[str, dict[str, tuple[float, float, float, int]]]:
    """For every view and question: mean share, ends of its interval, and number of songs that could be asked."""
    artists = np.array(told_apart(track.artist for track in tracks))
    genres = np.array(told_apart(track.genre for track in tracks))
    others = ~np.eye(len(tracks), dtype=np.bool_)
    questions = {
        "same artist": (artists[:, None] == artists, others),
        "same genre, other artists": (genres[:, None] == genres, strangers([track.artist for track in tracks])),
    }
    spaces = {name: apart(view) for name, view in views.items()}
    rng = np.random.default_rng(0)
    spaces["chance"] = rng.random((len(tracks), len(tracks)))
    found: dict[str, dict[str, tuple[float, float, float, int]]] = {}
    for name, far in spaces.items():
        found[name] = {}
        for question, (same, allowed) in questions.items():
            share = shares(far, same, allowed)
            asked = np.isfinite(share)
            if not asked.any():
                continue
            low, high = interval(share[asked], list(artists[asked]))
            found[name][question] = (float(share[asked].mean()), low, high, int(asked.sum()))
    return found


def run(tracks: Sequence[Track], cache: Path, model_name: str | None) -> str:
    """Measure; returns a markdown table.

    Raises:
        TooLittleError: fewer than two songs can be used, or none that are known to be alike; ModelError: no such model.
    """
    model = models.by_name(model_name)
    known = NamedModels([str(model.folder)])
    shards = Shards.build(tracks, cache)
    print(shards.report(), file=sys.stderr)

    def one(number: int) -> tuple[Float, Float] | None:
        samples = excerpt(shards[number])
        try:
            latents = vector(coded(samples), known)
        except AudioError:  # silence
            return None
        cepstra = mfcc(samples)
        return latents, np.concatenate([cepstra[:, 1:].mean(0), cepstra.std(0)])

    found = []
    with (
        Engine("cpu") as engine,
        ThreadPoolExecutor(WORKERS) as pool,
        progress("reading songs", quiet=False) as advance,
    ):
        coded = CodedExcerpts(model, None, cache, engine)
        for number, pair in enumerate(pool.map(one, range(len(shards)))):
            found.append(pair)
            advance((number + 1) / len(shards))
    kept = [n for n, pair in enumerate(found) if pair is not None]
    if len(kept) < 2:
        raise TooLittleError(f"nearest songs need at least two songs; there are {len(kept)}")
    pairs = [pair for pair in found if pair is not None]
    views = {"aez similar": np.stack([a for a, _ in pairs]), "MFCC": np.stack([b for _, b in pairs])}
    scores = measured(views, [shards.tracks[n] for n in kept])
    if not any(scores.values()):
        raise TooLittleError("no two songs are known to have an artist or a genre in common")
    return table(scores, len(kept))


def table(found: dict[str, dict[str, tuple[float, float, float, int]]], songs: int) -> str:
    """The shares as markdown."""
    questions = list(dict.fromkeys(question for one in found.values() for question in one))
    lines = [
        [name, *(f"{100 * m:.1f} % [{100 * low:.1f}, {100 * high:.1f}] of {n}" for m, low, high, n in one.values())]
        for name, one in found.items()
    ]
    note = (
        f"{songs} songs, {SECONDS:g} s of each: share of the nearest {NEAREST}, mean over the songs of which another "
        "one is there to be found, with 95 % intervals by bootstrap over artists."
    )
    return markdown.section("Nearest songs", note, ["by", *questions], lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (3: the music is too little)."""
    p = argparse.ArgumentParser(prog="python -m training similar", description="Measure aez similar.")
    p.add_argument("--data", type=Path, required=True, help="FMA, or a folder with a manifest.csv or of audio")
    p.add_argument("--subset", default="small", choices=SUBSETS, help="of FMA (default: small)")
    p.add_argument("--model", help="codec model (default: the codec's own)")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument("--out", type=Path, help="file for the table")
    a = p.parse_args(arguments)
    try:
        with single_threaded_blas():
            text = run(collection(a.data, a.subset), a.cache, a.model)
        if a.out:
            a.out.write_text(text, encoding="utf-8")
    except (AezError, OSError) as error:
        return failed("similar", error)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
