"""Sample rate conversion block by block, for both ends of the codec."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resampled_length(samples: int, from_rate: int, to_rate: int) -> int:
    """samples * to_rate / from_rate, rounded half up, in integers, so that every machine agrees."""
    return (2 * samples * to_rate + from_rate) // (2 * from_rate)


class Resampler:
    """Converts a stream of blocks from one sample rate to another.

    The output does not depend on how the input is cut into blocks, and it has no delay. Its total length is within a
    sample or two of `resampled_length`; callers that need the exact number trim or pad the end. If both rates are
    equal, blocks pass through as they are.

    Args:
        from_rate: rate of what is pushed, Hz, above 0.
        to_rate: rate of what comes out, Hz, above 0.
        channels: C of every block.
    """

    def __init__(self, from_rate: int, to_rate: int, channels: int) -> None:
        self._channels = channels
        self._stream = None
        if from_rate != to_rate:
            import soxr

            # HQ keeps 20 bits: its error is 40 dB below the resolution of a 16 bit file.
            self._stream = soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality="HQ")

    def push(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take a block [C, N] float32 and return what is ready, [C, M] with M >= 0."""
        return self._run(block, last=False)

    def finish(self) -> NDArray[np.float32]:
        """Return the rest, [C, M]; nothing may be pushed after it."""
        return self._run(np.zeros((self._channels, 0), np.float32), last=True)

    def _run(self, block: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]:
        if self._stream is None:
            return block
        out: NDArray[np.float32] = self._stream.resample_chunk(np.ascontiguousarray(block.T), last=last)
        return np.ascontiguousarray(out.T)
