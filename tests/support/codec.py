"""Encoding and decoding in memory with the test models."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from formats.model.tables import Tables
from tests.support import MODELS

Array = NDArray[np.float32]


def tables_of(name: str) -> Tables:
    """Tables of a ranked test model."""
    return Tables.from_bytes((MODELS / name / "tables.npz").read_bytes())


class Sink:
    """Keeps what `decode` writes."""

    clipped = 0

    def __init__(self) -> None:
        self.blocks: list[Array] = []

    def write(self, block: Array) -> None:
        assert block.dtype == np.float32
        self.blocks.append(block.copy())


def encode_into(source: Any, target: Any, *, device: str = "auto", progress: Any = None, **options: Any) -> Any:
    """An `AudioSource` into a file object, by the options of `EncodePlan.make` -> the report."""
    from codec.pipeline.encode import encode
    from codec.pipeline.plan import EncodePlan
    from codec.pipeline.workers import Engine

    with Engine(device) as engine:
        return encode(source, target, EncodePlan.make(**options), engine=engine, progress=progress)


def decode_into(source: Any, sink: Any, *, device: str = "auto", progress: Any = None, **options: Any) -> Any:
    """An .aez file (bytes or a file object) into a sink, by the options of `DecodePlan.make` -> the report."""
    from codec.pipeline.decode import decode
    from codec.pipeline.plan import DecodePlan
    from codec.pipeline.workers import Engine

    opened = BytesIO(source) if isinstance(source, bytes) else source
    with Engine(device) as engine:
        return decode(opened, sink, DecodePlan.make(**options), engine=engine, progress=progress)


def encoded(samples: Array, rate: int = 44100, **options: Any) -> bytes:
    """Samples [C, N] -> an .aez file."""
    from codec.audio.source import ArraySource

    out = BytesIO()
    report = encode_into(ArraySource(samples, rate), out, **options)
    assert report.coded_bytes == len(out.getvalue())
    assert report.samples == samples.shape[1]
    return out.getvalue()


def decoded(data: Any, **options: Any) -> Array:
    """An .aez file (bytes or a file object) -> samples [C, N]."""
    sink = Sink()
    report = decode_into(data, sink, **options)
    wave = np.concatenate([np.zeros((report.channels, 0), np.float32), *sink.blocks], 1)
    assert report.samples == wave.shape[1]
    return wave


class Counted(BytesIO):
    """Counts the bytes that were read of it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data
