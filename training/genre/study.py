"""The genre study: `python -m training genre --data DIR --out OUT/genre`.

Learns to tell a genre from the latents of 2-second segments, and from the encoder's own features before the bottleneck;
compares both with two baselines by artist-disjoint division, and by cross-validation where the collection is small.
Writes results.json, table.md, confusion.png and model/, a classifier that `aez genre` takes.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from codec.audio.source import ArraySource
from codec.inspection.genre import classify
from codec.pipeline.encode import encode
from codec.runtime import models
from codec.runtime.classifiers import Classifier
from codec.runtime.models import Model
from formats.errors import AezError, UsageError
from formats.grid import SAMPLE_RATE
from training.data.collection import Track, collection, divide
from training.data.shards import Shards
from training.genre import card, data, table
from training.genre import systems as compared
from training.genre.data import Song
from training.genre.fit import fit
from training.genre.network import FitConfig
from training.genre.picture import draw
from training.genre.score import Judged, rate, score
from training.genre.systems import System, labels

FEW = 1000
"""Songs below which the table's main part is a cross-validation: a test part of them would say too little."""

RARE_SONGS, RARE_ARTISTS = 8, 2
"""A genre with fewer songs to learn from, or artists, is left out: there would be nothing to learn, or to test."""

FEWEST_SONGS = 2
"""The same where only the way is tried (--quick)."""


def divided(tracks: Sequence[Track], how: str | None) -> tuple[str, list[Track], list[Track]]:
    """The division and its name: as asked; else the collection's own where it has one, else by artist."""
    if how is None:
        how = "own" if {"train", "test"} <= {track.split for track in tracks} else "artist"
    return how, *divide(tracks, how)


def genres(tracks: Sequence[Track], least: int = RARE_SONGS) -> list[str]:
    """The genres that can be learned, by number of songs: `least` songs and a second artist."""
    songs = Counter(track.genre for track in tracks if track.genre)
    artists = {name: len({t.artist or t.name for t in tracks if t.genre == name}) for name in songs}
    kept = [name for name, count in songs.items() if count >= least and artists[name] >= RARE_ARTISTS]
    return sorted(kept, key=lambda name: (-songs[name], name))


def folds(songs: Sequence[Song], how: str, count: int, seed: int) -> list[tuple[list[int], list[int]]]:
    """(songs to learn from, songs to judge) by place; no artist is in both unless divided at random."""
    from sklearn.model_selection import (  # type: ignore[import-untyped,unused-ignore]
        StratifiedGroupKFold,
        StratifiedKFold,
    )

    truth = labels(songs)
    artists = [song.artist for song in songs]
    kind = StratifiedKFold if how == "random" else StratifiedGroupKFold
    parts = kind(count, shuffle=True, random_state=seed).split(truth, truth, artists)
    return [(learned.tolist(), judged.tolist()) for learned, judged in parts]


def crossed(songs: Sequence[Song], system: System, how: str, count: int, repeats: int) -> NDArray[np.float64]:
    """Logits of every song by systems that did not learn from it: [repeats, songs, 5, C]."""
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


def systems(classes: int, version: int, c: FitConfig, songs: Sequence[Song]) -> dict[str, System]:
    """Every row of the table."""
    rows = {
        "majority class": compared.majority(classes),
        "MFCC, logistic regression": compared.regression(classes, compared.cepstra),
        "latents, logistic regression": compared.regression(classes, compared.pooled(version)),
        "latents, network": compared.latents(classes, version, c),
    }
    if songs[0].tokens.shape[1]:
        rows["features before the bottleneck, network"] = compared.tokens(classes, c)
    return rows


def files(songs: Sequence[Song], load: Any, classifier: Classifier, model: Model, latent: int, jobs: int) -> list[bool]:
    """Whether `aez genre` is right of real .aez files of these songs, all their segments heard."""

    def one(song: Song) -> bool:
        coded = BytesIO()
        with ArraySource(data.middle(load(song.track.name)), SAMPLE_RATE) as source:
            encode(source, coded, latent=latent, model=str(model.folder), device="cpu")
        coded.seek(0)
        return classify(coded, classifier).genre == classifier.classes[song.label]

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, songs))


