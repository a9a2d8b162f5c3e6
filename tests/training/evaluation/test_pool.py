"""Processes that measure clips end with what started them."""

import time

import pytest

from training.evaluation.pool import clip_pool


def test_an_exception_ends_clips_that_are_measured() -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), clip_pool(1) as pool:
        assert pool.submit(abs, -1).result() == 1
        pool.submit(time.sleep, 600)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 300
