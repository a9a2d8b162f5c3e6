"""Noise-to-mask ratio against the recommendation's text in loops."""

import itertools

import numpy as np
import pytest
from scipy import signal

from training.metrics import noise_to_mask


def slow_nmr(reference: np.ndarray, decoded: np.ndarray) -> float:
    """One channel by the recommendation's text: loops over frames, bands and bins, sums in place of recursions."""
    edges = [650 * np.sinh(min(7 * np.arcsinh(80 / 650) + i / 4, 7 * np.arcsinh(18000 / 650)) / 7) for i in range(110)]
    mids = [650 * np.sinh((np.arcsinh(a / 650) + np.arcsinh(b / 650)) / 2) for a, b in itertools.pairwise(edges)]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2047)
    tone = np.sin(2 * np.pi * 1019.5 / 48000 * np.arange(2048))
    # The level is set by what the strongest bin of the tone really reads, not by a formula for it.
    gain = 10 ** (92 / 20) / np.abs(np.fft.rfft(hann * tone))[:88].max()

    def bands(energy: np.ndarray) -> np.ndarray:
        result = np.zeros(109)
        for i in range(109):
            for k in range(1, 1025):
                low, high = (k - 0.5) * 48000 / 2048, (k + 0.5) * 48000 / 2048
                result[i] += energy[k] * max(0.0, min(high, edges[i + 1]) - max(low, edges[i])) / (48000 / 2048)
        return np.maximum(result, 1e-12)

    def spread(pattern: np.ndarray) -> np.ndarray:
        total = np.zeros(109)
        for source, energy in enumerate(pattern):
            level = 10 * np.log10(energy)
            shape = np.empty(109)
            for target in range(109):
                barks = (target - source) / 4
                slope = 27.0 if target < source else -24 - 230 / mids[source] + 0.2 * level
                shape[target] = 10 ** (barks * slope / 10)
            total += (energy * shape / shape.sum()) ** 0.4
        return total**2.5

    flat = spread(np.ones(109))
    memory, ratios = np.zeros(109), []
    frequencies = np.maximum(np.arange(1025) * 48 / 2048, 1e-6)
    weight = -0.6 * 3.64 * frequencies**-0.8 + 6.5 * np.exp(-0.6 * (frequencies - 3.3) ** 2) - 1e-3 * frequencies**3.6
    for start in range(0, len(reference) - 2047, 1024):
        a, b = (
            gain * np.abs(np.fft.rfft(hann * x[start : start + 2048])) * 10 ** (weight / 20)
            for x in (reference, decoded)
        )
        own = np.array([10 ** (0.4 * 0.364 * (f / 1000) ** -0.8) for f in mids])
        excitation = spread(bands(a**2) + own) / flat
        keep = np.array([np.exp(-1024 / 48000 / (0.008 + 100 / f * 0.022)) for f in mids])
        memory = keep * memory + (1 - keep) * excitation
        offset = np.array([10 ** ((3 if i <= 48 else i / 16) / 10) for i in range(109)])
        ratios.append(np.mean(bands((a - b) ** 2) * offset / np.maximum(memory, excitation)))
    return float(10 * np.log10(np.mean(ratios)))


def test_noise_to_mask_equals_slow() -> None:
    rng = np.random.default_rng(5)
    n = np.arange(2048 + 2 * 1024)
    reference = 0.3 * np.sin(n * 0.05) + 0.02 * rng.standard_normal(len(n))
    reference[2500:] *= 0.01  # a release, so that forward masking matters
    decoded = reference + 0.003 * rng.standard_normal(len(n))
    got = noise_to_mask.noise_to_mask(reference[None], decoded[None])
    assert got[0] == pytest.approx(slow_nmr(reference, decoded), abs=0.01)


def test_noise_to_mask_bands_are_those_of_the_recommendation() -> None:
    centre = noise_to_mask.ear_model().centre
    np.testing.assert_allclose(centre[[0, 1, 50, 108]], [91.708, 115.216, 2183.564, 17690.045], atol=1e-3)


def test_noise_to_mask_depends_on_spectral_shape() -> None:
    tone = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)[None]
    hiss = np.random.default_rng(1).standard_normal((1, 48000)) * 0.003
    sos = signal.butter(6, [900, 1100], "bandpass", fs=48000, output="sos")
    near = signal.sosfilt(sos, hiss)
    near *= np.sqrt((hiss**2).mean() / (near**2).mean())
    # The same energy under the tone and all over the place: masking hides the first.
    assert noise_to_mask.noise_to_mask(tone, tone + near)[0] < noise_to_mask.noise_to_mask(tone, tone + hiss)[0] - 10


def test_spreading_keeps_a_flat_pattern_and_slopes_by_27_db_a_bark_downwards() -> None:
    np.testing.assert_allclose(noise_to_mask.spread(np.ones((1, 109))), 1)
    pattern = np.full((1, 109), 1e-30)
    pattern[0, 60] = 1e6
    spread = 10 * np.log10(noise_to_mask.spread(pattern)[0])
    flat = 10 * np.log10(noise_to_mask._spread(np.ones((1, 109)))[0])
    assert (spread + flat)[60] - (spread + flat)[56] == pytest.approx(27, abs=1e-6)
    upward = 24 + 230 / noise_to_mask.ear_model().centre[60] - 0.2 * 60
    assert (spread + flat)[60] - (spread + flat)[64] == pytest.approx(upward, abs=1e-6)
