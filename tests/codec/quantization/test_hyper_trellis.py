"""Trellis quantization against every path there is, and its purpose: latents that do not flicker."""

from itertools import product

import aez
import numpy as np
import pytest

from codec.quantization import hyper_trellis
from codec.runtime import models
from formats.grid import HYPER_MIN, HYPER_SIZE
from formats.model.scales import SEGMENT_VECTORS
from formats.model.tables import BAND_GROUPS, CHANGE_CONTEXTS, HYPER_SYMBOLS, Tables
from formats.payload import hyper_latents
from formats.payload.range_coder import RangeEncoder

FREE = np.zeros((CHANGE_CONTEXTS * BAND_GROUPS, HYPER_SYMBOLS), np.float32)


@pytest.fixture(scope="module")
def shipped() -> Tables:
    """Tables of the shipped model, by name: other tests make the tiny model the default."""
    return models.by_name("music").ranked_tables


@pytest.fixture(scope="module")
def bits(shipped: Tables) -> np.ndarray:
    """The shipped model's code lengths."""
    return hyper_trellis.change_code_lengths(shipped.hyper)


@pytest.fixture(scope="module")
def latents() -> np.ndarray:
    """Two segments and a piece of a third, around a loudness that changes halfway."""
    rng = np.random.default_rng(3)
    loudness = np.where(np.arange(2 * SEGMENT_VECTORS + 5) < 50, -14.0, -9.0)[:, None]
    return (loudness - np.arange(HYPER_SIZE) / 8 + rng.normal(0, 0.7, (len(loudness), HYPER_SIZE))).astype(np.float32)


def coded_bits(vectors: np.ndarray, tables: Tables) -> int:
    """Bits of hyper vectors as the range coder writes them."""
    encoder = RangeEncoder()
    hyper_latents.encode(vectors.astype(np.int8), encoder, tables)
    return 32 * len(encoder.words())


def test_code_lengths_are_those_of_the_tables(shipped: Tables, bits: np.ndarray) -> None:
    assert bits.shape == FREE.shape and bits.dtype == np.float32
    np.testing.assert_allclose(np.exp2(-bits.astype(float)).sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(bits[3, 7], 24 - np.log2(float(shipped.hyper[3, 7])), rtol=1e-6)


def test_it_rounds_where_bits_cost_nothing(latents: np.ndarray) -> None:
    assert np.array_equal(hyper_trellis.trellis_quantize(latents, FREE), np.rint(latents))


def test_no_path_is_better() -> None:
    """All 81 paths of four vectors, in each of the 48 bands."""
    rng = np.random.default_rng(1)
    latents = rng.normal(-12, 1.5, (4, HYPER_SIZE)).astype(np.float32)
    bits = rng.uniform(0, 9, FREE.shape).astype(np.float32)
    found, rounded = hyper_trellis.trellis_quantize(latents, bits), np.rint(latents)
    change = np.diff(rounded, axis=0).astype(np.int64)
    better = 0
    for band in range(HYPER_SIZE):
        rows = hyper_latents.contexts(change, band) * BAND_GROUPS + hyper_latents.group(band)

        def cost(path: np.ndarray, band: int = band, rows: np.ndarray = rows) -> float:
            symbols = (np.diff(path).astype(int) + 32) % HYPER_SYMBOLS
            rate = hyper_trellis.WEIGHTS.ravel()[band] * bits[rows, symbols].sum()
            return float(((path - latents[:, band]) ** 2).sum() + rate)

        paths = [rounded[:, band] + np.array(steps) for steps in product((-1, 0, 1), repeat=4)]
        least = min(map(cost, paths))
        better += least < cost(rounded[:, band]) - 1e-3
        assert cost(found[:, band]) <= least + 1e-3, band
    assert better > 20


def test_it_removes_flicker_and_keeps_changes(latents: np.ndarray, shipped: Tables, bits: np.ndarray) -> None:
    found = hyper_trellis.trellis_quantize(latents, bits)
    assert np.abs(found - np.rint(latents)).max() == 1
    assert np.abs(found - latents).mean() < 0.6
    assert coded_bits(found, shipped) < 0.8 * coded_bits(np.rint(latents), shipped)
    assert (found[60:70].mean(0) - found[30:40].mean(0)).min() > 3.5  # the change of loudness is still there


def test_segments_are_independent(latents: np.ndarray, bits: np.ndarray) -> None:
    whole = hyper_trellis.trellis_quantize(latents, bits)
    starts = range(0, len(latents), SEGMENT_VECTORS)
    parts = [hyper_trellis.trellis_quantize(latents[at : at + SEGMENT_VECTORS], bits) for at in starts]
    assert np.array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize("count", [1, 2, SEGMENT_VECTORS])
def test_any_length_and_any_value_stays_in_range(count: int, bits: np.ndarray) -> None:
    wild = np.random.default_rng(0).normal(0, 60, (count, HYPER_SIZE)).astype(np.float32)
    wild[0, :3] = np.nan, np.inf, -np.inf
    found = hyper_trellis.trellis_quantize(wild, bits)
    assert found.shape == wild.shape
    assert found.min() >= HYPER_MIN + 1 and found.max() <= -HYPER_MIN - 1
    if count == 1:
        assert found[0, :3].tolist() == [31, 31, -31]


def test_enormous_samples_are_encoded_without_a_warning() -> None:
    """As loud as a source may be; warnings are errors here."""
    samples, _ = aez.decode(aez.encode(np.full((2, 5000), 1e6, np.float32), 44100))
    assert samples.shape == (2, 5000) and np.isfinite(samples).all() and np.abs(samples).max() > 1e4
