"""The metrics of a clip against closed forms."""

import numpy as np
import pytest
from scipy import signal

from formats.errors import UsageError
from tests.support.signals import RATE, low_pass, noise, slow_filterbank, slow_magnitudes, twin_rmse
from training.metrics import clip, spectral


def test_scaled_copy_has_closed_forms() -> None:
    x = noise()
    half = x / 2
    # Every log magnitude moves by log 2; triangles that hold no bin stay at the clamp on both sides.
    filled = sum(np.mean(slow_filterbank(w, m).any(axis=0)) for w, m in spectral.MEL_SCALES)
    loud = x * 1e6  # clear of the clamp even where a bin only touches a triangle
    assert spectral.mel_distance(loud, loud / 2) == pytest.approx(filled * np.log10(2), rel=1e-3)
    assert spectral.log_spectral_rmse(x, half) == pytest.approx(np.log(2), rel=1e-3)
    linear = sum(np.mean([m / 2 for m in slow_magnitudes(x[0, :8192], w, w // 4)]) for w in (2048, 512))
    assert spectral.stft_distance(x, half) == pytest.approx(4 * np.log10(2) + linear, rel=0.03)
    assert clip.si_sdr(x, half) == clip.SDR_LIMIT
    assert clip.measure(x, half)["level_error_db"] == pytest.approx(-6.0206, abs=1e-3)


def test_equal_signals_are_perfect() -> None:
    x = noise(2)
    result = clip.measure(x, x.copy())
    for name in ("mel", "stft", "rmse_44k", "rmse_8k", "width_error_db", "level_error_db", "clipped"):
        assert result[name] == 0, name
    assert result["bandwidth_kept"] == 1
    assert result["nmr"] < -100
    assert result["visqol"] > 4.7
    assert result["si_sdr"] == result["si_sdr_mid"] == result["si_sdr_side"] == clip.SDR_LIMIT


def test_spectral_distances_ignore_polarity_and_si_sdr_ignores_sign() -> None:
    x = noise()
    assert spectral.mel_distance(x, -x) == 0
    assert spectral.stft_distance(x, -x) == 0
    assert clip.si_sdr(x, -x) == clip.SDR_LIMIT
    one_flipped = np.stack([x[0], -x[1]])  # mid and side change places: the fold hears it, SI-SDR per part as well
    assert clip.si_sdr(x, one_flipped) < 0
    assert clip.width_error(np.stack([x[0], x[0] / 2]), np.stack([x[0], -x[0] / 2])) > 15


@pytest.mark.parametrize("decibel", [0.0, 10.0, 30.0])
def test_si_sdr_of_orthogonal_noise_is_its_snr(decibel: float) -> None:
    n = np.arange(RATE)
    tone = np.sin(2 * np.pi * 440 * n / RATE)[None]
    error = np.cos(2 * np.pi * 440 * n / RATE)[None] * 10 ** (-decibel / 20)
    assert clip.si_sdr(tone, 0.3 * (tone + error)) == pytest.approx(decibel, abs=1e-6)


def test_si_sdr_extremes() -> None:
    x = noise(0.1)
    assert clip.si_sdr(x, 0 * x) == -clip.SDR_LIMIT
    assert np.isnan(clip.si_sdr(0 * x, x))
    mono = np.repeat(x[:1], 2, axis=0)
    assert np.isnan(clip.quick_metrics(mono, mono, with_visqol=False)["si_sdr_side"])


def test_8_khz_rmse_equals_another_resampler_and_transform() -> None:
    x = noise(2)
    y = (x + noise(2, seed=1, level=0.05)).astype(np.float32)
    low = [signal.resample_poly(z.mean(axis=0, keepdims=True).astype(np.float64), 80, 441, axis=1) for z in (x, y)]
    # The two low passes differ in the last few hundred Hz under 4 kHz, and nowhere else.
    assert clip.measure(x, y)["rmse_8k"] == pytest.approx(twin_rmse(*low, 8000, 512, 128), rel=0.03)


def test_si_sdr_equals_a_least_squares_projection() -> None:
    x = noise(0.2)
    y = (0.7 * x + noise(0.2, seed=1, level=0.03)).astype(np.float32)

    def direct(a: np.ndarray, b: np.ndarray) -> float:
        column = a.reshape(-1, 1).astype(np.float64)
        (scale,), (residue,), *_ = np.linalg.lstsq(column, b.ravel().astype(np.float64))
        return float(10 * np.log10(sum((scale * value) ** 2 for value in column[:, 0].tolist()) / residue))

    result = clip.quick_metrics(x, y, with_visqol=False)
    assert result["si_sdr"] == pytest.approx(direct(x, y), abs=1e-6)
    assert result["si_sdr_mid"] == pytest.approx(direct(x.sum(axis=0), y.sum(axis=0)), abs=1e-4)
    assert result["si_sdr_side"] == pytest.approx(direct(x[0] - x[1], y[0] - y[1]), abs=1e-4)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_width_by_summed_energies(factor: float) -> None:
    x = noise(0.2)
    y = np.stack([x[0], factor * x[1]])
    ratios = [sum(((a - b) ** 2).tolist()) / sum(((a + b) ** 2).tolist()) for a, b in (x, y)]
    assert clip.width_error(x, y) == pytest.approx(10 * np.log10(ratios[1] / ratios[0]), abs=1e-3)


def test_bandwidth_of_a_low_pass() -> None:
    x = noise(2)
    assert clip.bandwidth(x, x) > 21500
    assert clip.bandwidth(x, low_pass(x, 7000)) == pytest.approx(7000, abs=300)
    assert clip.bandwidth(low_pass(x, 16000), x) == pytest.approx(16000, abs=300)
    assert clip.bandwidth(x, 0 * x) == 0
    assert clip.measure(x, low_pass(x, 7000))["bandwidth_kept"] == pytest.approx(7000 / 22050, abs=0.02)


def test_8_khz_rmse_ignores_what_lies_above_4_khz() -> None:
    x = noise(1)
    result = clip.measure(x, low_pass(x, 7000))
    assert result["rmse_8k"] < 0.02
    assert result["rmse_44k"] > 2


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0])
def test_width_error_of_a_scaled_side(factor: float) -> None:
    mid, side = noise(1, seed=1)[:1], noise(1, seed=2)[:1] * 0.3
    reference = np.concatenate([mid + side, mid - side])
    decoded = np.concatenate([mid + factor * side, mid - factor * side])
    assert clip.width_error(reference, decoded) == pytest.approx(20 * np.log10(factor), abs=1e-3)
    mono = np.repeat(mid, 2, axis=0)
    assert clip.width_error(mono, mono * 0.9) == pytest.approx(0, abs=1e-6)
    assert clip.width_error(reference, mono) < -25


def test_clipping_is_counted_at_16_bit_full_scale() -> None:
    x = np.array([[0.0, 32766 / 32768, 32767 / 32768, 1.0, -1.0, -32767 / 32768]], np.float32)
    assert clip.clipped(x) == 3


@pytest.mark.parametrize("shape", [(2, 99), (1, 100), (2, 0), (3, 100)])
def test_unequal_or_odd_shapes_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(UsageError):
        clip.measure(np.zeros((2, 100) if shape != (2, 0) else (2, 0), np.float32), np.zeros(shape, np.float32))


@pytest.mark.parametrize("samples", [1, 2, 31, 700])
def test_tiny_clips_have_finite_distances(samples: int) -> None:
    x = noise()[:, :samples]
    result = clip.quick_metrics(x, x / 2, with_visqol=False)
    assert all(np.isfinite(v) for v in result.values())
    assert result["mel"] > 0
