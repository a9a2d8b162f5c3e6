"""The `zstd` coder: planes of small integers in a zstd frame, simple enough to be rewritten in an hour."""

import numpy as np
import zstandard
from numpy.typing import NDArray

from formats.errors import DamagedError
from formats.grid import HYPER_MAX, HYPER_MIN, HYPER_SIZE

COMPRESSION = 12
"""zstd's compression level: the size is within one per cent of level 19 at a tenth of the time."""

_TYPES = {1: "<i1", 2: "<i2", 4: "<i4"}


FAST = 1
"""The level for an estimate: it takes a fifth of the time, and the size is at most an eighth above COMPRESSION's."""


def encode(hyper: NDArray[np.int8], indices: NDArray[np.int32], level: int = COMPRESSION) -> bytes:
    """One byte (bytes of a quantization index: 1, 2 or 4), then zstd of hyper planes [48, G] and rank planes [M, F].

    Quantization indices of more than one byte are split into byte planes, least significant first, because the upper
    ones are nearly constant.
    """
    peak = int(np.abs(indices).max(initial=0))
    width = 1 if peak < 1 << 7 else 2 if peak < 1 << 15 else 4
    planes = np.ascontiguousarray(indices.T.astype(_TYPES[width])).view(np.uint8).reshape(-1, width).T
    body = np.ascontiguousarray(hyper.T).tobytes() + planes.tobytes()
    return bytes([width]) + zstandard.ZstdCompressor(level=level).compress(body)


def decode(data: bytes, frames: int, count: int, main: int) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Inverse of `encode`: `count` hyper vectors [G, 48], and quantization indices [F, M].

    Raises:
        DamagedError: the bytes do not hold exactly that many integers.
    """
    width = data[0] if data else 0
    if width not in _TYPES:
        raise DamagedError("a chunk's integers have a width that does not exist")
    vectors = count * HYPER_SIZE
    size = vectors + frames * main * width
    try:
        # Checked before anything is allocated; a frame that does not state its size may ask for a window of 128 MB.
        if zstandard.frame_content_size(data[1:]) != size:
            raise DamagedError("a chunk does not hold as many integers as its frames need")
        body = zstandard.ZstdDecompressor().decompress(data[1:], allow_extra_data=False)
    except zstandard.ZstdError:
        raise DamagedError("a chunk's zstd data is broken") from None
    planes = np.frombuffer(body, np.uint8)
    hyper = planes[:vectors].view(np.int8).reshape(HYPER_SIZE, count).T
    values = np.ascontiguousarray(planes[vectors:].reshape(width, -1).T).view(_TYPES[width]).reshape(main, frames).T
    if vectors and not (hyper.min() >= HYPER_MIN and hyper.max() <= HYPER_MAX):
        raise DamagedError("a chunk holds a hyper latent beyond its range")
    return hyper.copy(), np.ascontiguousarray(values.astype(np.int32))
