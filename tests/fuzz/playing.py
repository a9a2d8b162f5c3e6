"""The whole decode with a stub in place of ONNX Runtime: the pipeline's own code on real integers of three models."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from codec import decoding, mixed, peeling, synthesis, weights
from formats.container import Reader
from formats.grid import COEFFICIENTS
from formats.tables import Tables
from fuzz import seeds


class StubNetwork:
    """In place of ONNX Runtime: the real one's shapes, and numbers that follow its input, huge ones among them."""

    provider = "stub"

    def __init__(self, graph: bytes, inputs: set[str], device: str = "auto", threads: int = 1) -> None:
        self._scale = np.float32(1)

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        quantized = inputs["quantized"]
        out = np.zeros((*quantized.shape[:2], COEFFICIENTS), np.float32)
        with np.errstate(all="ignore"):  # as ONNX Runtime, which says nothing of an overflow
            width = quantized.shape[2]
            out[..., :width] = quantized * np.float32(2.0) ** (-inputs["gain"][0] / 4)
        return {"coefficients": out}


class StubModel(weights.Model):
    """A model whose integers are real and whose network is not read."""

    @property
    def decoder(self) -> bytes:  # type: ignore[override]
        return b""


def models() -> list[weights.Model]:
    """The three models of the seeds."""
    found = []
    for number, tables in seeds.all_tables().items():
        kind = "ranked" if isinstance(tables, Tables) else "mixed"
        counts = (16, 32, 40) if kind == "mixed" else (32, 64, 512)
        tiers = {str(count): {"gain": 0, "from_kbps": 0} for count in counts}
        model = StubModel(Path(f"stub-{number[0]}"))
        card = {"id": number.hex(), "kind": kind, "transform": "mdct", "tiers": tiers, "reach": {"decoder": 8}}
        model.__dict__.update(card=card, integers=tables)
        found.append(model)
    return found


@contextmanager
def stubs() -> Iterator[None]:
    """The seeds' models installed, and no ONNX Runtime."""
    found = models()
    with (
        mock.patch.object(weights, "installed", lambda: found),
        mock.patch.object(synthesis, "Network", StubNetwork),
        mock.patch.object(mixed, "Network", StubNetwork),
    ):
        yield


class Counter:
    """A sink that keeps nothing; `write` checks what it is given."""

    clipped = 0

    def __init__(self) -> None:
        self.samples = 0

    def write(self, block: Any) -> None:
        assert block.dtype == np.float32 and block.shape[1]
        self.samples += block.shape[1]


def playing(data: bytes) -> None:
    """The whole decode, from the start or from a second in; then the file peeled. Within `stubs`."""
    reader = Reader(io.BytesIO(data))
    start, duration = [(0.0, None), (0.0, None), (1.0, None), (0.5, 1.0)][len(data) % 4]
    sink = Counter()
    report = decoding.decode(reader, sink, start=start, duration=duration)
    assert sink.samples == report.samples
    if duration is None and not start:
        assert report.samples == reader.samples, "another length than the file says"
    if len(data) % 3 == 0:
        peeling.peel(io.BytesIO(data), io.BytesIO(), 32)
