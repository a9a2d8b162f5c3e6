"""The study's losses against closed forms and NumPy."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.data.songs import song
from training.plain import losses
from training.plain.losses import FAINT, LOSSES, SIZES, SMOOTHNESS

Array = NDArray[np.float32]


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Decoded and original, [2, 2, 6000]: the first item scaled by a half, the second another signal."""
    original = torch.from_numpy(np.stack([song(0.2, seed=n)[:, :6000] for n in (1, 2)]))
    other = torch.from_numpy(song(0.2, seed=5)[:, :6000].copy())
    return torch.stack([0.5 * original[0], other]), original


def test_the_seven_losses_of_the_study_are_there() -> None:
    assert set(LOSSES) == {"mse", "l1", "mse-smooth", "stft-l1", "stft-l2", "log-stft-l1", "log-stft-l2"}


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"mse-smooth"}))
def test_a_loss_is_zero_for_equal_signals_and_one_number_an_item(name: str, pair: tuple[Any, Any]) -> None:
    decoded, original = pair
    assert LOSSES[name](original, original, SIZES).abs().max() == 0
    got = LOSSES[name](decoded, original, SIZES)
    assert got.shape == (2,)
    assert (got > 0).all()
    alone = torch.cat([LOSSES[name](decoded[i : i + 1], original[i : i + 1], SIZES) for i in range(2)])
    torch.testing.assert_close(got, alone)


def test_losses_of_samples_are_their_formulas(pair: tuple[Any, Any]) -> None:
    a, b = (x.double().numpy() for x in pair)
    torch.testing.assert_close(
        LOSSES["mse"](*pair, SIZES), torch.tensor([np.mean((x - y) ** 2) for x, y in zip(a, b, strict=True)]).float()
    )
    torch.testing.assert_close(
        LOSSES["l1"](*pair, SIZES), torch.tensor([np.mean(np.abs(x - y)) for x, y in zip(a, b, strict=True)]).float()
    )
    # A ramp of slope s against silence: its roughness is s**2.
    ramp = 0.01 * torch.arange(100.0).expand(1, 2, -1)
    rough = LOSSES["mse-smooth"](ramp, ramp, SIZES)
    torch.testing.assert_close(rough, torch.tensor([SMOOTHNESS * 1e-4]), rtol=1e-4, atol=0)


def slow_magnitudes(x: Array, size: int) -> NDArray[np.float64]:
    """Magnitudes of one channel by NumPy: edges reflected, periodic Hann, hop a quarter."""
    padded = np.pad(x.astype(np.float64), size // 2, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.stack(
        [np.abs(np.fft.rfft(padded[at : at + size] * hann)) for at in range(0, len(padded) - size + 1, size // 4)]
    )


@pytest.mark.parametrize("sizes", [SIZES, (512,)])
def test_spectral_losses_are_their_formulas(sizes: tuple[int, ...], pair: tuple[Any, Any]) -> None:
    wanted: dict[str, list[float]] = {name: [] for name in LOSSES if "stft" in name}
    for a, b in zip(pair[0].numpy(), pair[1].numpy(), strict=True):
        level = np.sqrt(np.mean(b.astype(np.float64) ** 2))
        parts: dict[str, list[float]] = {name: [] for name in wanted}
        for size in sizes:
            p, q = (np.stack([slow_magnitudes(c / level, size) for c in x]) for x in (a, b))
            logs = np.log(p + FAINT) - np.log(q + FAINT)
            parts["stft-l1"].append(np.abs(p - q).mean())
            parts["stft-l2"].append(np.square(p - q).mean())
            parts["log-stft-l1"].append(np.abs(logs).mean())
            parts["log-stft-l2"].append(np.square(logs).mean())
        for name, values in parts.items():
            wanted[name].append(float(np.mean(values)))
    for name, values in wanted.items():
        torch.testing.assert_close(LOSSES[name](*pair, sizes), torch.tensor(values), rtol=2e-3, atol=1e-4)


def test_half_as_loud_is_log_two_apart() -> None:
    x = torch.randn(1, 2, 8000, generator=torch.Generator().manual_seed(0))
    near = math.log(2)
    assert float(LOSSES["log-stft-l1"](0.5 * x, x, SIZES)) == pytest.approx(near, rel=0.01)
    assert float(LOSSES["log-stft-l2"](0.5 * x, x, SIZES)) == pytest.approx(near**2, rel=0.02)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradients_are_finite_at_silence(name: str) -> None:
    x = torch.zeros(1, 2, 4000, requires_grad=True)
    LOSSES[name](x, torch.zeros(1, 2, 4000), SIZES).sum().backward()
    assert torch.isfinite(x.grad).all()  # type: ignore[arg-type]


def test_the_loss_of_compressed_coefficients() -> None:
    a, b = torch.full((2, 3, 4), 2.0), torch.tensor([2.0, 5.0])[:, None, None].expand(2, 3, 4)
    assert losses.compressed(a, b).tolist() == [0.0, 9.0]
