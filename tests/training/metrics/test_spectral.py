"""Spectral distances against slow transforms and SciPy's."""

import numpy as np
import pytest
from scipy import signal

from tests.support.signals import RATE, low_pass, noise, slow_filterbank, slow_magnitudes, twin_rmse
from training.metrics import spectral


@pytest.fixture(scope="module")
def short_pair() -> tuple[np.ndarray, np.ndarray]:
    x = low_pass(noise(0.1), 9000)
    return x, (x + noise(0.1, seed=1, level=0.003)).astype(np.float32)


def test_mel_distance_equals_slow(short_pair: tuple[np.ndarray, np.ndarray]) -> None:
    total = 0.0
    for window, mels in ((32, 5), (64, 10), (128, 20), (256, 40), (512, 80), (1024, 160), (2048, 320)):
        bank = slow_filterbank(window, mels)
        logs = [
            [np.log10(np.maximum(slow_magnitudes(c, window, window // 4) @ bank, 1e-5)) for c in x] for x in short_pair
        ]
        total += float(np.mean(np.abs(np.array(logs[0]) - np.array(logs[1]))))
    assert spectral.mel_distance(*short_pair) == pytest.approx(total, rel=1e-4)


def test_stft_distance_equals_slow(short_pair: tuple[np.ndarray, np.ndarray]) -> None:
    total = 0.0
    for window in (2048, 512):
        a, b = (np.array([slow_magnitudes(c, window, window // 4) for c in x]) for x in short_pair)
        total += float(np.mean(np.abs(np.log10(np.maximum(a, 1e-5) ** 2) - np.log10(np.maximum(b, 1e-5) ** 2))))
        total += float(np.mean(np.abs(a - b)))
    assert spectral.stft_distance(*short_pair) == pytest.approx(total, rel=1e-4)


def test_magnitudes_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = noise(0.2)
    whole = np.concatenate(list(spectral.stft_magnitudes(x, 512, 128)), axis=1)
    monkeypatch.setattr(spectral, "_BLOCK", 512 * 7)
    blocks = list(spectral.stft_magnitudes(x, 512, 128))
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), whole)


def test_rmse_clamps_at_minus_100_db_of_full_scale() -> None:
    steady = np.full((1, RATE), 0.5)  # reads 1 on bin 0, as a full-scale sine would on its bin, and 0.5 on bin 1
    quiet = steady * 1e-7
    expected = np.sqrt((np.log(1e5) ** 2 + np.log(0.5e5) ** 2) / 1025)
    assert spectral.log_spectral_rmse(steady, quiet) == pytest.approx(expected, rel=1e-6)
    assert spectral.log_spectral_rmse(quiet, 0 * quiet) == 0


@pytest.mark.parametrize("window, hop", [(2048, 512), (512, 128)])
@pytest.mark.parametrize("samples", [22050, 22051, 5000])
def test_rmse_equals_scipys_transform(window: int, hop: int, samples: int) -> None:
    x = low_pass(noise(0.5), 12000)[:, :samples]
    x[:, samples // 2 :] *= 1e-4  # down to where the clamp bites
    y = (x + noise(0.5, seed=1, level=0.01)[:, :samples] * np.abs(x).max(initial=0)).astype(np.float32)
    expected = twin_rmse(x, y, RATE, window, hop)
    assert expected > 0.1
    assert spectral.log_spectral_rmse(x, y, window, hop) == pytest.approx(expected, rel=1e-3)


def test_spectral_distances_equal_scipys_transform(short_pair: tuple[np.ndarray, np.ndarray]) -> None:
    def magnitudes(x: np.ndarray, window: int) -> np.ndarray:
        transform = signal.ShortTimeFFT(signal.get_window("hann", window), window // 4, RATE)
        half = window // 2
        padded = np.pad(x.astype(np.float64), ((0, 0), (half, half)), mode="reflect")
        frames = x.shape[1] // (window // 4) + 1
        # Slice p is centred on sample p hop of the padded signal; ours starts where the first whole frame does.
        return np.abs(transform.stft(padded, p0=2, p1=2 + frames))

    a, b = ([magnitudes(x, window) for window in (2048, 512)] for x in short_pair)
    stft = sum(
        np.mean(np.abs(2 * np.log10(np.maximum(p, 1e-5) / np.maximum(q, 1e-5)))) + np.mean(np.abs(p - q))
        for p, q in zip(a, b, strict=True)
    )
    assert spectral.stft_distance(*short_pair) == pytest.approx(stft, rel=1e-4)
    mel = 0.0
    for window, mels in spectral.MEL_SCALES:
        bank = slow_filterbank(window, mels).T
        p, q = (np.log10(np.maximum(bank @ magnitudes(x, window), 1e-5)) for x in short_pair)
        mel += float(np.mean(np.abs(p - q)))
    assert spectral.mel_distance(*short_pair) == pytest.approx(mel, rel=1e-4)


def test_linear_rmse_is_of_unnormalised_magnitudes_and_its_share_ignores_loudness() -> None:
    sine = np.sin(2 * np.pi * 32 * np.arange(8192) / 512)[None]  # on bin 32 of 512
    rmse, relative = spectral.linear_spectral_rmse(sine, 0 * sine)
    # A sine reads 128 on its bin and 64 on the two beside it (edges change little), nothing on the other 254.
    assert rmse == pytest.approx(np.sqrt((128**2 + 2 * 64**2) / 257), rel=0.01)
    assert relative == 1
    x, y = noise(0.5), noise(0.5, seed=1)
    loud, same = spectral.linear_spectral_rmse(x, y), spectral.linear_spectral_rmse(x / 4, y / 4)
    assert loud[0] == pytest.approx(4 * same[0], rel=1e-4)
    assert loud[1] == pytest.approx(same[1], rel=1e-4)
    assert spectral.linear_spectral_rmse(x, -x) == (0, 0)
    assert np.isnan(spectral.linear_spectral_rmse(0 * x, x)[1])
