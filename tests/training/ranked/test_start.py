"""The noise that training starts from, against its generator as it was published."""

import numpy as np
import pytest

from formats.grid import COEFFICIENTS, SEGMENT
from training.ranked.start import noise


def philox(key: int, count: int) -> list[int]:
    """Philox4x64-10 as its authors published it: words of blocks 1, 2, ... under a key."""
    mask, out, block = 2**64 - 1, [], 0
    while len(out) < count:
        block += 1
        c, k = [block, 0, 0, 0], [key, 0]
        for _ in range(10):
            high0, low0 = divmod(0xD2E7470EE14C6C93 * c[0], 2**64)
            high1, low1 = divmod(0xCA5A826395121157 * c[2], 2**64)
            c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
            k = [(k[0] + 0x9E3779B97F4A7C15) & mask, (k[1] + 0xBB67AE8584CAA73B) & mask]
        out += c
    return out[:count]


@pytest.mark.parametrize("number", [0, 1])
def test_noise_is_the_published_generator(number: int) -> None:
    words = philox(number, 700)
    integers = [(word >> shift & 0xFFFF) for word in words for shift in (0, 16, 32, 48)]
    wanted = [(n - 0x10000 if n >= 0x8000 else n) * np.sqrt(3) / 32768 for n in integers]
    got = noise()
    assert got.shape == (2, SEGMENT, COEFFICIENTS) and got.dtype == np.float32
    np.testing.assert_allclose(got[number].ravel()[:2800], wanted, rtol=1e-6)
    assert np.std(got[number]) == pytest.approx(1, abs=0.01)
