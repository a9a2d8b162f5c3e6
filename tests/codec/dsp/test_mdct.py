"""The MDCT against its definition in SPEC.md, and the properties that the codec relies on."""

import numpy as np
import pytest

from codec.dsp.mdct import WINDOW, dct_iv, forward, inverse
from formats.grid import HOP, frame_count

N = np.arange(2 * HOP)
K = np.arange(HOP)
BASIS = np.sqrt(2 / HOP) * np.cos(np.pi / HOP * (N[:, None] + 350.5) * (K + 0.5))


def test_forward_is_the_direct_cosine_sum() -> None:
    x = np.random.default_rng(0).standard_normal((2, 6 * HOP)).astype(np.float32)
    got = forward(x)
    assert got.shape == (2, HOP, 5)
    assert got.dtype == np.float32
    window = np.sin(np.pi / 2 * np.sin(np.pi * (N + 0.5) / 1400) ** 2)
    for channel in range(2):
        for f in range(5):
            wanted = (x[channel, f * HOP :][: 2 * HOP] * window) @ BASIS
            np.testing.assert_allclose(got[channel, :, f], wanted, atol=2e-5)


def test_inverse_is_the_overlapped_sum_of_the_specification() -> None:
    coefficients = np.random.default_rng(1).standard_normal((2, HOP, 4)).astype(np.float32)
    wanted = np.zeros((2, 5 * HOP))
    for f in range(4):
        wanted[:, f * HOP :][:, : 2 * HOP] += (BASIS @ coefficients[:, :, f].T).T * WINDOW
    np.testing.assert_allclose(inverse(coefficients), wanted, atol=2e-5)


@pytest.mark.parametrize("frames", [1, 2, 3, 17])
def test_inverse_undoes_forward_except_for_the_outer_halves(frames: int) -> None:
    x = np.random.default_rng(frames).standard_normal((2, (frames + 1) * HOP)).astype(np.float32)
    y = inverse(forward(x))
    assert y.shape == x.shape
    np.testing.assert_allclose(y[:, HOP:-HOP], x[:, HOP:-HOP], atol=3e-6)


def test_forward_undoes_inverse_so_the_transform_is_orthonormal() -> None:
    coefficients = np.zeros((1, HOP, 9), np.float32)
    coefficients[:, :, 3:6] = np.random.default_rng(2).standard_normal((1, HOP, 3))
    x = inverse(coefficients)
    np.testing.assert_allclose(forward(x), coefficients, atol=3e-6)
    assert np.sum(x.astype(float) ** 2) == pytest.approx(np.sum(coefficients.astype(float) ** 2), rel=1e-5)


def test_zeros_stay_exactly_zero() -> None:
    assert not forward(np.zeros((2, 4 * HOP), np.float32)).any()
    assert not inverse(np.zeros((2, HOP, 3), np.float32)).any()


@pytest.mark.parametrize("size", [2, 12, HOP, 2 * HOP])
def test_dct_iv_is_the_cosine_sum_and_its_own_inverse(size: int) -> None:
    n = np.arange(size) + 0.5
    x = np.random.default_rng(size).standard_normal((3, 2, size)).astype(np.float32)
    wanted = x @ (np.sqrt(2 / size) * np.cos(np.pi / size * np.outer(n, n)))
    even, odd = dct_iv(x[..., ::2], x[..., 1::2])
    assert even.dtype == odd.dtype == np.float32
    np.testing.assert_allclose(even, wanted[..., ::2], atol=3e-6)
    np.testing.assert_allclose(odd, wanted[..., 1::2], atol=3e-6)
    again = dct_iv(even, odd)
    np.testing.assert_allclose(again[0], x[..., ::2], atol=3e-6)
    np.testing.assert_allclose(again[1], x[..., 1::2], atol=3e-6)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 2), (699, 2), (700, 2), (701, 3), (441000, 631)])
def test_every_sample_lies_in_two_frames(samples: int, frames: int) -> None:
    assert frame_count(samples) == frames
    if frames:  # the last frame begins at or before the last sample, and the one before it too
        assert HOP * (frames - 2) < samples <= HOP * (frames - 1)
