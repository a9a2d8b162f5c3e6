"""A new decoder beside the one that there is, on the same files: the middle of each test song, by every core."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from codec.pipeline.calls import decode, encode
from codec.runtime.models import Model
from training.data.collection import collection
from training.evaluation.clips import cut_clip
from training.evaluation.pool import clip_pool
from training.metrics.clip import quick_metrics

SHIPPED = Path(__file__).parents[2] / "models" / "music"
SECONDS = 8.0
LATENTS = (128, 512)
"""Tiers that are compared."""

Found = dict[str, dict[str, float]]
"""Metrics by decoder and latent count."""


def export(checkpoint: Path, name: str, folder: Path) -> int:
    """A copy of the shipped model with the checkpoint's decoder beside its own; the exit code."""
    from training.ranked import export as ranked_export

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SHIPPED, folder)
    return ranked_export.main(["--checkpoint", str(checkpoint), "--decoder", name, "--out", str(folder)])


def measure(folder: Path, music: Path, jobs: int, target: Path) -> None:
    """Write the means of all metrics by decoder and latent count, and every clip's."""
    songs = [track.path for track in collection(music) if track.split == "test" and track.path.is_file()]
    wavs = target.parent.parent / "clips"
    wavs.mkdir(exist_ok=True)
    with clip_pool(jobs) as pool:
        found = list(pool.map(_clip, songs, [folder] * len(songs), [wavs] * len(songs)))
    means = {key: _means([one[key] for one in found]) for key in (found[0] if found else ())}
    written: dict[str, Any] = {"clips": len(found), "means": means, "each": found}
    target.write_text(json.dumps(written, indent=1), encoding="utf-8")
    print(json.dumps(means, indent=1))


def _clip(song: Path, folder: Path, wavs: Path) -> Found:
    """One song through all decoders, in a process of its own."""
    import soundfile

    wav = wavs / f"{song.stem}.wav"
    cut_clip(song, SECONDS, wav)
    samples, rate = soundfile.read(str(wav), dtype="float32", always_2d=True)
    found: Found = {}
    for latent in LATENTS:
        data = encode(samples.T, rate, model=str(folder), latent=latent, device="cpu")
        for name in Model(folder).decoder_names:
            again, _ = decode(data, model=str(folder), decoder=name, device="cpu")
            metrics = quick_metrics(np.ascontiguousarray(samples.T), again)
            found[f"{name} {latent}"] = {**metrics, "kbps": len(data) / 125 / (len(samples) / rate)}
    return found


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: round(float(np.nanmean([row[key] for row in rows])), 4) for key in (rows[0] if rows else ())}
