"""The synthesized song: its length, its range, and the same samples every time."""

import numpy as np
import pytest

from codec.audio.demo import BAR, song


@pytest.mark.parametrize("seconds", [0.0, 0.5, 2.0, 5.25])
def test_it_lasts_as_long_as_asked_and_repeats(seconds: float) -> None:
    blocks = list(song(seconds))
    assert all(block.shape == (2, BAR) for block in blocks[:-1])
    x, again = (np.concatenate([np.zeros((2, 0), np.float32), *part], 1) for part in (blocks, song(seconds)))
    assert x.dtype == np.float32 and x.shape == (2, round(seconds * 44_100))
    assert np.array_equal(x, again) and np.abs(x).max(initial=0) <= 1
    if seconds:
        left, right = np.square(x).mean(1)
        assert left > 1e-4 and right > 1e-4 and left != right
