"""Trellis quantization against every path there is, and what it is for: latents that flicker hold still."""

from itertools import product

import aez
import numpy as np
import pytest

from codec.quantization import hyper_trellis
from codec.quantization.quantize import quantize_hyper
from codec.runtime import models
from formats.grid import COEFFICIENTS, HYPER_MIN, HYPER_SIZE
from formats.model.scales import GROUP
from formats.model.tables import BAND_GROUPS, CHANGE_CONTEXTS, HYPER_SYMBOLS
from formats.payload import hyper_latents as coding
from formats.payload.range_coder import RangeEncoder

SHIPPED = "music6"  # by name: other tests make the tiny model the default
FREE = np.zeros((CHANGE_CONTEXTS * BAND_GROUPS, HYPER_SYMBOLS), np.float32)


@pytest.fixture(scope="module")
def latents() -> np.ndarray:
    """Two segments and a piece of a third, around a level that changes halfway."""
    rng = np.random.default_rng(3)
    loudness = np.where(np.arange(2 * GROUP + 5) < 50, -14.0, -9.0)[:, None]
    return (loudness - np.arange(HYPER_SIZE) / 8 + rng.normal(0, 0.7, (len(loudness), HYPER_SIZE))).astype(np.float32)


def bits_of(vectors: np.ndarray) -> int:
    encoder = RangeEncoder()
    coding.encode(vectors.astype(np.int8), encoder, models.by_name(SHIPPED).tables)
    return 32 * len(encoder.words())


def test_where_bits_cost_nothing_it_rounds(latents: np.ndarray) -> None:
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
        rows = coding.contexts(change, band) * BAND_GROUPS + coding.group(band)

        def cost(path: np.ndarray, band: int = band, rows: np.ndarray = rows) -> float:
            symbols = (np.diff(path).astype(int) + 32) % HYPER_SYMBOLS
            paid = hyper_trellis.WEIGHTS.ravel()[band] * bits[rows, symbols].sum()
            return float(((path - latents[:, band]) ** 2).sum() + paid)

        paths = [rounded[:, band] + np.array(steps) for steps in product((-1, 0, 1), repeat=4)]
        least = min(map(cost, paths))
        better += least < cost(rounded[:, band]) - 1e-3
        assert cost(found[:, band]) <= least + 1e-3, band
    assert better > 20


def test_flicker_is_what_it_takes_away(latents: np.ndarray) -> None:
    bits = hyper_trellis.change_code_lengths(models.by_name(SHIPPED).tables.hyper)
    found = hyper_trellis.trellis_quantize(latents, bits)
    assert np.abs(found - np.rint(latents)).max() == 1
    assert np.abs(found - latents).mean() < 0.6
    assert bits_of(found) < 0.8 * bits_of(np.rint(latents))
    assert (found[60:70].mean(0) - found[30:40].mean(0)).min() > 3.5  # the change of loudness is still there


def test_segments_do_not_look_at_each_other(latents: np.ndarray) -> None:
    bits = hyper_trellis.change_code_lengths(models.by_name(SHIPPED).tables.hyper)
    whole = hyper_trellis.trellis_quantize(latents, bits)
    parts = [hyper_trellis.trellis_quantize(latents[at : at + GROUP], bits) for at in range(0, len(latents), GROUP)]
    assert np.array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize("count", [1, 2, GROUP])
def test_any_length_and_any_value_stays_in_range(count: int) -> None:
    wild = np.random.default_rng(0).normal(0, 60, (count, HYPER_SIZE)).astype(np.float32)
    wild[0, :3] = np.nan, np.inf, -np.inf
    found = hyper_trellis.trellis_quantize(wild, hyper_trellis.change_code_lengths(models.by_name(SHIPPED).tables.hyper))
    assert found.shape == wild.shape
    assert found.min() >= HYPER_MIN + 1 and found.max() <= -HYPER_MIN - 1
    if count == 1:
        assert found[0, :3].tolist() == [31, 31, -31]


def test_silence_keeps_its_value(latents: np.ndarray) -> None:
    coefficients = np.ones((3 * len(latents), COEFFICIENTS), np.float32)
    coefficients[30:60, COEFFICIENTS // 2 :] = 0
    found = quantize_hyper(latents, coefficients, hyper_trellis.change_code_lengths(models.by_name(SHIPPED).tables.hyper))
    assert found.dtype == np.int8
    assert (found[10:20, HYPER_SIZE // 2 :] == HYPER_MIN).all()
    assert (found[:, : HYPER_SIZE // 2] > HYPER_MIN).all() and (found[20:] > HYPER_MIN).all()


def test_enormous_samples_are_coded_without_a_word() -> None:
    """Their energies overflow in the network; warnings are errors here."""
    samples, _ = aez.decode(aez.encode(np.full((2, 5000), 1e30, np.float32), 44100))
    assert samples.shape == (2, 5000) and np.isfinite(samples).all() and np.abs(samples).max() > 1e4
