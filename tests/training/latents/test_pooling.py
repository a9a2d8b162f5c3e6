"""Pooled vectors against plain loops."""

from io import BytesIO
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from codec.pipeline.payload import unpack
from codec.runtime import models
from formats import Reader
from formats.grid import BAND_EDGES, HOP, HYPER_MIN
from formats.model.scales import rank_frames
from formats.payload.chunk import ChunkLatents
from formats.payload.side_info import SideInfo
from training.data.songs import song
from training.latents import pooling


def noise(seconds: float) -> np.ndarray:
    return (np.random.default_rng(0).uniform(-0.1, 0.1, (2, round(44100 * seconds))) * 32767).astype(np.int16)


def test_a_pooled_vector_is_what_its_parts_are(tiny: SimpleNamespace) -> None:
    model = models.by_name("tiny")
    data = pooling.coded((song(12.5, seed=5) * 32767).astype(np.int16), model, 64)
    found = pooling.pool(data, model)
    reader = Reader(BytesIO(data))
    hyper, bands = [], []
    for chunk in reader:
        parts = unpack(reader.header, chunk, model)
        hyper.append(parts.hyper)
        frames, main = parts.indices.shape
        ranked = rank_frames(parts.hyper, frames, main, reader.header.gain, model.ranked_tables)
        for values, positions in zip(parts.indices, ranked.position, strict=True):
            frame = np.zeros(1400)
            frame[positions] = np.log2(1 + np.abs(values))
            both = (frame[:HOP], frame[HOP:])
            bands.append([side[a:b].mean() for side in both for a, b in pairwise(BAND_EDGES)])
    envelope = np.concatenate(hyper).astype(np.float64)
    assert (envelope > HYPER_MIN).any(1).all()
    expected = np.concatenate([envelope.mean(0), envelope.std(0), np.mean(bands, 0), np.std(bands, 0)])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_silence_is_left_out_of_a_mean(tiny: SimpleNamespace) -> None:
    model = models.by_name("tiny")
    loud = noise(4.0)
    quiet = np.concatenate([loud, np.zeros_like(loud)], 1)
    found, alone = (pooling.pool(pooling.coded(x, model, 32), model) for x in (quiet, loud))
    np.testing.assert_allclose(found[:48], alone[:48], atol=0.6)
    silent = pooling.pool(pooling.coded(np.zeros_like(loud), model, 32), model)
    assert (silent[:48] == HYPER_MIN).all()
    assert not silent[48:].any()


def test_latents_of_plain_models_are_pooled_too() -> None:
    indices = np.random.default_rng(0).integers(-9, 9, (10, 100)).astype(np.int32)
    chunk = ChunkLatents(np.zeros((0, 48), np.int8), indices, SideInfo.empty(10))
    found = pooling._bands(chunk)
    assert found.shape == (10, 48)
    np.testing.assert_allclose(found[:, 0], np.log2(1 + np.abs(indices[:, :2])).mean(1), rtol=1e-5)
    assert np.isfinite(pooling._bands(chunk.peeled(20))).all()


def test_excerpts_come_from_the_middle() -> None:
    x = np.arange(2 * 44100 * 10, dtype=np.int64).reshape(2, -1)
    assert pooling.excerpt(x, 20).shape == x.shape
    part = pooling.excerpt(x, 2)
    assert part.shape == (2, 88200)
    assert part[0, 0] == 4 * 44100
