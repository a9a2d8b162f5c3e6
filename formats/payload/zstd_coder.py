"""The `zstd` payload: planes of small integers, the coder anybody can write again in an hour."""

import numpy as np
import zstandard
from numpy.typing import NDArray

from formats.errors import DamagedError
from formats.grid import HYPER_MAX, HYPER_MIN, HYPER_SIZE

LEVEL = 12
"""zstd's effort; the size is within one per cent of level 19 at a tenth of the time."""

_TYPES = {1: "<i1", 2: "<i2", 4: "<i4"}


def encode(vectors: NDArray[np.int8], main: NDArray[np.int32]) -> bytes:
    """One byte (width of a main value: 1, 2 or 4 bytes), then zstd of hyper planes [48, G] and rank planes [M, F].

    A plane of more than one byte a value is split into its byte planes, least significant first, because the upper
    ones are nearly constant.
    """
    peak = int(np.abs(main).max(initial=0))
    width = 1 if peak < 1 << 7 else 2 if peak < 1 << 15 else 4
    planes = np.ascontiguousarray(main.T.astype(_TYPES[width])).view(np.uint8).reshape(-1, width).T
    body = np.ascontiguousarray(vectors.T).tobytes() + planes.tobytes()
    return bytes([width]) + zstandard.ZstdCompressor(level=LEVEL).compress(body)


def decode(data: bytes, frames: int, count: int, main: int) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Inverse of `encode`: `count` hyper vectors [G, 48], main [F, M].

    Raises:
        DamagedError: the bytes hold anything else than that many integers.
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
        body = zstandard.ZstdDecompressor().decompress(data[1:], max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError:
        raise DamagedError("a chunk's zstd data is broken") from None
    if len(body) != size:
        raise DamagedError("a chunk does not hold as many integers as its frames need")
    planes = np.frombuffer(body, np.uint8)
    hyper = planes[:vectors].view(np.int8).reshape(HYPER_SIZE, count).T
    values = np.ascontiguousarray(planes[vectors:].reshape(width, -1).T).view(_TYPES[width]).reshape(main, frames).T
    if vectors and not (hyper.min() >= HYPER_MIN and hyper.max() <= HYPER_MAX):
        raise DamagedError("a chunk holds a hyper latent beyond its range")
    return hyper.copy(), np.ascontiguousarray(values.astype(np.int32))
