"""A trained classifier on disk: genre.onnx, genre.json, and the attribution of the music that it was trained on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from codec.inspection.genre import SIZE
from codec.runtime.classifiers import CARD, FEATURES, GRAPH
from codec.runtime.models import Model
from formats.model.scales import SEGMENT_VECTORS
from training.data.collection import MANIFEST, manifest
from training.data.excerpts import SECONDS
from training.genre.data import Song
from training.genre.network import Ensemble
from training.model_files.graphs import check_parity, parity, write_graph


def manifest_lines(data: Path, songs: Sequence[Song]) -> list[dict[str, str]]:
    """The lines of the collection's manifest.csv about these songs; none where it has no manifest."""
    if not (data / MANIFEST).is_file():
        return []
    used = {song.track.path for song in songs}
    return [row for row in manifest(data) if data / row["path"] in used]


def counted(rows: Sequence[dict[str, str]], column: str) -> dict[str, int]:
    """How often each value of a column occurs; empty where there is no such column."""
    return dict(sorted(Counter(row[column] for row in rows if row.get(column)).items()))


def described(songs: Sequence[Song], classes: Sequence[str], rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """What a card says about the music: songs, artists, songs of each class, licences, origin of the labels."""
    return {
        "songs": len(songs),
        "artists": len({song.artist for song in songs}),
        "seconds_of_each": SECONDS,
        "songs_of_each_class": {name: sum(song.label == k for song in songs) for k, name in enumerate(classes)},
        "licences": counted(rows, "licence"),
        "labels": counted(rows, "genre_basis"),
    }


def write(
    folder: Path,
    net: Ensemble,
    classes: Sequence[str],
    models: Sequence[Model],
    songs: Sequence[Song],
    data: Path,
    scores: dict[str, Any],
) -> dict[str, Any]:
    """Write the folder; returns the card. `scores`: what the card says about its accuracy."""
    example = torch.randn(2, SEGMENT_VECTORS, SIZE) * 5 - 10
    graph = write_graph(net, (example,), ("features",), ["logits"], part="aez genre classifier")
    examples = [(torch.randn(count, SEGMENT_VECTORS, SIZE) * 5 - 10,) for count in (1, 2, 15)]
    error = parity(graph, net, examples, ("features",))
    check_parity(classifier=error)
    rows = manifest_lines(data, songs)
    card = {
        "classes": list(classes),
        "bitstreams": [model.id.hex() for model in models],
        "features": FEATURES,
        "date": date.today().isoformat(),
        "sha256": hashlib.sha256(graph).hexdigest(),
        "parity_with_torch": error,
        "certain_from": round(net.certain_from, 4),
        "temperature": round(net.temperature, 4),
        "bias": dict(zip(classes, np.round(net.bias.numpy().astype(float), 4).tolist(), strict=True)),
        "data": described(songs, classes, rows),
        "accuracy": scores,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / GRAPH).write_bytes(graph)
    (folder / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if rows and {"artist", "title", "licence"} <= set(rows[0]):
        (folder / "ATTRIBUTION.md").write_text(attribution(rows), encoding="utf-8")
    return card


def add(folder: Path, facts: dict[str, Any]) -> None:
    """Add facts to the card of a folder that `write` has written."""
    path = folder / CARD
    known = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(known | facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def attribution(rows: Sequence[dict[str, str]]) -> str:
    """A line a song: title, artist, licence, source."""
    lines = {
        f"- {row['title']} by {row['artist']}, {row['licence']}"
        + (f", from {row['source_repo']}" if row.get("source_repo") else "")
        for row in rows
    }
    head = "# Music that this classifier was trained on\n\nExcerpts; none of it is part of the classifier's files.\n\n"
    return head + "".join(f"{line}\n" for line in sorted(lines))
