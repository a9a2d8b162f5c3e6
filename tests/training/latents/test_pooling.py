"""Pooled vectors against plain loops."""

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from codec.pipeline.payload import unpack
from codec.runtime import models
from formats import Reader
from formats.grid import BAND_EDGES, HOP, HYPER_MIN
from formats.model.scales import rank_frames
from formats.payload.chunk import ChunkLatents
from formats.payload.side_info import SideInfo
from training.data.excerpts import CodedExcerpts
from training.data.songs import song
from training.latents import pooling


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.1, 0.1, (2, round(44100 * seconds))).astype(np.float32)


def test_a_pooled_vector_is_what_its_parts_are(tiny: SimpleNamespace, tmp_path: Path) -> None:
    model = models.by_name("tiny")
    coded = CodedExcerpts(model, 64, tmp_path)
    samples = song(12.5, seed=5)
    found = pooling.pool(coded(samples), model)
    reader = Reader(coded(samples))
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


def test_silence_is_left_out_of_a_mean(tiny: SimpleNamespace, tmp_path: Path) -> None:
    model = models.by_name("tiny")
    loud = noise(4.0)
    quiet = np.concatenate([loud, np.zeros_like(loud)], 1)
    coded = CodedExcerpts(model, 32, tmp_path)
    found, alone, silent = (pooling.pool(coded(x), model) for x in (quiet, loud, np.zeros_like(loud)))
    np.testing.assert_allclose(found[:48], alone[:48], atol=0.6)
    assert (silent[:48] == HYPER_MIN).all()
    assert not silent[48:].any()


def test_latents_of_plain_models_are_pooled_too() -> None:
    indices = np.random.default_rng(0).integers(-9, 9, (10, 100)).astype(np.int32)
    chunk = ChunkLatents(np.zeros((0, 48), np.int8), indices, SideInfo.empty(10))
    found = pooling._bands(chunk)
    assert found.shape == (10, 48)
    np.testing.assert_allclose(found[:, 0], np.log2(1 + np.abs(indices[:, :2])).mean(1), rtol=1e-5)
    assert np.isfinite(pooling._bands(chunk.peeled(20))).all()
