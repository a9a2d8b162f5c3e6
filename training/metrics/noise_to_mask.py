"""Noise-to-mask ratio by the ear model of ITU-R BS.1387 (PEAQ), basic version.

A 2048-point spectrum at 48 kHz is weighted by the outer and middle ear and grouped into 109 bands of a quarter Bark.
The ear's internal noise is added, and energy spreads to neighbouring bands and forward in time. A signal a few dB below
the reference's excitation is masked. Noise is the difference of weighted magnitudes, so that phase does not count.

Following P. Kabal's reading of the recommendation ("An Examination and Interpretation of ITU-R BS.1387", 2002), with
band edges from the formula in place of the printed table. Absolute values depend on the playback level that is
assumed (a full-scale sine at 92 dB SPL), so compare differences.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import fft

from training.metrics.spectral import FloatArray

Doubles = npt.NDArray[np.float64]

RATE = 48000
FRAME = 2048
HOP = 1024
BANDS = 109
FULL_SCALE_SPL = 92.0
_LEAST = 1e-12  # energy of an empty band, so that the ratio of two equal signals is finite


class Ear(NamedTuple):
    """Constants of the model; bins run over 1025, bands over 109."""

    window: Doubles  # [2048] Hann, scaled to the playback level
    weight: Doubles  # [1025] power weighting of outer and middle ear
    group: Doubles  # [1025, 109] share of each bin in each band
    centre: Doubles  # [109] Hz
    noise: Doubles  # [109] internal noise of the ear
    decay: Doubles  # [109] forward masking per frame
    offset: Doubles  # [109] mask as a share of excitation


def noise_to_mask(reference: FloatArray, decoded: FloatArray) -> Doubles:
    """Total noise-to-mask ratio of each channel in dB: mean over frames and bands of noise energy over mask energy.

    Above 0 dB noise is audible; two equal signals give -100 or less.

    Shape:
        - reference, decoded: [C, N] at 48 kHz in [-1, 1], N >= 1
        - returns: [C]
    """
    ear = ear_model()
    clean = _weighted_energy(reference, ear)
    coded = _weighted_energy(decoded, ear)
    difference = clean - 2 * np.sqrt(clean * coded) + coded
    noise = np.maximum(difference @ ear.group, _LEAST)
    pattern = np.maximum(clean @ ear.group, _LEAST) + ear.noise
    mask = mask_forward(spread(pattern), ear.decay) * ear.offset
    return np.asarray(10 * np.log10((noise / mask).mean(axis=(1, 2))))


@lru_cache(maxsize=1)
def ear_model() -> Ear:
    """The constants of the basic version's FFT ear."""
    low, high = (7 * np.arcsinh(f / 650) for f in (80, 18000))
    edges = np.minimum(low + 0.25 * np.arange(BANDS + 1), high)
    lower, upper = 650 * np.sinh(edges[:-1] / 7), 650 * np.sinh(edges[1:] / 7)
    centre = 650 * np.sinh((edges[:-1] + edges[1:]) / 14)

    width = RATE / FRAME
    bins = np.arange(FRAME // 2 + 1)[:, None] * width
    overlap = np.minimum(upper, bins + width / 2) - np.maximum(lower, bins - width / 2)
    khz = np.maximum(bins[:, 0], 1e-3) / 1000  # the weighting vanishes at 0 Hz by itself
    decibel = -2.184 * khz**-0.8 + 6.5 * np.exp(-0.6 * (khz - 3.3) ** 2) - 0.001 * khz**3.6

    # The strongest bin of a full-scale sine at 1019.5 Hz has to read 92 dB.
    span = FRAME - 1
    between = 1019.5 / width % 1
    miss = min(between, 1 - between) / FRAME * span
    peak = np.sin(np.pi * miss) / (np.pi * miss * (1 - miss**2))
    hann = 0.5 * (1 - np.cos(2 * np.pi * np.arange(FRAME) / span))

    seconds = 0.008 + 100 / centre * (0.030 - 0.008)
    bark = 0.25 * np.arange(BANDS)
    return Ear(
        window=10 ** (FULL_SCALE_SPL / 20) / (peak * span / 4) * hann,
        weight=10 ** (decibel / 10),
        group=np.maximum(0, overlap) / width,
        centre=centre,
        noise=10 ** (0.1456 * (centre / 1000) ** -0.8),
        decay=np.exp(-HOP / RATE / seconds),
        offset=10 ** (-np.where(bark <= 12, 3.0, 0.25 * bark) / 10),
    )


def spread(pattern: Doubles) -> Doubles:
    """Spread band energies over frequency: 27 dB a Bark downwards, upwards less the louder a band is.

    Contributions add as powers of 0.4; a flat pattern of ones stays as it is.

    Shape:
        - pattern: [..., F, 109], energies above 0
        - returns: the same
    """
    return np.asarray(_spread(pattern) / _spread(np.ones((1, BANDS))))


def mask_forward(excitation: Doubles, decay: Doubles) -> Doubles:
    """Forward masking: each band is at least the output of a first-order low-pass over the frames so far.

    Shape:
        - excitation: [C, F, 109]; decay: [109] in [0, 1)
        - returns: [C, F, 109]
    """
    out = np.empty_like(excitation)
    memory = np.zeros_like(excitation[:, 0])
    for frame in range(excitation.shape[1]):
        memory = decay * memory + (1 - decay) * excitation[:, frame]
        out[:, frame] = np.maximum(memory, excitation[:, frame])
    return out


def _spread(pattern: Doubles) -> Doubles:
    # Slopes per band of a quarter Bark, as factors; division by the sums of both geometric tails preserves energy.
    down = 10 ** (-2.7 * 0.25)
    up = 10 ** ((-2.4 - 23 / ear_model().centre) * 0.25) * pattern ** (0.2 * 0.25)
    band = np.arange(BANDS)
    tails = (1 - down ** (band + 1)) / (1 - down) + (1 - up ** (BANDS - band)) / (1 - up) - 1
    source = (pattern / tails) ** 0.4
    result = source.copy()
    for distance in range(1, BANDS):
        result[..., :-distance] += source[..., distance:] * down ** (0.4 * distance)
    travelling, slope = source, up**0.4
    for distance in range(1, BANDS):
        travelling = travelling[..., :-1] * slope[..., : BANDS - distance]
        result[..., distance:] += travelling
    return np.asarray(result**2.5)


def _weighted_energy(x: FloatArray, ear: Ear) -> Doubles:
    frames = max(1, -(-(x.shape[1] - FRAME) // HOP) + 1)
    padded = np.pad(x, ((0, 0), (0, (frames - 1) * HOP + FRAME - x.shape[1])))
    blocks = np.lib.stride_tricks.sliding_window_view(padded, FRAME, axis=1)[:, ::HOP]
    spectrum = fft.rfft(blocks * ear.window, axis=-1)
    return np.asarray((spectrum.real**2 + spectrum.imag**2) * ear.weight)
