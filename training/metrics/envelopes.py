"""Correlation and fluctuation of the envelopes of auditory bands.

Roughness, texture and the pulses of voices lie in envelopes of 16 to 256 Hz, rhythm and words in those of 2 to 16 Hz
(T. Houtgast and H. Steeneken 1985; T. Dau, B. Kollmeier and A. Kohlrausch 1997). Noise of the right level in place of
a signal has the right spectrum and the wrong envelopes.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import fft

from training.metrics.bands import RANGES, RATE, TOP, Doubles, erb_inverse, erb_scale, mean
from training.metrics.spectral import FloatArray

LOWEST = 100.0  # Hz
SLOW, FAST = (2.0, 16.0), (16.0, 256.0)  # Hz of modulation
SLOW_SECONDS, FAST_SECONDS = 2.0, 0.5  # segments over which envelopes are correlated, so that soft passages count
ENVELOPE_RATE = 640  # Hz
QUIETEST = 1e-4  # mean envelope of a segment, -80 dB of a full-scale sine
STEADIEST = 0.01  # fluctuation below which an original's envelope has nothing to correlate
LARGEST = 10.0  # ratio of fluctuations
LEAST = 0.1  # of the original's envelope, -20 dB, below which a band of the decoded signal counts as missing
TENTH = RATE // 10  # samples
EDGE = RATE // 20  # samples at either end, where filters see the silence beyond
SHORTEST = RATE // 2  # samples
NAMES = (
    *("envelope_slow", "envelope_slow_2k", "envelope_slow_4k", "envelope_slow_8k"),
    *("envelope_fast", "envelope_fast_2k", "envelope_fast_4k", "envelope_fast_8k"),
    *("fluctuation_4k", "fluctuation_8k"),
)
Floats = npt.NDArray[np.float32]


class Envelopes(NamedTuple):
    """Envelopes of one signal at 640 Hz."""

    slow: Floats  # [C, B, T], only 2 to 16 Hz
    fast: Floats  # [C, B, T], only 16 to 256 Hz
    smooth: Floats  # [C, B, T], only up to 2 Hz


def envelopes(reference: FloatArray, decoded: FloatArray) -> dict[str, float]:
    """Correlation of band envelopes and ratio of their fluctuation.

    Magnitude (Hilbert) envelopes of bands one ERB apart from 0.1 to 15 kHz, in segments of 2 s for the slow
    modulations and half a second for the fast ones. Segments in which the original's envelope is below -80 dB of full
    scale, or steady, do not count. A metric is nan where no segment counts, or where the clip is below half a second.

    Returns:
        envelope_slow, envelope_fast: Pearson's correlation with the original's, mean over all segments, bands and
            channels, -1 to 1, higher is better.
        envelope_slow_2k ... envelope_fast_8k: the same over the bands of 2 to 4, 4 to 8 and 8 to 15 kHz.
        fluctuation_4k, fluctuation_8k: fluctuation (standard deviation of the fast envelope over the mean of the
            envelope, averaged over segments) over that of the original, geometric mean over bands and channels, each
            limited to 0.1 ... 10; 1 is as the original.

    Shape:
        - reference, decoded: [C, N] at 44.1 kHz, equal
    """
    if reference.shape[1] < SHORTEST:
        return dict.fromkeys(NAMES, float("nan"))
    a, b = (band_envelopes(x) for x in (reference, decoded))
    centres = band_centres()
    slow, fast = _correlation(a, b, "slow", SLOW_SECONDS), _correlation(a, b, "fast", FAST_SECONDS)
    result = {"envelope_slow": mean(slow[np.isfinite(slow)]), "envelope_fast": mean(fast[np.isfinite(fast)])}
    change = _fluctuation_change(a, b)
    for name, (low, high) in RANGES.items():
        inside = (centres >= low) & (centres < high)
        for kind, values in (("slow", slow[:, inside]), ("fast", fast[:, inside])):
            result[f"envelope_{kind}_{name}"] = mean(values[np.isfinite(values)])
        if name != "2k":
            kept = change[:, inside]
            result[f"fluctuation_{name}"] = float(np.exp(mean(kept[np.isfinite(kept)])))
    return result


@lru_cache(maxsize=1)
def band_centres() -> Doubles:
    """Centres in Hz of the bands, one ERB apart: [B]."""
    first, last = (float(erb_scale(f)) for f in (LOWEST, TOP))
    return erb_inverse(np.arange(first + 0.5, last))


def band_envelopes(x: FloatArray) -> Envelopes:
    """Envelopes of every band, split by the rate of their modulation: whole tenths of a second, from 50 ms on.

    One transform of the whole signal; bands are Hann-shaped on the ERB scale, two ERB from zero to zero. Each is moved
    to 0 Hz, where its magnitude after the inverse transform is the envelope. The envelopes are filtered by a cosine
    transform, which continues them as mirror images, so that the clip's ends are no modulation.

    Shape:
        - x: [C, N], N at least 200 ms
    """
    # With all lengths in tenths of a second, those of the bands are whole numbers without large prime factors.
    tenths = (x.shape[1] - 2 * EDGE) // TENTH
    whole = fft.next_fast_len(tenths + 2)
    size = whole * TENTH
    padded = np.zeros((len(x), size), np.float32)
    padded[:, : tenths * TENTH + EDGE] = x[:, EDGE:][:, : tenths * TENTH + EDGE]
    padded[:, -EDGE:] = x[:, :EDGE]  # the transform is circular: time 0 is where the first envelope is wanted
    spectrum = fft.rfft(padded, axis=1)
    length = tenths * ENVELOPE_RATE // 10 + 1
    numbers = erb_scale(np.arange(size // 2 + 1, dtype=np.float64) * RATE / size)
    cosines = np.zeros((len(x), len(band_centres()), length), np.float32)
    for i, centre in enumerate(erb_scale(band_centres())):
        first, last = (int(edge) for edge in np.searchsorted(numbers, [centre - 1, centre + 1]))
        shape = np.cos(np.pi / 2 * (numbers[first:last] - centre)).astype(np.float32) ** 2
        # Magnitudes have more bandwidth than what they are taken of; this is room enough for 256 Hz of modulation.
        points = whole * fft.next_fast_len(max(2 * (last - first) // whole + 1, 2 * ENVELOPE_RATE // 10))
        # Twice the signal, without negative frequencies, is its analytic signal.
        analytic = fft.ifft(spectrum[:, first:last] * shape, points, axis=1) * (2 * points / size)
        kept = points // whole * tenths + 1
        found = fft.dct(np.abs(analytic[:, :kept]), type=1, axis=1, norm="forward")[:, :length]
        cosines[:, i, : found.shape[1]] = found
    modulation = np.arange(length) * 5 / tenths
    masks = [modulation <= SLOW[0], *((modulation > low) & (modulation <= high) for low, high in (SLOW, FAST))]
    smooth, slow, fast = (
        np.asarray(fft.idct(cosines * mask, type=1, axis=-1, norm="forward"), np.float32) for mask in masks
    )
    return Envelopes(slow, fast, smooth)


def _segments(x: Floats, seconds: float) -> Floats:
    # [C, B, T] -> [C, B, S, T'], whole segments, or one of what there is.
    size = min(int(seconds * ENVELOPE_RATE), x.shape[-1])
    count = x.shape[-1] // size
    return x[..., : count * size].reshape(*x.shape[:2], count, size)


def _counts(a: Envelopes, parts: Floats, seconds: float) -> npt.NDArray[np.bool_]:
    # Segments of the original that are heard and not steady: [C, B, S].
    level = _segments(a.smooth, seconds).mean(axis=-1)
    return np.asarray((level > QUIETEST) & (parts.std(axis=-1) > STEADIEST * level))


def _correlation(a: Envelopes, b: Envelopes, kind: str, seconds: float) -> Doubles:
    # Pearson's correlation by segment, nan where the original has nothing: [C, B, S].
    p, q = (_segments(getattr(x, kind), seconds) for x in (a, b))
    counts = _counts(a, p, seconds)
    p, q = (x - x.mean(axis=-1, keepdims=True) for x in (p, q))
    energies = [np.einsum("cbst,cbst->cbs", x, y, dtype=np.float64) for x, y in ((p, q), (p, p), (q, q))]
    # An envelope that is steady where the original's is not has no correlation; the floor is -140 dB.
    found = energies[0] / np.sqrt(np.maximum(energies[1] * energies[2], 1e-28))
    return np.where(counts, found, np.nan)


def _fluctuation_change(a: Envelopes, b: Envelopes) -> Doubles:
    # Log of the ratio of fluctuations, decoded over original, nan where nothing counts: [C, B].
    counts = _counts(a, _segments(a.fast, FAST_SECONDS), FAST_SECONDS)
    totals = []
    wanted = _segments(a.smooth, FAST_SECONDS).mean(axis=-1)
    for x in (a, b):
        # What leaks into a band that the decoded signal lacks fluctuates wildly, but is not heard.
        level = np.maximum(_segments(x.smooth, FAST_SECONDS).mean(axis=-1), np.maximum(LEAST * wanted, 1e-6))
        fluctuation = _segments(x.fast, FAST_SECONDS).std(axis=-1) / level
        totals.append(np.where(counts, fluctuation, 0).sum(axis=-1, dtype=np.float64))
    ratio = np.maximum(totals[1], 1e-9) / np.maximum(totals[0], 1e-9)
    return np.where(counts.any(axis=-1), np.log(np.clip(ratio, 1 / LARGEST, LARGEST)), np.nan)
