"""Trellis quantization of hyper latents: the path through integers with the least cost in error and bits.

Rounding alone makes a latent flicker between two integers in stationary music, and every change costs bits. Each band
of each segment instead takes the path, through the integers next to its latents, that minimizes squared error plus
WEIGHTS times the code length under the model's own tables (Viterbi's algorithm). Code lengths are taken in the contexts
that plain rounding would give, so that bands can be searched independently. Decoders are not affected.

Source: trellis quantization by dynamic programming, Viterbi 1967 and Forney 1973.
"""

import numpy as np
from numpy.typing import NDArray

from formats.grid import BANDS, HYPER_MAX, HYPER_MIN, HYPER_SIZE
from formats.model.scales import SEGMENT_VECTORS
from formats.model.tables import BAND_GROUPS, CHANGE_CONTEXTS, HYPER_SYMBOLS, PRECISION
from formats.payload.hyper_latents import table_rows

WEIGHTS = np.linspace(2, -0.6, BANDS, dtype=np.float32).clip(0.05) * np.array([[1], [2]], np.float32)
"""Lagrangian weights: cost of a bit in squared half octaves, [2, 24] by channel and band (training/LOG.md).

Low bands are mostly sent as main latents, so their envelope matters less. Of a high band the decoder knows the envelope
alone, and smoothing it is audible. The second channel is mostly the quieter one.
"""

_HALF = HYPER_SYMBOLS // 2
_STEP = np.arange(3) - np.arange(3)[:, None] + 2  # index 0...4 of a change, by the candidates of a vector and the next


def change_code_lengths(frequencies: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Bits of every change of a hyper latent.

    Shape:
        frequencies: a model's hyper tables [64, 64] -> [56, 64], by context and band group, and by symbol
    """
    changes = frequencies[: CHANGE_CONTEXTS * BAND_GROUPS].astype(np.float32)
    return np.asarray(np.float32(PRECISION) - np.log2(changes), np.float32)


def trellis_quantize(hyper: NDArray[np.float32], bits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Quantize hyper latents to whole numbers in -31...31, each at most one away from plain rounding.

    Shape:
        hyper: [G, 48] half octaves, from a segment's start on; bits: [56, 64] from `change_code_lengths` -> [G, 48]
    """
    missing = -len(hyper) % SEGMENT_VECTORS
    known = np.nan_to_num(hyper, nan=HYPER_MAX)  # samples of 1e19 and more overflow and become the largest value
    padded = np.concatenate([known, np.zeros((missing, HYPER_SIZE), np.float32)])
    padded = padded.reshape(-1, SEGMENT_VECTORS, HYPER_SIZE)
    target = np.clip(padded, HYPER_MIN + 1, HYPER_MAX).swapaxes(0, 1)  # [42, segments, 48]
    rounded = np.rint(target)
    offsets = np.arange(-1, 2, dtype=np.float32)[:, None, None]
    candidates = np.clip(rounded[:, None] + offsets, HYPER_MIN + 1, HYPER_MAX)  # [42, 3, segments, 48]
    error = (candidates - target[:, None]) ** 2
    cost = WEIGHTS.ravel() * _code_lengths(np.diff(rounded, axis=0).astype(np.int64), bits)
    # The vectors that the last segment lacks are zeros, which rounding does not change. Steps to them cost nothing.
    cost[max(SEGMENT_VECTORS - missing, 1) - 1 :, :, -1] = 0
    chosen = _viterbi(error, cost)
    out = np.take_along_axis(candidates, chosen[:, None], 1)[:, 0]
    return out.swapaxes(0, 1).reshape(-1, HYPER_SIZE)[: len(hyper)]


def _viterbi(error: NDArray[np.float32], cost: NDArray[np.float32]) -> NDArray[np.int64]:
    """The candidates 0...2 on the cheapest path of every segment and band.

    Shape:
        error: [n, 3, S, 48] of every candidate; cost: [n - 1, 5, S, 48] of every step -> [n, S, 48]
    """
    total, previous = error[0], np.empty(error.shape, np.int8)
    steps = cost[:, _STEP]
    for step in range(1, len(error)):
        first, second, third = total[:, None] + steps[step - 1]
        least = np.minimum(first, second)
        previous[step] = np.where(third < least, np.int8(2), second < first)
        total = np.minimum(least, third) + error[step]
    paths = np.arange(total[0].size)
    chosen = np.empty((len(error), len(paths)), np.int64)
    chosen[-1] = total.argmin(0).ravel()
    for step in range(len(error) - 1, 0, -1):
        chosen[step - 1] = np.take(previous[step], chosen[step] * len(paths) + paths)
    return chosen.reshape(len(error), *error.shape[2:])


def _code_lengths(change: NDArray[np.int64], bits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bits of changes, and of changes by up to two less and more, in the changes' own contexts.

    Shape:
        change: [n, S, 48]; bits: [56, 64] -> [n, 5, S, 48]
    """
    tables = table_rows(change.reshape(-1, HYPER_SIZE)).reshape(change.shape)
    symbols = (change[:, None] + np.arange(-2, 3)[:, None, None] + _HALF) % HYPER_SYMBOLS
    return np.asarray(np.take(bits, tables[:, None] * HYPER_SYMBOLS + symbols), np.float32)
