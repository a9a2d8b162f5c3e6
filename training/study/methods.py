"""OUT/study.json: what was done, on what, by what; the report shows it as its methods."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from codec.files import new_file
from codec.runtime import models
from codec.version import __version__
from formats.grid import SAMPLE_RATE
from training.data.collection import is_synthesized, kind
from training.data.shards import Shards
from training.data.tracks import Track
from training.provenance import commit

NAME = "study.json"


def described(
    data: Path, subset: str, how: str, parts: Mapping[str, Sequence[Track]], shards: Shards, arguments: Sequence[str],
    *, quick: bool,
) -> dict[str, Any]:  # fmt: skip
    """What is known before the first step."""
    hours = {
        track.name: length / SAMPLE_RATE / 3600 for track, length in zip(shards.tracks, shards.lengths, strict=True)
    }
    return {
        "command": shlex.join(["python", "-m", "training", "study", *arguments]),
        "aez": __version__,
        "commit": commit(),
        "date": date.today().isoformat(),
        "machine": machine(),
        "quick": quick,
        "synthesized": is_synthesized(data),
        "data": {
            "name": data.resolve().name,
            "kind": kind(data, subset),
            "split": how,
            "parts": {
                name: {
                    "songs": len(tracks),
                    "artists": len({track.artist for track in tracks if track.artist}),
                    "unnamed": sum(not track.artist for track in tracks),
                    "hours": round(sum(hours[track.name] for track in tracks), 2),
                }
                for name, tracks in parts.items()
                if tracks
            },
            "genres": len({track.genre for track in shards.tracks if track.genre}),
            "skipped": len(shards.skipped),
        },
    }


def unnamed(tracks: Sequence[Track], how: str) -> list[str]:
    """What has to be said of songs whose artist nobody knows: they weaken a division by artist, and the intervals."""
    count = sum(not track.artist for track in tracks)
    if not count:
        return []
    divided = "; an artist's songs may be on both sides" if how == "artist" else ""
    return [f"{count} of {len(tracks)} songs name no artist, and count as an artist each{divided}"]


def trained(out: Path, names: Iterable[str]) -> list[dict[str, Any]]:
    """The model that ships and those of a study that have these names, by their cards."""
    found = []
    folders = [models.by_name(models.DEFAULT).folder, *(out / "models" / name for name in sorted(names))]
    for folder in folders:
        try:
            card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        training = card.get("training") or {}
        config = training.get("config") or {}
        found.append(
            {
                "name": folder.name,
                "id": models.Model(folder).id.hex(),
                "kind": card.get("kind", ""),
                "loss": config.get("loss", ""),
                "steps": training.get("steps"),
                "seconds_of_audio": training.get("seconds_of_audio_seen"),
                "training_seconds": training.get("training_seconds"),
            }
        )
    return found


def write(out: Path, methods: Mapping[str, Any]) -> None:
    """Write OUT/study.json."""
    text = json.dumps(methods, indent=1, ensure_ascii=False) + "\n"
    with new_file(out / NAME, force=True) as file:
        file.write(text.encode("utf-8", "replace"))


def machine() -> str:
    """Processors, system, Python and what trains on it, without the machine's name."""
    import torch

    parts = [f"{os.cpu_count()} cores, {platform.machine()}", f"{platform.system()}, Python {sys.version.split()[0]}"]
    parts.append(f"torch {torch.__version__}")
    parts += [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    return "; ".join(parts)
