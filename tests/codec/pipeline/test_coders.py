"""The two coders of payloads, and which of them a file takes if nobody names one."""

import numpy as np
import pytest

from formats.grid import SAMPLE_RATE
from tests.support.codec import Array, decoded, encoded
from tests.support.pipeline_files import unpacked

pytestmark = pytest.mark.usefixtures("tiny")
TEN = 10 * SAMPLE_RATE


def test_both_coders_hold_the_same_integers_and_auto_takes_the_smaller(music: Array) -> None:
    x = music[:, :TEN]
    files = {coder: encoded(x, coder=coder) for coder in ("range", "zstd", "auto")}
    a, b = unpacked(files["range"]), unpacked(files["zstd"])
    assert np.array_equal(a.indices, b.indices)
    assert np.array_equal(a.hyper, b.hyper)
    assert a.side_info.long_windows.any()
    assert np.array_equal(a.side_info.long_windows, b.side_info.long_windows)
    assert np.array_equal(decoded(files["range"]), decoded(files["zstd"]))
    assert files["auto"] == min(files["range"], files["zstd"], key=len)


def test_auto_takes_the_smaller_coder_whatever_the_song(music: Array) -> None:
    time = np.arange(TEN) / 44100
    songs = {
        "silence": np.zeros((2, TEN), np.float32),
        "a click": np.eye(1, TEN, 5000, dtype=np.float32).repeat(2, 0),
        "a tone": np.sin(2 * np.pi * 440 * time).astype(np.float32)[None].repeat(2, 0) * 0.5,
        "noise": np.random.default_rng(0).uniform(-0.5, 0.5, (2, TEN)).astype(np.float32),
        "a short one": music[:, :5000],
    }
    smaller = set()
    for x in songs.values():
        for latent in (32, 512):
            sizes = {coder: len(encoded(x, coder=coder, latent=latent)) for coder in ("range", "zstd", "auto")}
            assert sizes["auto"] == min(sizes["range"], sizes["zstd"])
            smaller.add(min(("range", "zstd"), key=sizes.__getitem__))
    assert smaller == {"range", "zstd"}
