"""A song as one vector: its latents, as a file of the codec holds them, pooled over time.

A pooled vector has 192 numbers, in this order:

- hyper latents (48: 24 bands of mid, 24 of side), mean and standard deviation over time, in half octaves of band RMS;
  vectors of digital silence are left out. They describe the loudness of each band and how much it varies.
- quantization indices q, put back at their coefficients and pooled in the same 48 bands: log2(1 + |q|), 0 where nothing
  was sent, mean over a band's coefficients; of that again mean and standard deviation over time. They describe how the
  energy is distributed inside a band: few large values are tones, many small ones are noise.

For a plain model it has 96: log2(1 + |q|) over 48 runs of neighbouring latents, mean and standard deviation.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.pipeline.payload import unpack
from codec.pipeline.workers import WORKERS, Engine
from codec.quantization.quantize import scatter_indices
from codec.runtime.models import Model
from formats import Reader
from formats.grid import BAND_EDGES, BANDS, HOP, HYPER_MIN, HYPER_SIZE
from formats.payload.chunk import ChunkLatents
from training.data.excerpts import CodedExcerpts, excerpt
from training.data.features import stored
from training.data.shards import Shards

VERSION = 2
"""Version of pooled vectors; cached ones of another version are ignored."""


def pooled(
    shards: Shards,
    model: Model,
    latent: int,
    seconds: float,
    cache: Path,
    progress: Callable[[float | None], None] | None = None,
) -> Float:
    """Pooled vectors of all songs [n, 192], of at most `seconds` from each one's middle; computed once, then cached.

    Raises:
        ModelError: a part of the model is missing; UsageError: it has no such tier; OSError: the cache.
    """

    def one(number: int) -> Float:
        samples = excerpt(shards[number], seconds)
        path = cache / "pooled" / f"{VERSION}-{coded.key(samples)}.npy"
        return stored([path], lambda: [pool(coded(samples), model)], np.float32)[0]

    out = []
    with Engine() as engine, ThreadPoolExecutor(WORKERS) as threads:
        coded = CodedExcerpts(model, latent, cache, engine)
        for vector in threads.map(one, range(len(shards))):
            out.append(vector)
            if progress:
                progress(len(out) / len(shards))
    return np.stack(out)


def pool(file: BinaryIO, model: Model) -> Float:
    """Pooled vector of an .aez file, as described above.

    Shape:
        [192], or [96] for a plain model.
    """
    reader = Reader(file)
    chunks = [unpack(reader.header, chunk, model) for chunk in reader]
    main = np.concatenate([_bands(chunk) for chunk in chunks])
    parts = [main.mean(0), main.std(0)]
    hyper = np.concatenate([chunk.hyper for chunk in chunks])
    if len(hyper):
        parts = [*_envelope(hyper), *parts]
    return np.concatenate(parts).astype(np.float32)


def _envelope(hyper: NDArray[np.int8]) -> tuple[Float, Float]:
    """Mean and standard deviation over time of [G, 48] -> [48] each; -32 and 0 for a channel that is always silent."""
    audible = np.repeat((hyper.reshape(-1, 2, BANDS) != HYPER_MIN).any(2), BANDS, axis=1)
    count = np.maximum(audible.sum(0), 1)
    mean = (hyper * audible).sum(0) / count
    deviation = np.sqrt((np.square(hyper - mean) * audible).sum(0) / count)
    return np.where(audible.any(0), mean, HYPER_MIN).astype(np.float32), deviation.astype(np.float32)


def _bands(chunk: ChunkLatents) -> Float:
    """log2(1 + |q|) of each frame, mean over 48 bands: [F, 48]."""
    if chunk.ranked is not None:
        values = scatter_indices(chunk.indices, chunk.ranked.position)[0]
        edges = np.concatenate([BAND_EDGES[:-1], HOP + np.array(BAND_EDGES)])
    else:
        values = chunk.indices.astype(np.float32)
        edges = np.linspace(0, chunk.indices.shape[1], HYPER_SIZE + 1).astype(np.int64)
    size = np.log2(1 + np.abs(values))
    # A cumulative sum instead of reduceat, because runs are empty where a model has fewer latents than bands.
    total = np.concatenate([np.zeros((len(size), 1)), np.cumsum(size, 1, dtype=np.float64)], 1)[:, edges]
    return np.asarray(np.diff(total, axis=1) / np.maximum(np.diff(edges), 1), np.float32)
