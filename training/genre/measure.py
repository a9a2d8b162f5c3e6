"""How far a classifier's probabilities hold on other music: `python -m training genre-measure --data DIR --out OUT`.

Measured is what `aez genre` says of .aez files of the songs, whole or 30 s from their middle. The folder's manifest.csv
names genres as tags do; songs whose genre is no class of the classifier, or could be several, are left out. So are
songs by artists of the music that it was trained on (`--not-by`), and those whose artist is not known. Soundtracks
are counted apart, and so are songs with a guess in the column genre_basis, which only `--guessed` measures. Writes
results.json, table.md and predictions.csv.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.cli.terminal import progress
from codec.inspection.genre import classify
from codec.pipeline.workers import Engine
from codec.runtime import classifiers, models
from codec.runtime.classifiers import Classifier
from codec.runtime.models import Model
from formats.errors import AezError, AudioError
from training import markdown, provenance
from training.csv_table import write_csv
from training.data.collection import collection, divide, manifest
from training.data.excerpts import SECONDS, CodedExcerpts, excerpt
from training.data.shards import Shards
from training.data.tracks import TooLittleError, Track, failed
from training.genre.names import genre_of, grouped, is_soundtrack, names
from training.genre.score import Judged, score
from training.genre.table import percent
from training.numbers import whole

STATED, SOUNDTRACK, GUESSED = "genre stated", "stated to be a soundtrack", "genre guessed"

SOUNDTRACKS = "Instrumental"
"""The genre above soundtracks in FMA's tree."""

LEAST = 1e-9
"""Least probability that a song's genre is counted with."""


@dataclass(frozen=True)
class Chosen:
    """The songs of a collection that can be measured.

    Attributes:
        parts: by how their genre is known (STATED, SOUNDTRACK, GUESSED); genre is a class, artist who is meant.
        left_out: how many songs have which other genre; known: how many are by artists of the training music.
        unknown: how many have no artist, or the name of a package in its place, so that these may be among them.
    """

    parts: dict[str, list[Track]]
    left_out: Counter[str]
    known: int
    unknown: int

    @property
    def tracks(self) -> list[Track]:
        """All of them."""
        return [track for part in self.parts.values() for track in part]


def choose(
    folder: Path,
    classes: Sequence[str],
    not_by: Sequence[Path] = (),
    *,
    guessed: bool = False,
    split: str | None = None,
    half: str | None = None,
) -> Chosen:
    """The songs of a folder, or of a split of it, that have a class and whose artists are not in the folders `not_by`.

    Args:
        folder: the collection.
        classes: names of the genres.
        not_by: folders whose artists are left out.
        guessed: whether songs whose genre was guessed are taken.
        split: of the collection's own ones.
        half: "first" or "second" takes half of the music, so that no artist and no source (column source_repo) is on
            both sides. The sides depend on all that is chosen.

    Raises:
        UsageError: a folder has no readable manifest.csv; TooLittleError: no song is left.
    """
    listed = {folder / row["path"]: row for row in manifest(folder)}
    heard = {name for other in not_by for row in manifest(other) for name in names(row.get("artist", ""))}
    tracks = [track for track in collection(folder) if track.genre and split in (None, track.split)]
    groups = grouped([track.artist for track in tracks])
    parts: dict[str, list[Track]] = {STATED: [], SOUNDTRACK: [], GUESSED: []}
    left_out: Counter[str] = Counter()
    known = unknown = 0
    for track, group in zip(tracks, groups, strict=True):
        genre, row = genre_of(track.genre, classes), listed[track.path]
        if names(track.artist) & heard:
            known += 1
        elif not group or row.get("source_repo", "") == f"debian:{track.artist}":
            unknown += 1
        elif row.get("genre_basis") == "guess":
            if genre and guessed:
                parts[GUESSED].append(replace(track, genre=genre, artist=group))
        elif genre:
            parts[STATED].append(replace(track, genre=genre, artist=group))
        elif is_soundtrack(track.genre) and SOUNDTRACKS in classes:
            parts[SOUNDTRACK].append(replace(track, genre=SOUNDTRACKS, artist=group))
        else:
            left_out[track.genre] += 1
    if half:
        keys = grouped([f"{track.artist};{listed[track.path].get('source_repo', '')}" for track in tracks])
        key = {track.name: name for track, name in zip(tracks, keys, strict=True)}
        everything = [replace(track, artist=key[track.name]) for part in parts.values() for track in part]
        kept = {track.name for track in divide(everything, "artist", 0.5)[half == "second"]}
        parts = {name: [track for track in part if track.name in kept] for name, part in parts.items()}
    parts = {name: part for name, part in parts.items() if part}
    if not parts:
        raise TooLittleError(f"{folder} has no song of a genre that the classifier knows by an artist that it does not")
    return Chosen(parts, left_out, known, unknown)


