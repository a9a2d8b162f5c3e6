"""The middle of songs: samples, and files that are made once."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from codec.runtime import models
from tests.support.codec import encoded
from training.data import excerpts
from training.data.excerpts import CodedExcerpts, excerpt
from training.data.shards import FULL_SCALE
from training.data.songs import song


def test_excerpts_come_from_the_middle() -> None:
    x = np.arange(10 * 44100, dtype=np.int64).astype(np.int16)[None].repeat(2, 0)
    assert excerpt(x, 20).shape == x.shape
    part = excerpt(x, 2)
    assert part.shape == (2, 88200)
    assert part[0, 0] * FULL_SCALE == x[0, 4 * 44100]


def test_full_scale_of_a_shard_is_one() -> None:
    assert excerpt(np.full((2, 4), 32767, np.int16)).tolist() == [[1.0] * 4] * 2


def test_a_file_is_made_once_for_each_model_tier_and_excerpt(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = song(2.0, seed=1)
    first = CodedExcerpts(models.by_name("tiny"), 64, tmp_path)(samples).read()
    assert first == encoded(samples, latent=64)
    assert CodedExcerpts(models.by_name("tiny"), 32, tmp_path)(samples).read() != first
    monkeypatch.delattr(excerpts, "encode")
    assert CodedExcerpts(models.by_name("tiny"), 64, tmp_path)(samples).read() == first
    with pytest.raises(NameError):
        CodedExcerpts(models.by_name("tiny"), 64, tmp_path)(samples[:, 1:])
