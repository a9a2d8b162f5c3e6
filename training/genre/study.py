"""The genre study: `python -m training genre --data DIR --out OUT/genre`.

Trains classifiers of genre on the latents of 2-second segments and on the encoder's own features before the bottleneck,
and compares both with two baselines and with the latents of other models (`--also`), on an artist-disjoint division,
and by cross-validation where the collection is small. Writes results.json, table.md, predictions.csv, confusion.png
(by the mean of five segments' logits), confusion-vote.png (by their vote), and model/, a classifier that `aez genre`
takes. The model may be a plain one, for which there is no classifier to be had.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from codec.inspection.genre import classify
from codec.pipeline.workers import Engine
from codec.runtime import models
from codec.runtime.blas import single_threaded_blas
from codec.runtime.classifiers import Classifier
from codec.runtime.models import Model
from formats.errors import AezError, UsageError
from training import provenance
from training.data.collection import HOW, collection, divide
from training.data.excerpts import CodedExcerpts, excerpt
from training.data.fma import SUBSETS
from training.data.shards import Shards
from training.data.tracks import TooLittleError, Track, failed
from training.genre import card, data, predictions, table
from training.genre import systems as compared
from training.genre.data import Song
from training.genre.fit import Examples, fit
from training.genre.measure import choose
from training.genre.network import Ensemble, FitConfig
from training.genre.picture import draw
from training.genre.predictions import Predicted
from training.genre.score import Judged, rate, score
from training.genre.systems import System, labels
from training.numbers import whole

FEW = 1000
"""Songs below which the table's main part is a cross-validation, because a test part would be too small."""

RARE_SONGS, RARE_ARTISTS = 8, 2
"""A genre with fewer training songs or artists is left out: there would be too little to train on, or to test."""

FEWEST_SONGS = 2
"""The same for a quick study, which only checks that everything works."""


NETWORK = "latents, network"
"""Name of the system that is exported."""


def divided(tracks: Sequence[Track], how: str | None) -> tuple[str, list[Track], list[Track]]:
    """Name and parts of the division: as asked for, else the collection's own where it has one, else by artist."""
    if how is None:
        how = "own" if {"train", "test"} <= {track.split for track in tracks} else "artist"
    return how, *divide(tracks, how)


def genres(tracks: Sequence[Track], least: int = RARE_SONGS) -> list[str]:
    """The genres with `least` songs and a second artist, by number of songs."""
    songs = Counter(track.genre for track in tracks if track.genre)
    artists = {name: len({t.artist or t.name for t in tracks if t.genre == name}) for name in songs}
    kept = [name for name, count in songs.items() if count >= least and artists[name] >= RARE_ARTISTS]
    return sorted(kept, key=lambda name: (-songs[name], name))


