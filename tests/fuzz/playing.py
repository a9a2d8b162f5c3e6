"""The whole decode with a stub in place of ONNX Runtime: the pipeline's own code on real integers of four models."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from codec.pipeline import decode as decoding
from codec.pipeline import peel as peeling
from codec.pipeline import plain, ranked_decoder
from codec.runtime import models
from formats import Reader
from formats.grid import COEFFICIENTS
from formats.model.tables import Tables
from tests.fuzz import seeds


class StubNetwork:
    """In place of ONNX Runtime: the real one's shapes, and numbers that follow its input, huge ones among them."""

    provider = "stub"

    def __init__(self, *_: object, **options: object) -> None:
        self._scale = np.float32(1)

    def __call__(self, **inputs: Any) -> dict[str, Any]:
        quantized = inputs["quantized"]
        out = np.zeros((*quantized.shape[:2], COEFFICIENTS), np.float32)
        with np.errstate(all="ignore"):  # as ONNX Runtime, which says nothing of an overflow
            width = quantized.shape[2]
            out[..., :width] = quantized * np.float32(2.0) ** (-inputs["gain"][0] / 4)
        return {"coefficients": out}


class StubModel(models.Model):
    """A model whose integers are real and whose network is not read."""

    @property
    def decoder(self) -> bytes:  # type: ignore[override]
        return b""


def stub_models() -> list[models.Model]:
    """The four models of the seeds."""
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
    found = stub_models()
    with (
        mock.patch.object(models, "installed", lambda: found),
        mock.patch.object(ranked_decoder, "Network", StubNetwork),
        mock.patch.object(plain, "Network", StubNetwork),
    ):
        yield


class Counter:
    """A sink that keeps nothing; `write` checks what it is given."""

    clipped = 0

    def __init__(self) -> None:
        self.samples = 0

    def write(self, block: Any) -> None:
        assert block.dtype == np.float32 and block.shape[1] and np.isfinite(block).all()
        self.samples += block.shape[1]


def playing(data: bytes, turn: int | None = None) -> None:
    """The whole decode, from the start or from a second in; or salvaged, or peeled. Within `stubs`."""
    turn = len(data) % 6 if turn is None else turn
    if turn == 5:
        peeling.peel(io.BytesIO(data), io.BytesIO(), 32)
        return
    start, duration = (1.0, None) if turn == 3 else (0.5, 1.0) if turn == 4 else (0.0, None)
    reader, sink = Reader(io.BytesIO(data)), Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # NumPy's would come out on somebody's terminal
        report = decoding.decode(reader, sink, start=start, duration=duration, salvage=turn == 2)
    assert sink.samples == report.samples
    if turn < 2:
        assert report.samples == reader.samples, "another length than the file says"