def said(
    tracks: Sequence[Track], classifier: Classifier, model: Model, a: argparse.Namespace
) -> dict[str, NDArray[np.float64]]:
    """Probabilities [C] of each song, by its name; songs without sound are left out."""
    shards = Shards.build(tracks, a.cache, jobs=a.jobs)
    print(shards.report(), flush=True)
    count = 0

    def one(number: int) -> NDArray[np.float64] | None:
        nonlocal count
        samples = shards[number]
        file = coded(excerpt(samples, samples.shape[1] if a.whole else SECONDS))
        count += 1
        advance(count / len(shards))
        try:
            found = classify(file, classifier, model=str(model.folder))
        except AudioError:
            return None
        return np.array([found.probabilities[name] for name in classifier.classes])

    with Engine("cpu") as engine, progress("classifying", quiet=False) as advance, ThreadPoolExecutor(a.jobs) as pool:
        coded = CodedExcerpts(model, a.latent, a.cache, engine)
        chances = list(pool.map(one, range(len(shards))))
    return {track.name: found for track, found in zip(shards.tracks, chances, strict=True) if found is not None}


def judged(part: Sequence[Track], chances: dict[str, NDArray[np.float64]], classes: Sequence[str]) -> Judged:
    """Songs of `part` as scores take them; a song is one segment, whose softmax are its probabilities."""
    heard = [track for track in part if track.name in chances]
    logits = np.log(np.maximum(np.array([chances[track.name] for track in heard]), LEAST))
    labels = np.array([classes.index(track.genre) for track in heard], np.int64)
    return Judged(logits[None, :, None], labels, [track.artist or f"song {track.name}" for track in heard])


def measured(a: argparse.Namespace) -> dict[str, Any]:
    """Run everything; returns what results.json says."""
    model = models.by_name(a.model)
    classifier = classifiers.by_name(a.classifier) if a.classifier else classifiers.for_model(model.id)
    classifiers.check(classifier, model.id)
    classes = classifier.classes
    chosen = choose(a.data, classes, a.not_by, guessed=a.guessed, split=a.split, half=a.half)
    chances = said(chosen.tracks, classifier, model, a)
    scores = []
    for name, part in chosen.parts.items():
        found = judged(part, chances, classes)
        if len(found.labels):
            size = {"songs": len(found.labels), "artists": len(set(found.artists))}
            scores.append({**score(name, found, classes, classifier.certain_from), **size})
    write_predictions(chosen, chances, classes, a.out / "predictions.csv")
    return {
        "classifier": classifier.name,
        "classes": classes,
        "certain_from": classifier.certain_from,
        "latent": a.latent,
        "whole": a.whole,
        "split": a.split,
        "half": a.half,
        "left_out": dict(chosen.left_out.most_common()),
        "by_known_artists": chosen.known,
        "by_unknown_artists": chosen.unknown,
        "parts": scores,
    }


def write_predictions(
    chosen: Chosen, chances: dict[str, NDArray[np.float64]], classes: Sequence[str], path: Path
) -> None:
    """A line for every song: what it is, and the probability of each genre."""
    rows = (
        [name, track.name, track.artist, track.genre, *(f"{chance:.4f}" for chance in chances[track.name])]
        for name, part in chosen.parts.items()
        for track in part
        if track.name in chances
    )
    write_csv(path, ["part", "song", "artist", "truth", *classes], rows, errors="replace")


