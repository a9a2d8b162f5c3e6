"""The middle of songs, as samples and as .aez files: what genre, maps and nearest songs are made from.

Files are made once for each model, tier and excerpt, and kept in CACHE/coded, so that steps of the study that ask the
same of the same music do not encode it twice. 30 s at 128 latents take about 60 KB.
"""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codec.audio.source import ArraySource
from codec.dsp.mdct import Float
from codec.files import new_file
from codec.pipeline.encode import encode
from codec.pipeline.plan import EncodePlan
from codec.pipeline.workers import Engine
from codec.runtime.models import Model
from codec.version import __version__
from formats.container.layout import VERSION
from formats.grid import SAMPLE_RATE
from training.data.shards import scaled

SECONDS = 30
"""Seconds that are used of a song, as many as FMA's clips have."""


def excerpt(song: NDArray[np.int16], seconds: float = SECONDS) -> Float:
    """At most `seconds` from the middle of a clip of `training.data.shards`: int16 [2, N] -> float32 in [-1, 1]."""
    count = min(song.shape[1], round(seconds * SAMPLE_RATE))
    start = (song.shape[1] - count) // 2
    return scaled(song[:, start : start + count])


class CodedExcerpts:
    """.aez files of excerpts by one model at one tier, from the cache or into it; for several threads.

    Attributes:
        plan: how they are encoded.
        made: what tells them from the files of another model, encoder or tier.
    """

    def __init__(self, model: Model, latent: int | None, cache: Path, engine: Engine | None = None) -> None:
        self.plan = EncodePlan.make(latent=latent, model=model)
        tier = f"{self.plan.latent}.{self.plan.gain}"
        self.made = f"{__version__}-{VERSION}-{model.id.hex()}-{model.encoder_sha256[:12]}-{tier}"
        self._folder, self._engine = cache / "coded", engine

    def key(self, samples: Float) -> str:
        """What the file of these samples [2, N], and all that is computed from it, is known by."""
        return hashlib.sha256(self.made.encode() + np.ascontiguousarray(samples).tobytes()).hexdigest()[:32]

    def __call__(self, samples: Float) -> BytesIO:
        """Samples [2, N] at 44.1 kHz -> the file, to be read from its beginning."""
        kept = self._folder / f"{self.key(samples)}.aez"
        if kept.is_file():
            return BytesIO(kept.read_bytes())
        made = BytesIO()
        with ArraySource(samples, SAMPLE_RATE) as source:
            encode(source, made, self.plan, engine=self._engine)
        self._folder.mkdir(parents=True, exist_ok=True)
        with new_file(kept, force=True) as file:  # complete or not there, whenever this is stopped
            file.write(made.getvalue())
        made.seek(0)
        return made
