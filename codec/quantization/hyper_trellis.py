"""Trellis quantization of hyper latents: of all paths near theirs, the one of least error and fewest bits.

Rounding alone makes a latent flicker between two integers while the music holds still, and every flicker is paid for.
Each band of each segment takes the path, through the integers next to its latents, that minimises squared error plus
WEIGHTS times the code length under the model's own tables (Viterbi's algorithm). Contexts are those of plain rounding,
so that bands do not wait for each other. Files are what any encoder may write: decoders know nothing of it.
"""

import numpy as np
from numpy.typing import NDArray

from formats.grid import BANDS, HYPER_MAX, HYPER_MIN, HYPER_SIZE
from formats.model.scales import GROUP
from formats.model.tables import BAND_GROUPS, CHANGE_CONTEXTS, HYPER_SYMBOLS, PRECISION
from formats.payload.hyper_latents import table_rows

WEIGHTS = np.linspace(2, -0.6, BANDS, dtype=np.float32).clip(0.05) * np.array([[1], [2]], np.float32)
"""Squared half octaves that a bit is worth, [2, 24] (training/LOG.md).

Most of a low band is sent, whatever its loudness was said to be; of a high one it is all that is known, and held still
it is heard as another sound. The second channel is mostly the quieter one.
"""

_HALF = HYPER_SYMBOLS // 2
_APART = np.arange(3) - np.arange(3)[:, None] + 2  # by the candidate before and a vector's own: 0...4


def change_code_lengths(frequencies: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Code lengths of changes from a model's hyper tables [64, 64]: [56, 64], by context and band group, and symbol."""
    known = frequencies[: CHANGE_CONTEXTS * BAND_GROUPS].astype(np.float32)
    return np.asarray(np.float32(PRECISION) - np.log2(known), np.float32)


def trellis_quantize(hyper: NDArray[np.float32], bits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Whole numbers in -31...31 for hyper latents, each at most one from where it would be rounded to.

    Shape:
        hyper: [G, 48], from a segment's start on; bits: [56, 64] as `change_code_lengths` gives them -> [G, 48].
    """
    missing = -len(hyper) % GROUP
    known = np.nan_to_num(hyper, nan=HYPER_MAX)  # where samples of 1e19 and more overflowed: as loud as can be told
    padded = np.concatenate([known, np.zeros((missing, HYPER_SIZE), np.float32)]).reshape(-1, GROUP, HYPER_SIZE)
    wanted = np.clip(padded, HYPER_MIN + 1, HYPER_MAX).swapaxes(0, 1)  # [42, segments, 48]
    rounded = np.rint(wanted)
    around = np.arange(-1, 2, dtype=np.float32)[:, None, None]
    candidates = np.clip(rounded[:, None] + around, HYPER_MIN + 1, HYPER_MAX)  # [42, 3, segments, 48]
    error = (candidates - wanted[:, None]) ** 2
    cost = WEIGHTS.ravel() * _lengths(np.diff(rounded, axis=0).astype(np.int64), bits)
    # What the last segment lacks is free, whichever way it goes.
    error[GROUP - missing :, :, -1] = cost[max(GROUP - missing, 1) - 1 :, :, -1] = 0
    total, came = error[0], np.empty(error.shape, np.int8)
    for moment in range(1, GROUP):
        first, second, third = total[:, None] + cost[moment - 1][_APART]
        least = np.minimum(first, second)
        came[moment] = np.where(third < least, np.int8(2), second < first)
        total = np.minimum(least, third) + error[moment]
    taken = np.empty(wanted.shape, np.int64)
    taken[-1] = total.argmin(0)
    for moment in range(GROUP - 1, 0, -1):
        taken[moment - 1] = np.take_along_axis(came[moment], taken[moment][None], 0)[0]
    settled = np.take_along_axis(candidates, taken[:, None], 1)[:, 0]
    return settled.swapaxes(0, 1).reshape(-1, HYPER_SIZE)[: len(hyper)]


def _lengths(change: NDArray[np.int64], bits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bits of changes and of those up to two less and more, in the changes' contexts: [n, S, 48] -> [n, 5, S, 48]."""
    tables = table_rows(change.reshape(-1, HYPER_SIZE)).reshape(change.shape)
    symbols = (change[:, None] + np.arange(-2, 3)[:, None, None] + _HALF) % HYPER_SYMBOLS
    return np.asarray(np.take(bits, tables[:, None] * HYPER_SYMBOLS + symbols), np.float32)