def report(results: dict[str, Any]) -> str:
    """table.md."""
    head = ["songs", "artists", "stated", "right", "stated - right", "calibration error", "that by chance", "log loss",
            "Brier score", "answers", "of which right"]  # fmt: skip
    rows = []
    for s in results["parts"]:
        error, answers = s["calibration"], s["answers"]
        excess, chance = error["excess"], error["by_chance"]
        rows.append([
            f"{s['system']}: {s['songs']}", str(s["artists"]), f"{100 * error['stated']:.0f}", percent(s["mean"]),
            "{:+.0f} ({:+.0f} - {:+.0f})".format(*(100 * excess[n] for n in ("mean", "low", "high"))),
            "{:.0f} ({:.0f} - {:.0f})".format(*(100 * error[n] for n in ("error", "low", "high"))),
            f"{100 * chance['mean']:.0f} (up to {100 * chance['high']:.0f})",
            f"{s['log_loss']:.2f}", f"{s['brier']:.2f}",
            percent(answers["answered"]), percent(answers["right"]) if "right" in answers else "",
        ])  # fmt: skip
    sizes = "whole songs" if results["whole"] else f"the middle {SECONDS} s of songs"
    left = ", ".join(f"{name} {count}" for name, count in results["left_out"].items())
    notes = [
        f"What classifier {results['classifier']} says of {sizes} at {results['latent']} latents, in per cent with "
        f"95 % intervals over artists. It answers from {100 * results['certain_from']:.0f} % on, and is uncertain "
        "below. Calibration error by chance: of a calibrated classifier that states the same of so many songs.",
        f"Split: {results['split']}." if results["split"] else "",
        f"Only the {results['half']} half of the artists and their sources." if results["half"] else "",
        f"Left out: {results['by_known_artists']} songs by artists of the training music, "
        f"{results['by_unknown_artists']} by unknown ones" + (f"; by genre {left}." if left else "."),
    ]
    parts = [markdown.section("Genre on other music", " ".join(note for note in notes if note), head, rows)]
    for s in results["parts"]:
        shown = [[c["genre"], str(c["songs"]), *(_share(c[n]) for n in ("precision", "recall"))] for c in s["classes"]]
        parts.append(
            markdown.section(f"Each genre, {s['system']}", "", ["genre", "songs", "precision", "recall"], shown)
        )
    return "\n".join(parts)


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code (3: there is no song to measure)."""
    p = argparse.ArgumentParser(
        prog="python -m training genre-measure",
        description="Measure a genre classifier on music that it was not trained on.",
    )
    p.add_argument("--data", type=Path, required=True, help="folder with a manifest.csv that names genres and artists")
    p.add_argument("--out", type=Path, required=True, help="folder for results.json, table.md and predictions.csv")
    apart = "leave out artists of this folder's manifest.csv, for instance the training music's"
    p.add_argument("--not-by", type=Path, action="append", default=[], metavar="DIR", help=apart)
    p.add_argument("--split", choices=("train", "validation", "test"), help="measure a split of the folder alone")
    p.add_argument("--guessed", action="store_true", help="measure songs whose genre was guessed, too")
    p.add_argument("--half", choices=("first", "second"), help="measure half of the artists and sources")
    p.add_argument("--classifier", help="name or folder (default: the one that aez genre takes)")
    p.add_argument("--model", default=models.DEFAULT, help="codec model (default: %(default)s)")
    p.add_argument("--latent", type=whole(1), default=128, help="tier of the files (default: 128)")
    p.add_argument("--whole", action="store_true", help="whole songs instead of 30 s from their middle")
    p.add_argument("--cache", type=Path, help="folder for decoded music and files (default: OUT/cache)")
    p.add_argument("--jobs", type=whole(1), default=2, help="songs at once (default: 2)")
    a = p.parse_args(arguments)
    a.cache = a.cache or a.out / "cache"
    try:
        a.out.mkdir(parents=True, exist_ok=True)
        results = measured(a)
        (a.out / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        (a.out / "table.md").write_text(report(results), encoding="utf-8")
        provenance.record(a.out, "genre-measure", arguments)
    except (AezError, OSError) as error:
        return failed("genre-measure", error)
    print((a.out / "table.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
