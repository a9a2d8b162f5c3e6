"""Synthesis in training against the codec's inverse transform."""

import numpy as np
import pytest
import torch

from codec.dsp import window_switching
from formats.grid import COEFFICIENTS, HOP, SEGMENT, WINDOW_UNITS
from training.items.synthesis import inverse_mdct_matrix, synthesize


@pytest.mark.parametrize("share", [0, 0.4, 1])
def test_synthesize_is_the_inverse_transform(share: float) -> None:
    """Equal to `codec.dsp.window_switching.inverse_transform`, and its gradient is the transpose: products agree."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((2, 2 * SEGMENT, COEFFICIENTS)).astype(np.float32)).requires_grad_()
    long = torch.from_numpy(rng.random((2, 2, WINDOW_UNITS)) < share)
    got = synthesize(x, long)
    assert got.shape == (2, 2, (2 * SEGMENT - 1) * HOP)
    values = x.detach().numpy().copy()
    for item, frames, units in zip(got.detach().numpy(), values, long.numpy(), strict=True):
        mid, side = window_switching.inverse_transform(frames, units)[:, HOP:-HOP]
        np.testing.assert_allclose(item, [mid + side, mid - side], atol=3e-5)
    against = torch.randn(got.shape, generator=torch.Generator().manual_seed(0))
    (got * against).sum().backward()
    assert x.grad is not None and (x.grad != 0).all()
    products = (x.grad.double() * x.detach()).sum(), (got.detach().double() * against).sum()
    assert products[0].item() == pytest.approx(products[1].item(), rel=1e-3)


def test_the_matrix_is_the_inverse_transform_with_short_windows() -> None:
    x = np.random.default_rng(1).standard_normal((2, COEFFICIENTS)).astype(np.float32)
    got = torch.from_numpy(x.reshape(2, 2, HOP)) @ inverse_mdct_matrix()
    wanted = window_switching.inverse_transform(x, np.zeros((0, WINDOW_UNITS), np.bool_))
    np.testing.assert_allclose((got[1, :, :HOP] + got[0, :, HOP:]).numpy(), wanted[:, HOP:-HOP], atol=3e-5)
