"""Framing against the definition: windows of two hops that overlap by one."""

import numpy as np
import pytest

from codec.dsp import framing
from formats.grid import HOP


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_frames_are_windows_of_the_samples(frames: int, channels: int) -> None:
    x = np.random.default_rng(0).standard_normal((channels, (frames + 1) * HOP)).astype(np.float32)
    got = framing.forward(x)
    assert got.shape == (frames, channels * 2 * HOP) and got.dtype == np.float32
    for f in range(frames):
        assert np.array_equal(got[f].reshape(channels, -1), x[:, f * HOP : (f + 2) * HOP])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_the_inverse_overlaps_and_adds(frames: int, channels: int) -> None:
    rows = np.random.default_rng(1).standard_normal((frames, channels * 2 * HOP)).astype(np.float32)
    wanted = np.zeros((channels, (frames + 1) * HOP), np.float32)
    for f in range(frames):
        wanted[:, f * HOP : (f + 2) * HOP] += rows[f].reshape(channels, -1)
    np.testing.assert_allclose(framing.inverse(rows, channels), wanted, atol=1e-6)


def test_all_but_the_outer_samples_come_back_twice() -> None:
    x = np.random.default_rng(2).standard_normal((2, 9 * HOP)).astype(np.float32)
    np.testing.assert_allclose(framing.inverse(framing.forward(x))[:, HOP:-HOP], 2 * x[:, HOP:-HOP], atol=1e-6)