def folds(songs: Sequence[Song], how: str, count: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """(training songs, test songs) by index; no artist is in both unless divided at random."""
    from sklearn.model_selection import (  # type: ignore[import-untyped,unused-ignore]
        StratifiedGroupKFold,
        StratifiedKFold,
    )

    truth = labels(songs)
    artists = [song.artist for song in songs]
    kind = StratifiedKFold if how == "random" else StratifiedGroupKFold
    parts = kind(count, shuffle=True, random_state=seed).split(truth, truth, artists)
    return [(train.tolist(), test.tolist()) for train, test in parts]


def crossed(songs: Sequence[Song], system: System, how: str, count: int, repeats: int) -> NDArray[np.float64]:
    """Logits of every song by systems that were not trained on it: [repeats, songs, 5, C]."""
    out = []
    for repeat in range(repeats):
        parts = folds(songs, how, count, repeat)
        judged = [
            system([songs[i] for i in a], [songs[i] for i in b], 100 * repeat + k) for k, (a, b) in enumerate(parts)
        ]
        order = np.concatenate([b for _, b in parts])
        logits = np.empty((len(songs), *judged[0].shape[1:]))
        logits[order] = np.concatenate(judged)
        out.append(logits)
    return np.stack(out)


def systems(
    classes: int,
    version: int,
    c: FitConfig,
    songs: Sequence[Song],
    plain: str = "",
    other: Examples | None = None,
) -> dict[str, System]:
    """Every row of the table; `plain` is the name of the model among `Song.others` that is studied, if it is plain.

    `other`: music of other collections, for calibration.
    """
    rows = {
        "majority class": compared.majority(classes),
        "MFCC, logistic regression": compared.regression(classes, compared.cepstra),
    }
    if plain:
        rows[NETWORK] = compared.other(classes, c, plain)
    else:
        rows["latents, logistic regression"] = compared.regression(classes, compared.pooled(version))
        rows[NETWORK] = compared.latents(classes, version, c, other)
        if songs[0].tokens.shape[1]:
            rows["features before the bottleneck, network"] = compared.tokens(classes, c)
    return rows | {
        f"latents of {name}, network": compared.other(classes, c, name) for name in songs[0].others if name != plain
    }


@dataclass(frozen=True)
class Divided:
    """The songs of a study.

    Attributes:
        classes: names of the genres.
        how: name of the division.
        train, test: songs.
        load: gives a song's samples, int16 [2, N], by its name.
        usable, skipped: number of tracks that could and could not be decoded.
        left_out: number of songs by genre that is too rare.
    """

    classes: list[str]
    how: str
    train: list[Song]
    test: list[Song]
    load: Callable[[str], NDArray[np.int16]]
    usable: int
    skipped: int
    left_out: dict[str, int]

    @property
    def songs(self) -> list[Song]:
        """All of them."""
        return [*self.train, *self.test]


def files(songs: Divided, classifier: Classifier, model: Model, latent: int, cache: Path, jobs: int) -> list[bool]:
    """Whether `aez genre` is right about real .aez files of the test songs, by all their segments."""

    def one(song: Song) -> bool:
        found = classify(coded(excerpt(songs.load(song.track.name))), classifier, model=str(model.folder))
        return found.genre == classifier.classes[song.label]

    with Engine("cpu") as engine, ThreadPoolExecutor(jobs) as pool:
        coded = CodedExcerpts(model, latent, cache, engine)
        return list(pool.map(one, songs.test))


def prepare(a: argparse.Namespace, chosen: Sequence[Model], tiers: Sequence[int], also: Mapping[str, Model]) -> Divided:
    """Read, decode and divide the collection, and extract the features of its songs.

    Raises:
        TooLittleError: it names no genres, or fewer than two that can be learned.
    """
    labelled = [track for track in collection(a.data, a.subset) if track.genre]
    if not labelled:
        raise TooLittleError(f"{a.data} names no genres to learn")
    shards = Shards.build(labelled, a.cache, jobs=a.jobs)
    print(shards.report())
    how, train, test = divided(shards.tracks, a.split)
    least = FEWEST_SONGS if a.quick else RARE_SONGS
    classes = genres(train, least)
    if len(classes) < 2:
        raise TooLittleError(f"{a.data} has fewer than two genres of {least} songs and {RARE_ARTISTS} artists")
    number = {track.name: n for n, track in enumerate(shards.tracks)}

    def load(name: str) -> NDArray[np.int16]:
        return shards[number[name]]

    known = [track for track in (*train, *test) if track.genre in classes]
    songs = data.songs(known, classes, load, chosen, a.cache, tiers, a.jobs, also)
    names = {track.name for track in train}
    return Divided(
        classes,
        how,
        [song for song in songs if song.track.name in names],
        [song for song in songs if song.track.name not in names],
        load,
        len(shards),
        len(shards.skipped),
        dict(Counter(track.genre for track in (*train, *test) if track.genre not in classes)),
    )


def others(a: argparse.Namespace, classes: Sequence[str], chosen: Sequence[Model], tiers: Sequence[int]) -> list[Song]:
    """Songs of `--other` by artists that are not in the collection; none where it is not given."""
    if a.other is None:
        return []
    tracks = choose(a.other, classes, [a.data], half=a.half).tracks
    shards = Shards.build(tracks, a.cache, jobs=a.jobs)
    number = {track.name: n for n, track in enumerate(shards.tracks)}
    return data.songs(shards.tracks, classes, lambda name: shards[number[name]], chosen, a.cache, tiers, a.jobs)


def cross_validation(
    songs: Divided, rows: dict[str, System], folds: int, repeats: int, limit: float | None, predicted: list[Predicted]
) -> dict[str, Any]:
    """The first part of the table: every system by cross-validation on the training songs.

    `limit`: probability from which on the exported classifier answers. It was chosen on all of these songs.
    """
    truth, artists = labels(songs.train), [song.artist for song in songs.train]
    scores: list[dict[str, Any]] = []
    begun = time.monotonic()
    for name, system in rows.items():
        logits = crossed(songs.train, system, songs.how, folds, repeats)
        judged = Judged(logits, truth, artists)
        predicted.append(Predicted(table.LEARNED, name, judged, songs.train))
        scores.append(score(name, judged, songs.classes, limit if name == NETWORK else None))
        print(table.line(scores[-1]), f"{time.monotonic() - begun:.0f} s", flush=True)
    return {"name": table.LEARNED, "folds": folds, **_size(songs.train), "systems": scores}


def final_test(
    songs: Divided, rows: dict[str, System], limit: float | None, predicted: list[Predicted]
) -> dict[str, Any]:
    """The second part: every system on the test songs."""
    truth, artists = labels(songs.test), [song.artist for song in songs.test]
    scores = []
    for name, system in rows.items():
        judged = Judged(system(songs.train, songs.test, 0)[None], truth, artists)
        predicted.append(Predicted("test part", name, judged, songs.test))
        scores.append(score(name, judged, songs.classes, limit if name == NETWORK else None))
    return {"name": "test part", **_size(songs.test), "systems": scores}


def exported(
    a: argparse.Namespace,
    songs: Divided,
    net: Ensemble,
    chosen: Sequence[Model],
    tested: dict[str, Any],
    other: Sequence[Song],
) -> dict[str, float]:
    """Write the classifier; returns how often it is right about real files of the test songs."""
    own = next(s for s in tested["systems"] if s["system"] == NETWORK)
    accuracy = {part: own[part] for part in ("segment", "vote", "mean", "calibration", "answers")}
    folder = a.out / "model"
    scored = {"songs": len(songs.test), "split": songs.how, **accuracy}
    card.write(folder, net, songs.classes, chosen, songs.train, a.data, scored)
    if other:
        rows = card.manifest_lines(a.other, other)
        also = card.described(other, songs.classes, rows) | {"sources": card.counted(rows, "source_repo")}
        card.add(folder, {"calibrated_also_on": also})
    right = files(songs, Classifier(folder), chosen[0], a.latent, a.cache, a.jobs)
    return rate(np.array(right, float), [song.artist for song in songs.test])


def study(a: argparse.Namespace) -> dict[str, Any]:
    """Run everything; returns what results.json says."""
    begun = time.monotonic()
    chosen = [models.by_name(name) for name in a.model or [models.DEFAULT]]
    plain = next((model.name for model in chosen if model.kind == "plain"), "")
    if plain and len(chosen) > 1:
        raise UsageError("a plain model is studied alone; name others by --also")
    also = {name: models.by_name(name) for name in a.also}
    tiers = sorted({*data.TRAINING_TIERS, a.latent})
    songs = prepare(a, [] if plain else chosen, tiers, also | ({plain: chosen[0]} if plain else {}))
    config = FitConfig().quick() if a.quick else FitConfig()
    version = tiers.index(a.latent)
    more = [] if plain else others(a, songs.classes, chosen, tiers)
    other = compared.examples(more, version) if more else None
    rows = systems(len(songs.classes), version, config, songs.songs, plain, other)
    if a.alone:
        rows = {NETWORK: rows[NETWORK]}
    evaluations: list[dict[str, Any]] = []
    predicted: list[Predicted] = []  # in the order of the table
    # The network of the table's second part, which is the one that is exported.
    net = None if plain else fit(compared.examples(songs.train, version), len(songs.classes), config, other)
    limit = net.certain_from if net else None
    folds = a.folds if a.folds is not None else 5 * (len(songs.songs) < FEW)
    if (folds := min(folds, 2) if a.quick else folds) > 1:
        repeats = 1 if a.quick else a.repeats
        evaluations.append(cross_validation(songs, rows, folds, repeats, limit, predicted))
    if net:
        rows[NETWORK] = compared.fitted(net, version)
    tested = final_test(songs, rows, limit, predicted)
    evaluations.append({**tested, "files": exported(a, songs, net, chosen, tested, more)} if net else tested)
    predictions.write(predicted, songs.classes, a.out / "predictions.csv")
    return {
        "data": {
            "usable": songs.usable, "skipped": songs.skipped, "split": songs.how, "learned": len(songs.train),
            "tested": len(songs.test), "left_out": songs.left_out,
            **card.described(songs.songs, songs.classes, card.manifest_lines(a.data, songs.songs)),
        },
        "classes": songs.classes,
        "model": chosen[0].name,
        "model_ids": [model.id.hex() for model in chosen],
        "latent": chosen[0].default_latent if plain else a.latent,
        "fit": asdict(config),
        "calibrated_also_on": len(more),
        "evaluations": evaluations,
        "seconds": round(time.monotonic() - begun),
    }  # fmt: skip


def _size(songs: Sequence[Song]) -> dict[str, int]:
    return {"songs": len(songs), "artists": len({song.artist for song in songs})}


def write(results: dict[str, Any], out: Path) -> None:
    """Write results.json, table.md, confusion.png and confusion-vote.png."""
    (out / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "table.md").write_text(table.report(results), encoding="utf-8")
    first = results["evaluations"][0]
    own = next(s for s in first["systems"] if s["system"] == NETWORK)
    part = f"{first['songs']} songs of {first['artists']} artists, {first['name']}"
    for key, name, how in (("confusion", "mean", "mean of five segments' logits"), ("confusion_vote", "vote", "vote")):
        note = f"{part}\n{own[name]['accuracy']:.0%} right"
        title = f"Genre from latents, by {how}"
        draw(own[key], results["classes"], title, note, out / f"{key.replace('_', '-')}.png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (3: the music names too few genres to learn)."""
    p = argparse.ArgumentParser(prog="python -m training genre", description="Study what latents say about genre.")
    p.add_argument("--data", type=Path, required=True, help="FMA, or a folder with a manifest.csv that names genres")
    p.add_argument("--out", type=Path, required=True, help="folder for results and classifier")
    p.add_argument("--subset", default="small", choices=SUBSETS, help="of FMA (default: small)")
    p.add_argument("--split", choices=HOW, help="default: the collection's own, else artist")
    p.add_argument("--model", action="append", help="codec model; name several to train on the latents of all")
    p.add_argument(
        "--also", type=lambda s: s.split(","), default=[], metavar="MODELS", help="further models to compare"
    )
    p.add_argument("--latent", type=whole(1), default=128, help="tier that is tested (default: 128)")
    p.add_argument("--other", type=Path, metavar="DIR", help="calibrate also on a folder of other music with genres")
    p.add_argument("--half", choices=("first", "second"), help="of its artists and sources, as genre-measure has them")
    p.add_argument("--folds", type=whole(0), help="of the cross-validation; 0 for none (default: 5 below 1000 songs)")
    p.add_argument("--repeats", type=whole(1), default=1, help="cross-validations, each with other folds (default: 1)")
    p.add_argument("--cache", type=Path, help="folder for decoded music and features (default: OUT/cache)")
    p.add_argument("--jobs", type=whole(1), default=2, help="songs that features are taken from at once (default: 2)")
    p.add_argument("--alone", action="store_true", help="measure the classifier only, without what it is compared with")
    p.add_argument("--quick", action="store_true", help="smaller networks, fewer folds")
    a = p.parse_args(arguments)
    a.cache = a.cache or a.out / "cache"
    torch.set_num_threads(1)  # the networks are so small that a second thread only waits
    torch.set_flush_denormal(True)
    try:
        a.out.mkdir(parents=True, exist_ok=True)
        # OpenBLAS's second thread spins through thousands of small products of the regressions.
        with single_threaded_blas():
            write(study(a), a.out)
        provenance.record(a.out, "genre", arguments)
    except (AezError, OSError) as error:
        return failed("genre", error)
    print((a.out / "table.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
