"""Arrays through a model folder and back, for the golden files and the quality floors: always on the CPU."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.audio.source import ArraySource
from codec.pipeline.decode import decode
from codec.pipeline.encode import encode
from codec.pipeline.plan import DecodePlan, EncodePlan
from codec.pipeline.workers import Engine
from codec.runtime.models import Model
from formats import Metadata

Float = NDArray[np.float32]


class ArraySink:
    """Keeps the blocks that `decode` writes."""

    clipped = 0

    def __init__(self) -> None:
        self.blocks: list[Float] = []

    def write(self, block: Float) -> None:
        """Take the next samples [C, N]."""
        self.blocks.append(block.copy())


def encoded(model: Model, samples: Float, rate: int, tags: Metadata | None = None, **options: Any) -> bytes:
    """Samples [C, N] -> an .aez file; `options` are those of `EncodePlan.make`."""
    out = BytesIO()
    with ArraySource(samples, rate, tags) as source, Engine("cpu") as engine:
        encode(source, out, EncodePlan.make(model=str(model.folder), **options), engine=engine)
    return out.getvalue()


def decoded(data: bytes, model: Model, decoder: str) -> Float:
    """An .aez file -> samples [C, N], by the decoder of this name."""
    sink = ArraySink()
    with Engine("cpu") as engine:
        decode(BytesIO(data), sink, DecodePlan.make(model=str(model.folder), decoder=decoder), engine=engine)
    return np.concatenate(sink.blocks, 1)
