"""Sample rate conversion: independent of blocks, without delay, of exact length."""

import numpy as np
import pytest

from codec.audio.resample import Resampler, resampled_length
from tests.support.audio_files import music


@pytest.mark.parametrize(
    ("start", "end"), [(48000, 44100), (44100, 48000), (8000, 44100), (44100, 192000), (44100, 11025)]
)
def test_resampling_does_not_depend_on_blocks_and_has_no_delay(start, end):
    audio = music(start, 2, start) * np.hanning(start).astype(np.float32)
    results = []
    for size in (1, 333, 4096, start) if start == 8000 else (333, 4096, start):
        resampler = Resampler(start, end, 2)
        parts = [resampler.push(audio[:, at : at + size]) for at in range(0, start, size)]
        results.append(np.concatenate([*parts, resampler.finish()], axis=1))
        np.testing.assert_array_equal(results[-1], results[0])
    assert results[0].dtype == np.float32
    assert abs(results[0].shape[1] - resampled_length(start, start, end)) <= 1
    there = (music(end, 2, end) * np.hanning(end).astype(np.float32))[:, : results[0].shape[1]]
    assert np.abs(results[0][:, : there.shape[1]] - there).max() < 1e-3


def test_equal_rates_pass_through():
    resampler = Resampler(44100, 44100, 2)
    audio = music(100)
    assert resampler.push(audio) is audio
    assert resampler.finish().shape == (2, 0)


@pytest.mark.parametrize(
    ("samples", "start", "end", "length"), [(0, 8000, 44100, 0), (1, 8000, 44100, 6), (1, 44100, 8000, 0)]
)
def test_lengths_round_half_up(samples, start, end, length):
    assert resampled_length(samples, start, end) == length
    assert resampled_length(1, 2, 1) == 1
    assert resampled_length(3, 2, 1) == 2
    # .91875 is rounded up, although the number has more digits than a float.
    assert resampled_length(10**15 + 1, 48000, 44100) == (10**15 + 1) * 147 // 160 + 1
