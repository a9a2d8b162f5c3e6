"""Golden files: python -m training golden writes those that shipped models still lack into tests/golden, no others.

For every model and coder a short file of synthesized music, v<format version>-<model>-<coder>.aez, and beside it what
it must decode to for ever: the digest of its integers (.json), and every STRIDE-th sample of its audio (.npy, 16 bit).
Files that exist are never written again; a model that is not listed in `codec/runtime/hashes.py` is listed first.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.api.calls import ArraySink
from codec.audio.source import ArraySource
from codec.pipeline import decode as decoding
from codec.pipeline import encode as encoding
from codec.pipeline.payload import unpack
from codec.runtime import models
from formats import Metadata, Reader
from formats.container.layout import VERSION
from formats.grid import FAST_RISE, SEGMENT
from training.data.songs import song
from training.ship.pin import pin

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"

SOURCES = {"range": (44_100, 2), "zstd": (48_000, 1)}
"""Sample rate and channels of the file of each coder."""

SECONDS = 3.0

STRIDE = 29
"""Samples from one that is kept to the next: coprime to a frame, so that all places in a frame have their turn."""

TOLERANCE = 1e-3
"""Full scales, -60 dB, by which audio may differ: ONNX Runtime's versions and devices do not add in the same order."""


def shipped() -> list[Path]:
    """Folders of the models that come with the package."""
    return sorted(card.parent for card in (ROOT / "models").glob("*/model.json"))


def integers(data: bytes, model: models.Model) -> str:
    """SHA-256 over all integers of a file, chunk by chunk, as int64 [.] each: hyper and main latents and silence.

    Attacks and turns, long blocks, and how attacks rise count where a chunk has any: files of older format versions
    have none.
    """
    reader, digest = Reader(BytesIO(data)), hashlib.sha256()
    for chunk in reader:
        latents = unpack(reader.header, chunk, model)
        slow = (latents.attacks[:, 3] != FAST_RISE).any()
        attacks = latents.attacks if slow else latents.attacks[:, :3]
        tools = (attacks, latents.turns) if len(attacks) or latents.turns.any() else ()
        long = (latents.long,) if latents.long.any() else ()
        for array in (latents.hyper, latents.main, latents.silence, *tools, *long):
            digest.update(f"{array.shape}".encode() + array.astype("<i8").tobytes())
    return digest.hexdigest()


def audio(data: bytes, model: models.Model) -> NDArray[np.float32]:
    """Every STRIDE-th sample of the decoded audio, [C, n]."""
    sink = ArraySink()
    decoding.decode(BytesIO(data), sink, model=str(model.folder), device="cpu")
    return np.concatenate(sink.blocks, 1)[:, ::STRIDE]


def name(model: models.Model, coder: str) -> str:
    """Name of a model's golden file, without extension."""
    return f"v{VERSION}-{model.name}-{coder}"


def make(model: models.Model, coder: str, target: Path) -> bool:
    """Write one golden file and what it decodes to; False where there is one already."""
    stem = target / name(model, coder)
    if stem.with_suffix(".aez").exists():
        return False
    rate, channels = SOURCES[coder]
    samples = song(SECONDS, rate, channels, seed=11)
    samples[:, rate : rate + rate // 4] = 0  # a stretch of silence, which the file lists
    samples[:, 2 * rate : 2 * rate + rate // 4] *= 0.002  # what comes after it is an attack out of quiet
    t = np.arange(samples.shape[1], dtype=np.float32) / rate
    samples[0, rate // 2 : rate] += 0.2 * np.sin(2 * np.pi * 5000 * t[rate // 2 : rate])  # a band on the far left
    source, out = ArraySource(samples, rate, Metadata({"title": "golden"})), BytesIO()
    encoding.encode(source, out, coder=coder, model=str(model.folder), chunk_frames=SEGMENT, device="cpu")
    data = out.getvalue()
    facts = {
        "format_version": VERSION,
        "model": model.name,
        "model_id": model.id.hex(),
        "integers_sha256": integers(data, model),
        "samples": samples.shape[1],
    }
    np.save(stem.with_suffix(".npy"), np.round(audio(data, model) * 16384).astype(np.int16))
    stem.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    stem.with_suffix(".aez").write_bytes(data)
    return True


def main() -> None:
    """Write what is missing."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    pin(shipped())
    GOLDEN.mkdir(exist_ok=True)
    for folder in shipped():
        for coder in SOURCES:
            model = models.Model(folder)
            print(name(model, coder), "written" if make(model, coder, GOLDEN) else "kept")


if __name__ == "__main__":
    main()
