"""The losses of training against the metrics that they stand for."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support.frames import two_seconds
from training.data.songs import song
from training.metrics import spectral
from training.metrics.visqol import _audio_mode, resample
from training.ranked import losses
from training.ranked.config import NetworkConfig
from training.ranked.network import Autoencoder


@pytest.fixture(scope="module")
def clip() -> NDArray[np.float32]:
    return two_seconds()


def test_spectral_losses_are_the_metrics_in_expectation(clip: NDArray[np.float32]) -> None:
    decoded = clip + 0.01 * np.random.default_rng(1).standard_normal(clip.shape).astype(np.float32)
    a, b = torch.from_numpy(decoded), torch.from_numpy(clip)
    drawn = [losses.spectral_distances(a, b, [i, j]) for i in losses.SHARED for j in losses.SINGLE]
    whole = losses.spectral_distances(a, b, losses.draw_scales(7, np.random.default_rng(0)))
    for pairs in (drawn, [whole]):
        mel, stft = (np.mean([pair[k].item() for pair in pairs]) for k in range(2))
        assert 7 * mel == pytest.approx(spectral.mel_distance(clip, decoded), rel=1e-3)
        assert 2 * stft == pytest.approx(spectral.stft_distance(clip, decoded), rel=1e-3)
    one, other = losses.draw_scales(2, np.random.default_rng(0))
    assert one in losses.SHARED and other in losses.SINGLE


def test_similarity_follows_visqol(clip: NDArray[np.float32]) -> None:
    rng = np.random.default_rng(2)
    long = song(4.0, rate=44100, channels=1, seed=6)[0]
    spectrum = np.fft.rfft(long)
    f = np.fft.rfftfreq(len(long), 1 / 44100)
    worse = {
        "noise": long + 0.003 * rng.standard_normal(len(long)),
        "low-pass": np.fft.irfft(spectrum * (f < 6000), len(long)),
        "dull": np.fft.irfft(spectrum / (1 + (f / 3000) ** 2), len(long)),
        "rough": long * (1 + 0.3 * rng.standard_normal(len(long))),
    }
    pairs = []
    for x in worse.values():
        a, b = (np.asarray(resample(v[None], 44100, 48000)[0], np.float64) for v in (long, x))
        result = _audio_mode().measure_from_arrays(a, b, 48000)
        score = float((losses.EAR_WEIGHTS * (1 - np.asarray(result.fvnsim))).sum())
        given = (torch.from_numpy(v[None].astype(np.float32)) for v in (x, long))
        pairs.append((losses.dissimilarity(*given).item(), score))
    got, wanted = np.array(pairs).T
    assert np.corrcoef(got, wanted)[0, 1] > 0.98
    np.testing.assert_allclose(got, wanted, rtol=0.1, atol=0.2)


def test_similarity_of_equals_is_whole(clip: NDArray[np.float32]) -> None:
    x = torch.from_numpy(clip.copy())
    assert losses.dissimilarity(x, x).item() == pytest.approx(0, abs=1e-3)
    assert losses.dissimilarity(0.2 * torch.randn_like(x), x).item() > 0.3


def coefficients(seed: int, scale: float = 0.01) -> torch.Tensor:
    """White coefficients of two items of two seconds: [2, 126, 1400]."""
    return scale * torch.from_numpy(np.random.default_rng(seed).standard_normal((2, 126, 1400)).astype(np.float32))


def test_level_is_that_of_bands_whatever_fills_them() -> None:
    """Other noise of the same power costs little, and 3 dB of gain cost 0.3 in either direction."""
    bands = Autoencoder(NetworkConfig()).encoder.bands
    x = coefficients(0)
    assert losses.level_distance(x, x, bands) == 0
    assert losses.level_distance(coefficients(1), x, bands) < 0.05
    for decibels in (-3, 3):
        assert losses.level_distance(x * 10 ** (decibels / 20), x, bands).item() == pytest.approx(0.3, abs=0.001)


def test_level_is_of_both_channels_together_and_ends_at_silence() -> None:
    bands = Autoencoder(NetworkConfig()).encoder.bands
    x = coefficients(0)
    swapped = torch.cat([x[..., 700:], x[..., :700]], -1)
    assert losses.level_distance(swapped, x, bands) < 1e-6
    silence = torch.zeros_like(x, requires_grad=True)
    lost = losses.level_distance(silence, torch.zeros_like(x), bands)
    lost.backward()
    assert lost == 0 and silence.grad is not None and torch.isfinite(silence.grad).all()


def test_one_band_that_is_too_quiet_costs_its_share() -> None:
    bands = Autoencoder(NetworkConfig()).encoder.bands
    x = coefficients(0)
    quiet = x.clone()
    for channel in (0, 700):
        quiet[..., channel + 275 : channel + 331] /= 10  # band 19
    assert losses.level_distance(quiet, x, bands).item() == pytest.approx(2 / 24, rel=0.01)
