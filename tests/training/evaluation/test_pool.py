"""Processes that measure clips end with what started them."""

import tempfile
import time
from pathlib import Path

import pytest

from training.evaluation.pool import clip_pool


def test_an_exception_ends_clips_that_are_measured() -> None:
    began, made = time.monotonic(), ""
    with pytest.raises(KeyboardInterrupt), clip_pool(1) as pool:
        made = pool.submit(tempfile.mkdtemp).result()
        pool.submit(time.sleep, 600)
        raise KeyboardInterrupt
    assert time.monotonic() - began < 300
    assert made and not Path(made).exists()
