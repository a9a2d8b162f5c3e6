"""All metrics of a decoded clip against its reference: one number each, for float32 [C, N] at 44.1 kHz.

Their limits have to be kept in mind: spectral distances ignore phase, ViSQOL ignores stereo and loudness (and below 48
kbit/s mostly measures bandwidth), SI-SDR ignores loudness and penalizes plausible noise in place of uncoded parts.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from training.metrics.bands import check_pair
from training.metrics.noise_to_mask import noise_to_mask
from training.metrics.panel import panel
from training.metrics.spectral import (
    FloatArray,
    linear_spectral_rmse,
    log_spectral_rmse,
    mel_distance,
    stft_distance,
)
from training.metrics.visqol import fold, resample, visqol

VERSION = 3
"""To be raised when a metric changes its value: cached rows of other versions are measured again."""

RATE = 44100
WIDTH_FLOOR = 1e-4
"""Share of a signal's energy, -40 dB, below which the energy of a side is not audible."""
SDR_LIMIT = 100.0


def measure(reference: FloatArray, decoded: FloatArray) -> dict[str, float]:
    """Compute every metric of a stereo or mono clip at 44.1 kHz.

    Returns:
        mel, stft, visqol (1 to 5), what `spectral_errors` returns, nmr (dB), si_sdr, si_sdr_mid, si_sdr_side (dB; nan
        where the reference has no such signal), bandwidth_hz, bandwidth_kept (0 to 1), width_error_db, level_error_db,
        clipped (samples at full scale, beyond those of the reference), and what `panel` returns.

    Shape:
        - reference, decoded: [C, N], C 1 or 2, equal

    Raises:
        UsageError: unequal or empty shapes.
    """
    result = quick_metrics(reference, decoded)
    ours, theirs = (bandwidth(reference, x) for x in (decoded, reference))
    result |= {
        **spectral_errors(reference, decoded),
        "bandwidth_hz": ours,
        "bandwidth_kept": ours / theirs if theirs > 0 else 1.0,
        "width_error_db": width_error(reference, decoded),
        "level_error_db": _decibel(_energy(decoded), _energy(reference)),
        "clipped": float(max(0, clipped(decoded) - clipped(reference))),
    }
    return result | panel(reference, decoded)


def spectral_errors(reference: FloatArray, decoded: FloatArray) -> dict[str, float]:
    """The founding study's measure, in the units that it may have meant.

    Returns:
        rmse_44k and rmse_8k, of natural-log magnitudes at 44.1 kHz, and of the mean of the channels at 8 kHz;
        rmse_8k_linear, of linear magnitudes there, and rmse_8k_relative, the same as a share of the reference's
        magnitudes (nan where the reference is silent). Windows at 8 kHz have 512 samples, 128 apart, as the study's.

    Shape:
        - reference, decoded: [C, N] at 44.1 kHz, equal
    """
    low = [resample(fold(x)[None], RATE, 8000) for x in (reference, decoded)]
    linear, relative = linear_spectral_rmse(low[0], low[1])
    return {
        "rmse_44k": log_spectral_rmse(reference, decoded),
        "rmse_8k": log_spectral_rmse(low[0], low[1], 512, 128),
        "rmse_8k_linear": linear,
        "rmse_8k_relative": relative,
    }


def quick_metrics(reference: FloatArray, decoded: FloatArray, *, with_visqol: bool = True) -> dict[str, float]:
    """The main metrics: mel, stft, nmr, si_sdr, si_sdr_mid, si_sdr_side and, unless declined, visqol.

    Shape:
        - reference, decoded: [C, N] at 44.1 kHz, C 1 or 2, equal

    Raises:
        UsageError: unequal or empty shapes.
    """
    check_pair(reference, decoded)
    middle, side = _mid_side(reference), _mid_side(decoded)
    result = {
        "mel": mel_distance(reference, decoded),
        "stft": stft_distance(reference, decoded),
        "nmr": float(noise_to_mask(resample(reference, RATE, 48000), resample(decoded, RATE, 48000)).mean()),
        "si_sdr": si_sdr(reference, decoded),
        "si_sdr_mid": si_sdr(middle[:1], side[:1]),
        "si_sdr_side": si_sdr(middle[1:], side[1:]),
    }
    if with_visqol:
        result["visqol"] = visqol(reference, decoded, RATE)
    return result


def si_sdr(reference: FloatArray, decoded: FloatArray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB, channels taken as one long vector with one scale.

    Between -100 and 100; nan where the reference is silent.

    Shape:
        - reference, decoded: any, equal
    """
    a, b = (np.asarray(x, np.float64).ravel() for x in (reference, decoded))
    energy = float(a @ a)
    if energy == 0:
        return float("nan")
    target = float(a @ b) / energy * a
    noise = b - target
    limit = 10 ** (-SDR_LIMIT / 10)
    kept, lost = float(target @ target), float(noise @ noise)
    if kept <= limit * lost or kept == 0:
        return -SDR_LIMIT
    return min(SDR_LIMIT, _decibel(kept, max(lost, limit * kept)))


def bandwidth(reference: FloatArray, decoded: FloatArray, sample_rate: int = RATE) -> float:
    """Highest frequency in Hz at which the long-term spectrum of `decoded` is within 10 dB of the reference's.

    Bands are about 215 Hz wide; those in which the reference is 100 dB or more below a full-scale sine do not count.
    The result is 0 if there is no such frequency.

    Shape:
        - reference, decoded: [C, N], equal
    """
    wanted, got = (_long_term(x) for x in (reference, decoded))
    kept = np.flatnonzero((wanted > 1e-10) & (got > 0.1 * wanted))
    return float((kept[-1] + 1) * 10 * sample_rate / 2048) if kept.size else 0.0


def width_error(reference: FloatArray, decoded: FloatArray) -> float:
    """Side-to-mid energy ratio of `decoded` over that of `reference`, in dB: above 0 is too wide. 0 for mono.

    Energies have a floor of -40 dB of the signal's energy, so that inaudible differences do not count.

    Shape:
        - reference, decoded: [C, N], equal
    """
    if len(reference) == 1:
        return 0.0
    a, b = _mid_side(reference), _mid_side(decoded)
    floors = [WIDTH_FLOOR * _energy(x) for x in (a, b)]
    ratios = [_decibel(max(_energy(x[1]), low), max(_energy(x[0]), low)) for x, low in zip((a, b), floors, strict=True)]
    return ratios[1] - ratios[0]


def clipped(x: FloatArray) -> int:
    """Number of samples at 16-bit full scale or beyond.

    Shape:
        - x: [C, N]
    """
    return int(np.count_nonzero((x >= 32767 / 32768) | (x <= -1)))


def _mid_side(x: FloatArray) -> FloatArray:
    return np.stack([x[0] + x[1], x[0] - x[1]]) / 2 if len(x) == 2 else np.concatenate([x, 0 * x])


def _energy(x: npt.NDArray[Any]) -> float:
    return float((x.astype(np.float64) ** 2).sum())


def _decibel(a: float, b: float) -> float:
    return float(10 * np.log10((a + 1e-30) / (b + 1e-30)))


def _long_term(x: FloatArray) -> npt.NDArray[np.float64]:
    # Mean power of bands of ten bins, strongest channel, with a full-scale sine on a bin as 1.
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, max(0, 2048 - x.shape[1]))))
    power = 2 * signal.welch(padded, nperseg=2048, noverlap=1536, detrend=False, scaling="spectrum", axis=1)[1].max(
        axis=0
    )
    return np.asarray(power[1:1021].reshape(-1, 10).mean(axis=1))
