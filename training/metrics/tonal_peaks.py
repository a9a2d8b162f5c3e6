"""How many of the original's tonal peaks the decoded signal still has.

A peak is a bin of a spectrum of 93 ms that exceeds its two neighbours on both sides, stands 12 dB above the median of
its surroundings, and does so in the frames before and after within one bin. White noise hardly has any. Noise in place
of tones, a tone that is missing, and noise between the tones all lose peaks, which distances of smooth spectra forgive.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from training.metrics.bands import RANGES, RATE, spectra
from training.metrics.spectral import FloatArray

WINDOW, HOP = 4096, 1024
AROUND, STEP = 48, 8  # bins of the median (517 Hz), and bins from one median to the next
PROMINENCE = 12.0  # dB above the median
KEPT_PROMINENCE = 2 / 3  # share in dB of the original's prominence that the decoded peak has to have,
ENOUGH = 24.0  # but not more than this: over such noise a tone stands clear of its auditory band
LEVEL = 6.0  # dB by which a peak's level may change
QUIETEST, DEPTH = -80.0, 60.0  # dB of a full-scale sine, and dB below the frame's loudest bin
FEWEST = 50  # peaks
Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]


def tonal_peaks(reference: FloatArray, decoded: FloatArray) -> dict[str, float]:
    """Share of the original's tonal peaks that survive: peaks_2k, peaks_4k, peaks_8k, 0 to 1, higher is better.

    A peak survives if the decoded signal has one within one bin, with its level within 6 dB and with two thirds of its
    prominence in dB, of which 24 are always enough. Peaks below -80 dB of a full-scale sine or 60 dB below their
    frame's loudest bin do not count. A band with fewer than 50 peaks is nan. Channels are taken together.

    Shape:
        - reference, decoded: [C, N] at 44.1 kHz, equal
    """
    low, high = (round(edge * WINDOW / RATE) for edge in (RANGES["2k"][0], RANGES["8k"][1]))
    a, loudest = _levels(reference, low, high)
    b, _ = _levels(decoded, low, high)
    above_a, above_b = _above_median(a), _above_median(b)
    asked = np.minimum(KEPT_PROMINENCE * above_a, ENOUGH)
    tonal = _persistent(_local_maxima(a) & (above_a >= PROMINENCE))
    tonal &= a > np.maximum(QUIETEST, loudest - DEPTH)[..., None]
    stands = np.zeros_like(tonal)
    peaks_b = _local_maxima(b)
    for shift in (-1, 0, 1):
        level, above = (np.roll(x, shift, axis=-1) for x in (b, above_b))
        alike = (np.abs(level - a) <= LEVEL) & (above >= asked)
        stands |= np.roll(peaks_b, shift, axis=-1) & alike
    f = np.arange(low, high) * RATE / WINDOW
    result = {}
    for name, (start, stop) in RANGES.items():
        inside = tonal[..., (f >= start) & (f < stop)]
        count = int(np.count_nonzero(inside))
        kept = int(np.count_nonzero(inside & stands[..., (f >= start) & (f < stop)]))
        result[f"peaks_{name}"] = kept / count if count >= FEWEST else float("nan")
    return result


def _levels(x: FloatArray, low: int, high: int) -> tuple[Floats, Floats]:
    # Levels in dB of bins low ... high: [C, F, K], and of the loudest bin of all: [C, F].
    magnitudes = np.abs(spectra(x, WINDOW, HOP))
    loudest = 20 * np.log10(magnitudes.max(axis=-1) + 1e-7)
    return 20 * np.log10(magnitudes[..., low:high] + np.float32(1e-7)), loudest


def _above_median(level: Floats) -> Floats:
    # Height over the running median, which is taken at every eighth bin and interpolated: [C, F, K].
    size = level.shape[-1]
    padded = np.pad(level, ((0, 0), (0, 0), (AROUND // 2, AROUND // 2)), mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, AROUND, axis=-1)[..., ::STEP, :]
    medians = np.partition(around, AROUND // 2, axis=-1)[..., AROUND // 2]
    place = np.arange(size) / STEP
    left = np.minimum(place.astype(int), medians.shape[-1] - 1)
    right = np.minimum(left + 1, medians.shape[-1] - 1)
    share = (place - left).astype(np.float32)
    return np.asarray(level - (medians[..., left] * (1 - share) + medians[..., right] * share), np.float32)


def _local_maxima(level: Floats) -> Booleans:
    # Bins above both neighbours and not below the next two: [C, F, K].
    result = np.zeros(level.shape, np.bool_)
    middle = level[..., 2:-2]
    result[..., 2:-2] = (
        (middle > level[..., 1:-3])
        & (middle > level[..., 3:-1])
        & (middle >= level[..., :-4])
        & (middle >= level[..., 4:])
    )
    return result


def _persistent(peaks: Booleans) -> Booleans:
    # Peaks that have another within one bin in the frames before and after.
    wide = ndimage.binary_dilation(peaks, np.ones((1, 1, 3), np.bool_))
    result = np.zeros_like(peaks)
    result[:, 1:-1] = peaks[:, 1:-1] & wide[:, :-2] & wide[:, 2:]
    return result
