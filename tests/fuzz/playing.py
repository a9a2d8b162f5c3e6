"""The whole decode with a stub in place of ONNX Runtime: the pipeline's own code on real integers of three models."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from codec.pipeline import decode as decoding
from codec.pipeline import peel as peeling
from codec.pipeline import workers
from codec.pipeline.plan import DecodePlan
from codec.pipeline.workers import Engine
from codec.runtime import cards, models
from formats import Reader
from formats.grid import COEFFICIENTS, SEGMENT
from formats.model import AnyTables
from tests.fuzz import seeds


class StubNetwork:
    """In place of ONNX Runtime: the real one's shapes, and numbers that follow its input, huge ones among them."""

    provider = "stub"

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        quantized = inputs["indices" if "indices" in inputs else "quantized"].astype(np.float32)
        out = np.zeros((*quantized.shape[:2], COEFFICIENTS), np.float32)
        with np.errstate(all="ignore"):  # as ONNX Runtime, which says nothing of an overflow
            width = quantized.shape[2]
            out[..., :width] = quantized * np.float32(2.0) ** (-inputs["gain"][0] / 4)
        return {"coefficients": out}


class StubSessions:
    """In place of `codec.runtime.session.Sessions`: no graph is read."""

    def __init__(self, *_: object, **__: object) -> None:
        self.device = "stub"

    def network(self, *_: object, **__: object) -> StubNetwork:
        return StubNetwork()

    def close(self) -> None:
        """Nothing runs."""


@dataclass(frozen=True)
class StubModel(models.Model):
    """A model whose integers are real and whose networks are not there."""

    def decoder(self, name: str | None = None) -> models.DecoderNetwork:
        noise = np.ones((2, SEGMENT, COEFFICIENTS), np.int8) if self.kind == "ranked" else None
        return models.DecoderNetwork(name or "stub", b"", noise, 8)


def stub_model(name: str, tables: AnyTables) -> models.Model:
    """An installed model of these tables."""
    counts = (16, 32, seeds.PLAIN_LATENTS) if tables.KIND == "plain" else (32, 64, 512)
    tiers = {count: cards.Tier(0, 0.0) for count in counts}
    network = cards.NetworkEntry("", 8)
    model = StubModel(Path(name))
    model.__dict__["tables"] = tables
    model.__dict__["_facts"] = cards.ModelCard(
        tables.bitstream_id(), tables.KIND, "mdct", tiers, counts[-1], network, "stub", {"stub": network}
    )
    return model


_ENGINES: list[Engine] = []
"""The engine that `playing` uses, while `stubs` are in place."""


@contextmanager
def stubs() -> Iterator[None]:
    """The seeds' models installed, and no ONNX Runtime."""
    found = [stub_model(f"stub-{number}", tables) for number, tables in enumerate(seeds.all_tables())]
    with (
        mock.patch.object(models, "_every", lambda kind: iter(found)),
        mock.patch.object(workers, "Sessions", StubSessions),
        Engine() as engine,
    ):
        _ENGINES.append(engine)
        try:
            yield
        finally:
            _ENGINES.remove(engine)


class Counter:
    """A sink that keeps nothing; `write` checks what it is given."""

    clipped = 0

    def __init__(self) -> None:
        self.samples = 0

    def write(self, block: Any) -> None:
        assert block.dtype == np.float32 and block.shape[1] and np.isfinite(block).all()
        self.samples += block.shape[1]


def playing(data: bytes, variant: int | None = None) -> None:
    """The whole decode, from the start or from a second in; or salvaged, or peeled. Within `stubs`."""
    variant = len(data) % 6 if variant is None else variant
    engine = _ENGINES[-1]
    if variant == 5:
        peeling.peel(io.BytesIO(data), io.BytesIO(), 32, engine=engine)
        return
    start, duration = (1.0, None) if variant == 3 else (0.5, 1.0) if variant == 4 else (0.0, None)
    plan = DecodePlan.make(start=start, duration=duration, salvage=variant == 2)
    reader, sink = Reader(io.BytesIO(data)), Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy's would come out on somebody's terminal
        report = decoding.decode(reader, sink, plan, engine=engine)
    assert sink.samples == report.samples
    if variant < 2:
        assert report.samples == reader.samples, "another length than the file says"
