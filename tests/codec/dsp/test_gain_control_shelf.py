"""Gain control: the decoder gives back what was amplified, and the bass is left alone."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.dsp.gain_control import amplified, gains, lowpass
from formats.grid import GAIN_BLOCK
from tests.support.gain_control import rumble, shelved, slow_gain, slow_lowpass, slow_shelf, tone


@pytest.mark.parametrize("exponent", [1, 3, 10, 15])
@pytest.mark.parametrize("blocks", [1, 2, 3, 5, 6, 30, 60, 61, 62, 90])
def test_the_gain_falls_slowly_and_returns_within_a_block(blocks: int, exponent: int) -> None:
    got = gains(blocks, exponent)
    assert got.dtype == np.float32 and got.shape == (50 * blocks,)
    np.testing.assert_allclose(got, [slow_gain(blocks, exponent, i) for i in range(50 * blocks)], rtol=1e-6)
    rise = max(1, min(60, blocks - 1))
    assert got[0] == pytest.approx(2 ** (-exponent / (200 * rise))) and got[-1] == pytest.approx(2 ** (-exponent / 200))
    if blocks > 61:
        assert got.min() == pytest.approx(2 ** (-exponent / 2))


@pytest.mark.parametrize("count", [1, 2, 50, 249, 250, 251, 500, 3001])
def test_the_lowpass_is_its_recursion(count: int) -> None:
    x, before = rumble(count), np.array([0.7, -0.3], np.float32)
    wanted = [slow_lowpass(channel, start) for channel, start in zip(x.tolist(), before.tolist(), strict=True)]
    got = lowpass(x, before)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, wanted, atol=5e-7)


@pytest.mark.parametrize("exponent", [1, 3, 10, 15])
@pytest.mark.parametrize("blocks", [1, 2, 5, 6, 60, 61, 200])
def test_the_decoder_has_the_shelf_of_the_specification(blocks: int, exponent: int) -> None:
    y = rumble(blocks * GAIN_BLOCK + 700, seed=blocks)
    own = slice(3 * GAIN_BLOCK, (3 + blocks) * GAIN_BLOCK)
    got = shelved(y, [(3, blocks, exponent)], [437])
    np.testing.assert_allclose(got[:, own], slow_shelf(y[:, own], blocks, exponent), atol=1e-6)
    got[:, own] = y[:, own]
    assert np.array_equal(got, y)


@settings(deadline=None, max_examples=100)
@given(
    st.integers(1, 300),
    st.integers(1, 15),
    st.integers(0, 1000),
    st.lists(st.integers(1, 5000), min_size=1, max_size=4),
)
def test_the_decoder_gives_back_what_was_amplified(blocks: int, exponent: int, seed: int, sizes: list[int]) -> None:
    """Stretches longer than a row of the lowpass among them, and gains that no encoder chooses."""
    rng = np.random.default_rng(seed)
    x = rumble(blocks * GAIN_BLOCK, seed) * rng.choice([1e-4, 0.1, 1]) + rng.choice([0, 1e-5, 0.5])
    y = amplified(x, blocks, exponent)
    assert y.dtype == np.float32 and y.shape == x.shape
    assert np.abs(y).max() > np.abs(x).max()
    np.testing.assert_allclose(shelved(y, [(0, blocks, exponent)], sizes), x, atol=1e-6 * np.abs(y).max())


@pytest.mark.parametrize(
    ("frequency", "least", "most"), [(40, 0, 0.8), (110, 2, 4), (1000, 18, 19.5), (5000, 26.5, 30.1)]
)
def test_the_bass_is_left_alone(frequency: float, least: float, most: float) -> None:
    """Of a gain of 30.1 dB a tone at 40 Hz takes half a decibel, and one at 5 kHz takes 27."""
    x = tone(frequency, 400 * GAIN_BLOCK, 0.01)
    y = amplified(x, 400, 10)
    full = slice(100 * GAIN_BLOCK, 398 * GAIN_BLOCK)
    assert least < 10 * np.log10((y[:, full] ** 2).mean() / (x[:, full] ** 2).mean()) < most


def test_huge_samples_are_amplified_and_attenuated_without_a_warning() -> None:
    x = rumble(60 * GAIN_BLOCK) * np.float32(1e30)
    y = amplified(x, 60, 15)
    assert np.isfinite(y).all()
    np.testing.assert_allclose(shelved(y, [(0, 60, 15)]), x, atol=1e-6 * np.abs(y).max())


HOSTILE = {"one stretch": [(0, 8820, 15)], "a stretch in every block": [(first, 1, 15) for first in range(8820)]}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_chunk_full_of_gain_control_is_decoded_in_time(kind: str) -> None:
    """The chunk has ten seconds, and this takes a fraction of one."""
    y = rumble(8820 * GAIN_BLOCK)
    start = time.process_time()
    got = shelved(y, HOSTILE[kind])
    assert time.process_time() - start < 3
    wanted = [
        slow_shelf(y[:, first * GAIN_BLOCK : (first + blocks) * GAIN_BLOCK], blocks, exponent)
        for first, blocks, exponent in HOSTILE[kind]
    ]
    np.testing.assert_allclose(got, np.concatenate(wanted, 1), atol=2e-6)
