"""Envelopes of modulated tones have closed forms, and equal SciPy's Hilbert transform."""

import numpy as np
import pytest
from scipy import signal

from tests.support.signals import RATE, noise
from training.metrics.bands import erb_scale
from training.metrics.envelopes import EDGE, band_centres, band_envelopes, envelopes


def modulated(rate: float, depth: float, phase: float = 0.0, seconds: float = 4.1) -> np.ndarray:
    """Mono tone at 5 kHz."""
    t = np.arange(int(seconds * RATE)) / RATE
    swell = 1 + depth * np.cos(2 * np.pi * rate * t + phase)
    return (0.2 * swell * np.sin(2 * np.pi * 5000 * t))[None].astype(np.float32)


@pytest.mark.parametrize("name, rate", [("envelope_slow_4k", 5.0), ("envelope_fast_4k", 40.0)])
@pytest.mark.parametrize("phase, expected", [(0, 1), (np.pi / 2, 0), (np.pi, -1)])
def test_correlation_of_shifted_modulation(name: str, rate: float, phase: float, expected: float) -> None:
    result = envelopes(modulated(rate, 0.5), modulated(rate, 0.5, phase))
    assert result[name] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("depth", [0.2, 0.4, 0.8])
def test_fluctuation_is_the_ratio_of_depths(depth: float) -> None:
    for gain in (0.5, 2):
        result = envelopes(modulated(30, 0.4), gain * modulated(30, depth))
        assert result["fluctuation_4k"] == pytest.approx(depth / 0.4, rel=0.05)


def test_modulation_counts_in_its_range_alone() -> None:
    steady, fast = envelopes(modulated(5, 0.0), noise(4.1, 1)), envelopes(modulated(40, 0.5), modulated(40, 0.5, np.pi))
    assert np.isnan(steady["envelope_slow_4k"])
    assert np.isnan(steady["fluctuation_4k"])
    assert fast["envelope_fast_4k"] < -0.95
    assert np.isnan(fast["envelope_slow_4k"])
    faint = 1e-4 * modulated(40, 0.5)
    assert all(np.isnan(value) for value in envelopes(faint, faint).values())


def test_noise_of_another_seed_has_no_correlation() -> None:
    result = envelopes(noise(4.1), noise(4.1, seed=1))
    assert abs(result["envelope_fast"]) < 0.03
    assert abs(result["envelope_slow"]) < 0.25
    assert result["fluctuation_4k"] == pytest.approx(1, abs=0.03)


def test_envelopes_equal_scipys_hilbert_transform() -> None:
    x = noise(1.1, 1, seed=4)
    got = band_envelopes(x)
    count = x.shape[1] - 2 * EDGE  # a second
    padded = np.pad(x[0].astype(np.float64), 4000)
    numbers = erb_scale(np.abs(np.fft.fftfreq(len(padded), 1 / RATE)))
    for band in (3, 17, len(band_centres()) - 1):
        near = numbers - erb_scale(band_centres()[band])
        mask = np.where(np.abs(near) < 1, np.cos(np.pi / 2 * near) ** 2, 0)
        whole = np.abs(signal.hilbert(np.fft.ifft(np.fft.fft(padded) * mask).real))[4000 + EDGE :][: count + 1]
        spectrum = np.fft.rfft(np.concatenate([whole, whole[-2:0:-1]]))  # with its mirror image
        hertz = np.fft.rfftfreq(2 * count, 1 / RATE)
        for part, low, high in ((got.smooth, -1, 2), (got.slow, 2, 16), (got.fast, 16, 256)):
            filtered = np.fft.irfft(np.where((hertz > low) & (hertz <= high), spectrum, 0), 2 * count)
            expected = np.interp(np.arange(641) * count / 640, np.arange(count + 1), filtered[: count + 1])
            np.testing.assert_allclose(part[0, band], expected, atol=0.03 * whole.mean())
