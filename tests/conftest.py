"""What several test files share: audio made of nothing, the tiny model, and encoding and decoding in memory."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from formats.grid import CHUNK, SEGMENT
from formats.tables import Tables
from training.synthesize import song

MODELS = Path(__file__).parent / "models"
Array = NDArray[np.float32]


@pytest.fixture(scope="session")
def music() -> Array:
    """25 s of stereo at 44.1 kHz, [2, N]: chords, drums, hiss, panned. Do not write to it."""
    x = song(25.0, seed=3)
    x.flags.writeable = False
    return x


@pytest.fixture(scope="session")
def held() -> Array:
    """12 s of stereo at 44.1 kHz, [2, N]: held notes, hiss and a few hits: mostly long blocks. Do not write to it."""
    t = np.arange(12 * 44100) / 44100
    left, right = (
        sum(np.sin(2 * np.pi * 110 * 2 ** (note / 12) * k * t + k) / k for note in notes for k in range(1, 9))
        for notes in ((0, 7, 12), (4, 7, 16))
    )
    rng = np.random.default_rng(4)
    x = (0.05 * np.stack([left, right]) + 0.001 * rng.standard_normal((2, len(t)))).astype(np.float32)
    for second in (1.2, 5.1, 9.0):
        x[:, round(second * 44100) :][:, :2000] += 0.3 * rng.standard_normal(2000) * np.exp(-np.arange(2000) / 300)
    x.flags.writeable = False
    return x


def tables_of(name: str) -> Tables:
    """Tables of a ranked test model: tiny's have loudness, those of tiny2 are as version 2 had them."""
    return Tables.from_bytes((MODELS / name / "tables.npz").read_bytes())


@pytest.fixture(scope="session")
def tables() -> Tables:
    """Tables of the tiny model."""
    return tables_of("tiny")


@pytest.fixture(scope="session")
def tiny() -> Iterator[SimpleNamespace]:
    """The tiny model installed and taken by default, for the session; `folder` is where it lies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AEZ_MODELS", str(MODELS))
        patch.setattr("codec.weights.DEFAULT", "tiny")
        yield SimpleNamespace(folder=MODELS / "tiny")


class Sink:
    """Keeps what `decode` writes."""

    clipped = 0

    def __init__(self) -> None:
        self.blocks: list[Array] = []

    def write(self, block: Array) -> None:
        assert block.dtype == np.float32
        self.blocks.append(block.copy())


def encoded(samples: Array, rate: int = 44100, **options: Any) -> bytes:
    """Samples [C, N] -> an .aez file."""
    from codec.audio import ArraySource
    from codec.pipeline import encode

    out = BytesIO()
    report = encode(ArraySource(samples, rate), out, **options)
    assert report.coded_bytes == len(out.getvalue())
    assert report.samples == samples.shape[1]
    return out.getvalue()


def decoded(data: Any, **options: Any) -> Array:
    """An .aez file (bytes or a file object) -> samples [C, N]."""
    from codec.pipeline import decode

    sink = Sink()
    report = decode(BytesIO(data) if isinstance(data, bytes) else data, sink, **options)  # type: ignore[arg-type]
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


@pytest.fixture(scope="session")
def files(tiny: SimpleNamespace, music: Array) -> dict[tuple[int, int], bytes]:
    """25 s of music by rate and chunk length."""
    other = song(25.0, rate=48000, seed=3)
    return {
        (44100, SEGMENT): encoded(music, chunk_frames=SEGMENT, latent=64),
        (44100, CHUNK): encoded(music, latent=64),
        (48000, SEGMENT): encoded(other, 48000, chunk_frames=SEGMENT, latent=64),
    }
