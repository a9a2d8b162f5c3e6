"""Golden files: what shipped models decode to, for every later version of the codec.

`python -m training golden` writes those that models lack into tests/golden:

    <model>-<coder>.aez              3 seconds of synthesized music, encoded
    <model>-<coder>.json             its facts, among them the digest of its integers
    <model>-<coder>-<decoder>.npy    every STRIDE-th sample that this decoder makes of it, in units of 1 / SCALE

The integers of a file must come out bit for bit; audio may differ by TOLERANCE. Files that are there are never written
again unless --replace is given, which a model needs that was trained anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.pipeline.payload import unpack
from codec.runtime import trust
from codec.runtime.models import Model
from formats import Metadata, Reader
from formats.container.layout import VERSION
from formats.grid import SEGMENT
from training.data.songs import song
from training.ship.coding import decoded, encoded
from training.ship.pin import MODELS

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"

SOURCES = {"range": (44_100, 2), "zstd": (48_000, 1)}
"""Sample rate and channels of the file of each coder."""

SECONDS = 3.0

STRIDE = 29
"""Samples from one that is kept to the next: coprime to a frame, so that every position in a frame occurs."""

SCALE = 1 << 14
"""Units of full scale in which samples are kept, as 16-bit integers."""

TOLERANCE = 1e-3
"""Of full scale, -60 dB: ONNX Runtime's versions and devices do not add in the same order."""


def shipped() -> list[Model]:
    """The models that come with the package or the clone; not one's own in the same folder."""
    return [Model(card.parent) for card in sorted(MODELS.glob(f"*/{Model.CARD}")) if trust.lists(card.parent.name)]


def digest(data: bytes, model: Model) -> str:
    """SHA-256 over all integers of a file, in hexadecimal digits.

    Chunk by chunk it covers the hyper latents, the quantization indices and every field of the side information: the
    shape of each as text, and its values as little-endian int64.
    """
    reader, state = Reader(BytesIO(data)), hashlib.sha256()
    for chunk in reader:
        latents = unpack(reader.header, chunk, model)
        for array in (latents.hyper, latents.indices, *latents.side_info):
            state.update(f"{array.shape}".encode() + array.astype("<i8").tobytes())
    return state.hexdigest()


def audio(data: bytes, model: Model, decoder: str) -> NDArray[np.float32]:
    """Every STRIDE-th sample of the decoded audio, [C, n]."""
    return decoded(data, model, decoder)[:, ::STRIDE]


def source(coder: str) -> NDArray[np.float32]:
    """The music of a coder's file, [C, N]; between them the files have every kind of side information."""
    rate, channels = SOURCES[coder]
    samples = song(SECONDS, rate, channels, seed=11)
    samples[:, rate : rate + rate // 4] = 0  # digital silence, which the file lists
    samples[:, 2 * rate : 2 * rate + rate // 4] *= 0.002  # quiet before a transient, which gain control raises
    t = np.arange(rate // 2, rate, dtype=np.float32) / rate
    samples[0, rate // 2 : rate] += 0.2 * np.sin(2 * np.pi * 5000 * t)  # a band on the far left, which is rotated
    return samples


def write(model: Model, coder: str, target: Path, *, replace: bool = False) -> list[str]:
    """Write the golden files that a model lacks for a coder; returns their names.

    Args:
        model: which is called as the files are.
        coder: a key of SOURCES.
        target: folder of the files.
        replace: write the audio of all decoders anew, and the file itself where it has another bitstream definition.

    Raises:
        SystemExit: the file has another bitstream definition, and `replace` is False.
    """
    stem, names = target / f"{model.name}-{coder}", []
    facts = stem.with_suffix(".json")
    if facts.exists() and json.loads(facts.read_text())["bitstream"] != model.id.hex():
        if not replace:
            raise SystemExit(f"{stem.name} is of another bitstream definition: give --replace to write it anew")
        for old in target.glob(f"{stem.name}[-.]*"):
            old.unlink()
    if not facts.exists():
        rate = SOURCES[coder][0]
        samples = source(coder)
        data = encoded(model, samples, rate, Metadata({"TITLE": ("golden",)}), coder=coder, chunk_frames=SEGMENT)
        told = {
            "format_version": VERSION,
            "model": model.name,
            "bitstream": model.id.hex(),
            "integers_sha256": digest(data, model),
            "samples": samples.shape[1],
        }
        stem.with_suffix(".aez").write_bytes(data)
        facts.write_text(json.dumps(told, indent=1) + "\n")
        names = [f"{stem.name}.aez", facts.name]
    for decoder in model.decoder_names:
        kept = target / f"{stem.name}-{decoder}.npy"
        if replace or not kept.exists():
            samples = audio(stem.with_suffix(".aez").read_bytes(), model, decoder)
            np.save(kept, np.round(samples * SCALE).astype(np.int16), allow_pickle=False)
            names.append(kept.name)
    return names


def write_all(models: list[Model], target: Path = GOLDEN, *, replace: bool = False) -> None:
    """Write what is missing, and say so."""
    target.mkdir(exist_ok=True)
    for model in models:
        for coder in SOURCES:
            names = write(model, coder, target, replace=replace)
            print(f"{model.name}-{coder}: {', '.join(names) or 'nothing new'}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training golden", description="Write missing golden files.")
    p.add_argument("--replace", action="store_true", help="write files of another bitstream, and all audio, anew")
    write_all(shipped(), replace=p.parse_args(arguments).replace)
    return 0


if __name__ == "__main__":
    sys.exit(main())
