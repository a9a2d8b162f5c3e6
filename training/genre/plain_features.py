"""Features of files of any model, so that models without hyper latents can be asked for genre as well.

Ranked models give `codec.inspection.genre.features`. Of plain models the features are the logarithms of the magnitudes
of latents, mean over three frames, in at most 192 runs of neighbouring latents.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.inspection.genre import features
from codec.pipeline.payload import unpack
from codec.pipeline.workers import Engine
from codec.runtime.models import Model
from formats import Reader
from formats.grid import HYPER_FRAMES
from formats.payload.chunk import ChunkLatents
from training.data.excerpts import CodedExcerpts

VERSION = 2
"""Version of these features; cached ones of another version are ignored."""

RUNS = 192
"""Most numbers of a plain model's feature vector."""


class FileFeatures:
    """From songs to features of their .aez files, by one model at its default tier; for several threads.

    Attributes:
        folder: of the cache for features of this kind.
    """

    def __init__(self, model: Model, engine: Engine, cache: Path) -> None:
        self._model, self._coded = model, CodedExcerpts(model, None, cache, engine)
        self.folder = cache / f"genre-file-{VERSION}-{self._coded.made}"

    def __call__(self, samples: Float) -> Float:
        """Left and right [2, N] at 44.1 kHz -> [G, D], a vector for every three frames."""
        reader = Reader(self._coded(samples))
        return np.concatenate([self._chunk(unpack(reader.header, chunk, self._model)) for chunk in reader])

    def _chunk(self, latents: ChunkLatents) -> Float:
        if latents.ranked is not None:
            return features(latents, self._coded.plan.gain, self._model.ranked_tables)
        return pooled(latents.indices)


def pooled(indices: NDArray[np.int32]) -> Float:
    """log2(1 + |q|), mean over three frames and runs of neighbouring latents: [F, L] -> [ceil(F / 3), D <= 192]."""
    size = np.log2(1 + np.abs(indices).astype(np.float32))
    size = np.pad(size, ((0, -len(size) % HYPER_FRAMES), (0, 0)), "edge")
    size = size.reshape(-1, HYPER_FRAMES, size.shape[1]).mean(1)
    edges = np.unique(np.linspace(0, size.shape[1], min(RUNS, size.shape[1]) + 1).astype(np.int64))
    return np.asarray(np.add.reduceat(size, edges[:-1], 1) / np.diff(edges).astype(np.float32), np.float32)
