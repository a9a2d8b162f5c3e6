"""Quantizer steps and rounding against slow twins."""

import numpy as np
import pytest

from codec.quantization import hyper_trellis, rdoq
from codec.quantization.quantize import (
    DEAD_ZONE,
    log_steps,
    quantize,
    quantize_hyper,
    quantize_plain,
    scatter_indices,
)
from codec.runtime import models
from formats.grid import COEFFICIENTS, HYPER_MIN, HYPER_SIZE, SCALES, SEGMENT
from formats.model.scales import Scales
from formats.model.tables import SIGMA_UNIT, Tables
from formats.payload.chunk import MAGNITUDE_LIMIT

FRAMES, MAIN = SEGMENT + 5, 30


@pytest.fixture(scope="module")
def shipped() -> Tables:
    """Tables of the shipped model, by name: other tests make the tiny model the default."""
    return models.by_name("music").ranked_tables


@pytest.fixture(scope="module")
def chosen() -> Scales:
    """Random scales of the coefficients at `position`, between -20 and 0 octaves."""
    rng = np.random.default_rng(0)
    sigma = rng.integers(-20 * SIGMA_UNIT, 0, (FRAMES, MAIN)).astype(np.int32)
    return Scales(sigma, rng.integers(-10 * SIGMA_UNIT, 0, (FRAMES, 1)).astype(np.int32))


@pytest.fixture(scope="module")
def position() -> np.ndarray:
    """Random coefficients of every frame."""
    return np.argsort(np.random.default_rng(1).random((FRAMES, COEFFICIENTS)), 1)[:, :MAIN]


@pytest.mark.parametrize("gain", [-512, 0, 33])
def test_steps_follow_from_scale_loudness_and_gain(
    chosen: Scales, position: np.ndarray, shipped: Tables, gain: int
) -> None:
    got = log_steps(chosen, position, gain, shipped)
    assert got.shape == (FRAMES, MAIN) and got.dtype == np.float32
    assert np.abs(shipped.steady).max() > 0.01
    for f, rank in ((0, 0), (5, 3), (FRAMES - 1, MAIN - 1)):
        k = position[f, rank]
        wanted = shipped.shape[k] * chosen.sigma[f, rank] / SIGMA_UNIT + shipped.bias[k] - gain / 32
        wanted += shipped.steady[k] * chosen.loudness[f, 0] / SIGMA_UNIT
        assert got[f, rank] == pytest.approx(wanted, abs=1e-4)


def test_coefficients_are_decided_in_units_of_their_steps(
    chosen: Scales, position: np.ndarray, shipped: Tables
) -> None:
    rng = np.random.default_rng(2)
    scale_index = rng.integers(0, SCALES, position.shape).astype(np.uint8)
    steps = np.exp2(log_steps(chosen, position, 10, shipped))
    ratio = rng.laplace(0, 2, position.shape).astype(np.float32)
    coefficients = np.full((FRAMES, COEFFICIENTS), np.nan, np.float32)  # what is not coded does not matter
    np.put_along_axis(coefficients, position, ratio * steps, 1)
    got = quantize(coefficients, chosen, scale_index, position, 10, shipped)
    assert got.dtype == np.int32
    wanted = rdoq.decide(ratio, scale_index, position, rdoq.thresholds(shipped))
    assert (got != wanted).mean() < 1e-3  # a product may round across a threshold


@pytest.mark.parametrize("gain", [0, -32, 64])
def test_plain_latents_are_rounded_with_a_dead_zone(gain: int) -> None:
    step = 2.0 ** (-gain / 32)
    values = np.array([0, 0.61, 0.63, -0.61, -0.63, 1.61, 1.63, -7.7, 1e30, -np.inf], np.float32)
    wanted = [0, 0, 1, 0, -1, 1, 2, -8, MAGNITUDE_LIMIT, -MAGNITUDE_LIMIT]
    assert DEAD_ZONE == 0.12
    got = quantize_plain((values * np.float32(step))[None], gain)
    assert got.dtype == np.int32 and got[0].tolist() == wanted


def test_indices_go_back_to_their_coefficients(position: np.ndarray) -> None:
    indices = np.random.default_rng(3).integers(-5, 6, position.shape).astype(np.int32)
    values, sent = scatter_indices(indices, position)
    assert values.dtype == np.float32 and sent.dtype == np.bool_ and values.shape == (FRAMES, COEFFICIENTS)
    assert sent.sum() == position.size and np.array_equal(np.take_along_axis(values, position, 1), indices)
    assert np.take_along_axis(sent, position, 1).all() and not values[~sent].any()


def test_a_silent_channel_gets_the_value_of_silence(shipped: Tables) -> None:
    latents = np.random.default_rng(4).normal(-14, 2, (50, HYPER_SIZE)).astype(np.float32)
    coefficients = np.ones((150, COEFFICIENTS), np.float32)
    coefficients[30:60, COEFFICIENTS // 2 :] = 0
    coefficients[30:150, : COEFFICIENTS // 2] = 0
    coefficients[33 + 2, 5] = 1e-20  # one coefficient in the last frame of vector 11
    bits = hyper_trellis.change_code_lengths(shipped.hyper)
    got = quantize_hyper(latents, coefficients, bits)
    assert got.dtype == np.int8
    silent = np.zeros((50, 2, HYPER_SIZE // 2), bool)
    silent[10:20, 1] = silent[10:, 0] = True
    silent[11, 0] = False
    wanted = np.where(silent.reshape(50, HYPER_SIZE), HYPER_MIN, hyper_trellis.trellis_quantize(latents, bits))
    assert np.array_equal(got, wanted) and (got > HYPER_MIN)[~silent.reshape(50, HYPER_SIZE)].all()
