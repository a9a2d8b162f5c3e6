"""Attacks of music: what the codec puts before them, and what it takes from them.

Unlike `pre_echo`, which needs onsets from a manifest, this finds them in the original.
"""

import numpy as np
from scipy import ndimage, signal

from training.metrics.bands import RATE, Doubles, decibel, mean
from training.metrics.spectral import FloatArray

BLOCK = 44  # samples, 1 ms
BEFORE, GAP, AFTER = 24, 1, 20  # ms: the power from 25 to 1 ms before an onset, and of the 20 ms after it
RISE = 8.0  # dB
APART = 60  # ms
QUIETEST, DEPTH = 1e-6, 30.0  # power of an attack (-60 dB), and dB below the clip's strongest
MASKED = 50.0  # dB below the attack, under which nothing before it is heard
LARGEST = 30.0  # dB that one attack can lose
LOUDEST = 1e6  # power that no signal has
FEWEST = 3  # onsets


def attacks(reference: FloatArray, decoded: FloatArray) -> dict[str, float]:
    """Excess before attacks and loss in them, above 1 kHz, both in dB, lower is better; nan with fewer than 3 onsets.

    Returns:
        attack_before_db: power of the decoded signal from 25 to 1 ms before an onset over the original's, mean over
            onsets. Too little before one onset counts as 0 and does not make up for too much before another. What is
            50 dB below the attack does not count.
        attack_loss_db: power of the original in the 20 ms after an onset over the decoded's, mean over onsets. Attacks
            that are too strong count as 0, and 30 dB is the most.

    Shape:
        - reference, decoded: [C, N] at 44.1 kHz, equal
    """
    a, b = (_block_powers(x) for x in (reference, decoded))
    onsets = _onsets(a)
    if len(onsets) < FEWEST:
        return {"attack_before_db": float("nan"), "attack_loss_db": float("nan")}
    before_a, before_b = (_mean_before(x)[onsets] for x in (a, b))
    after_a, after_b = (_mean_after(x)[onsets] for x in (a, b))
    floor = after_a * 10 ** (-MASKED / 10)
    excess = decibel(np.maximum(before_b, floor), np.maximum(before_a, floor))
    loss = decibel(after_a, np.maximum(after_b, after_a * 10 ** (-LARGEST / 10)))
    return {"attack_before_db": mean(np.maximum(excess, 0)), "attack_loss_db": mean(np.maximum(loss, 0))}


def find_attacks(reference: FloatArray) -> Doubles:
    """Onsets in seconds, to a millisecond: the 20 ms after hold 8 dB more power above 1 kHz than those before.

    Powers of the channels are added, so that a hit on one side counts. Of onsets within 60 ms the sharpest counts.

    Shape:
        - reference: [C, N] at 44.1 kHz
    """
    return np.asarray(_onsets(_block_powers(reference)) * (BLOCK / RATE), np.float64)


def _block_powers(x: FloatArray) -> Doubles:
    # Mean square of 1 ms, channels added. The filter is causal: nothing of an attack gets in front of it.
    sos = signal.butter(4, 1000, "highpass", fs=RATE, output="sos")
    count = x.shape[1] // BLOCK
    high = signal.sosfilt(sos, np.asarray(x, np.float64), axis=1)[:, : count * BLOCK].reshape(len(x), count, BLOCK)
    return np.asarray(np.einsum("cnb,cnb->n", high, high) / BLOCK)


def _running(x: Doubles, length: int) -> Doubles:
    # Mean of x[i : i + length] for every i that has it.
    total = np.concatenate([[0.0], np.cumsum(x)])
    return np.asarray(np.maximum(total[length:] - total[:-length], 0) / length)


def _mean_before(x: Doubles) -> Doubles:
    # At index i, the mean from 25 to 1 ms before; too much for any rise where the signal does not reach back so far.
    found = np.full(len(x), LOUDEST)
    found[BEFORE + GAP :] = _running(x, BEFORE)[: max(0, len(x) - BEFORE - GAP)]
    return found


def _mean_after(x: Doubles) -> Doubles:
    found = np.zeros(len(x))
    found[: max(0, len(x) - AFTER + 1)] = _running(x, AFTER)
    return found


def _onsets(x: Doubles) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    if len(x) < BEFORE + GAP + AFTER:
        return np.zeros(0, np.intp)
    before, after = _mean_before(x), _mean_after(x)
    floor = np.maximum(after * 10 ** (-MASKED / 10), 1e-12)
    rise = decibel(np.maximum(after, 1e-12), np.maximum(before, floor))
    # Where silence makes the rise the same for many blocks, the strongest counts.
    rise = rise + 1e-3 * decibel(np.maximum(after, 1e-12), np.array(1.0))
    heard = after > max(QUIETEST, after.max() * 10 ** (-DEPTH / 10))
    peak = rise == ndimage.maximum_filter1d(rise, 2 * APART + 1)
    return np.asarray(np.flatnonzero(peak & heard & (rise >= RISE)))