def study(a: argparse.Namespace) -> dict[str, Any]:
    """The whole of it; returns what results.json says."""
    begun = time.monotonic()
    chosen = [models.by_name(name) for name in a.model or [models.DEFAULT]]
    every = [track for track in collection(a.data, a.subset) if track.genre]
    if not every:
        raise UsageError(f"{a.data} names no genres to learn")
    shards = Shards.build(every, a.cache, jobs=a.jobs)
    print(shards.report())
    how, train, test = divided(shards.tracks, a.split)
    least = FEWEST_SONGS if a.quick else RARE_SONGS
    classes = genres(train, least)
    if len(classes) < 2:
        raise UsageError(f"{a.data} has fewer than two genres of {least} songs and {RARE_ARTISTS} artists")
    place = {track.name: number for number, track in enumerate(shards.tracks)}

    def load(name: str) -> NDArray[np.int16]:
        return shards[place[name]]

    tiers = sorted({*data.LEARNED_TIERS, a.latent})
    known = [track for track in (*train, *test) if track.genre in classes]
    songs = data.songs(known, classes, load, chosen, a.cache, tiers, a.jobs)
    names = {track.name for track in train}
    learned = [song for song in songs if song.track.name in names]
    held = [song for song in songs if song.track.name not in names]
    config = FitConfig().quick() if a.quick else FitConfig()
    version = tiers.index(a.latent)
    rows = systems(len(classes), version, config, songs)
    evaluations = []
    count = a.folds if a.folds is not None else 5 * (len(songs) < FEW)
    if a.quick:
        count = min(count, 2)
    if count > 1:
        scores = []
        for name, system in rows.items():
            judged = crossed(learned, system, how, count, 1 if a.quick else a.repeats)
            scores.append(score(name, Judged(judged, labels(learned), [s.artist for s in learned]), classes))
            print(table.line(scores[-1]), f"{time.monotonic() - begun:.0f} s", flush=True)
        evaluations.append({"name": "cross-validation", "folds": count, **_size(learned), "systems": scores})
    # The network of the table's second part is the one that is exported.
    net = fit(compared.material(learned, version), len(classes), config)
    rows["latents, network"] = compared.fitted(net, version)
    truth, artists = labels(held), [song.artist for song in held]
    scores = [score(n, Judged(f(learned, held, 0)[None], truth, artists), classes) for n, f in rows.items()]
    accuracy = {
        part: next(s for s in scores if s["system"] == "latents, network")[part] for part in ("segment", "vote", "mean")
    }
    folder = a.out / "model"
    card.write(folder, net, classes, chosen, learned, a.data, {"songs": len(held), "split": how, **accuracy})
    right = files(held, load, Classifier(folder), chosen[0], a.latent, a.jobs)
    evaluations.append(
        {"name": "test part", **_size(held), "systems": scores, "files": rate(np.array(right, float), artists)}
    )
    return {
        "data": {
            "usable": len(shards), "skipped": len(shards.skipped), "split": how, "learned": len(learned),
            "tested": len(held), "left_out": dict(Counter(t.genre for t in (*train, *test) if t.genre not in classes)),
            **card.told(songs, classes, card.manifest(a.data, songs)),
        },
        "classes": classes,
        "model": chosen[0].name,
        "model_ids": [model.id.hex() for model in chosen],
        "latent": a.latent,
        "fit": asdict(config),
        "evaluations": evaluations,
        "seconds": round(time.monotonic() - begun),
    }  # fmt: skip


def _size(songs: Sequence[Song]) -> dict[str, int]:
    return {"songs": len(songs), "artists": len({song.artist for song in songs})}


def write(results: dict[str, Any], out: Path) -> None:
    """results.json, table.md and confusion.png."""
    (out / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (out / "table.md").write_text(table.report(results), encoding="utf-8")
    first = results["evaluations"][0]
    chosen = next(s for s in first["systems"] if s["system"] == "latents, network")
    told = (
        f"{first['songs']} songs of {first['artists']} artists, {first['name']}: {chosen['mean']['accuracy']:.0%} right"
    )
    draw(chosen["confusion"], results["classes"], "Genre from latents", told, out / "confusion.png")


def main() -> None:
    """Parse the command line and run the study."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True, help="FMA, or a folder with a manifest.csv that names genres")
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--subset", default="small", help="of FMA: small, medium or large")
    p.add_argument("--split", choices=("artist", "random", "own"), help="default: the collection's own, else artist")
    p.add_argument("--model", action="append", help="codec model; name more than one to learn from the latents of all")
    p.add_argument("--latent", type=int, default=128, help="tier that is judged")
    p.add_argument("--folds", type=int, help="of the cross-validation; 0 for none (default: 5 below 1000 songs)")
    p.add_argument("--repeats", type=int, default=1, help="cross-validations, each with other folds")
    p.add_argument("--cache", type=Path, help="decoded music and features (default: OUT/cache)")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--quick", action="store_true", help="smaller networks, fewer folds")
    a = p.parse_args()
    a.cache = a.cache or a.out / "cache"
    torch.set_num_threads(a.jobs)
    torch.set_flush_denormal(True)
    try:
        a.out.mkdir(parents=True, exist_ok=True)
        results = study(a)
        write(results, a.out)
    except (AezError, OSError) as error:
        sys.exit(f"training.genre.study: error: {error}")
    print((a.out / "table.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
