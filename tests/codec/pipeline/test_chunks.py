"""Windows, chunk arithmetic and overlap: pure functions of samples and frame numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.audio.resample import resampled_length
from codec.dsp.mdct import forward, inverse
from codec.pipeline.chunks import AnalysedChunk, Windower, regroup, source_samples, triples, window_count
from codec.pipeline.output import Overlap
from formats.grid import CHUNK, HOP, SEGMENT, chunk_start, frame_count
from formats.payload.side_info import SideInfo

SPAN = CHUNK * HOP


@settings(deadline=None, max_examples=15)
@given(
    st.sampled_from([0, 1, 700, SPAN - HOP, SPAN - HOP + 1, SPAN - 1, SPAN, SPAN + 1, 2 * SPAN + 12345]),
    st.lists(st.integers(1, 300_000), min_size=1, max_size=4),
    st.integers(-3, 3),
)
def test_windows_are_slices_of_the_padded_song(samples: int, blocks: list[int], surplus: int) -> None:
    """Whatever the blocks; what the resampler delivers too much is cut, what it lacks is zeros."""
    context = 6
    x = np.arange(1, 2 * (samples + surplus) + 1, dtype=np.float32).reshape(2, -1) if samples + surplus > 0 else None
    windower, got, pushed, turn = Windower(context), [], 0, 0
    delivered = x.shape[1] if x is not None else 0
    while x is not None and pushed < delivered:
        size = blocks[turn % len(blocks)]
        got += list(windower.push(x[:, pushed : pushed + size]))
        pushed, turn = pushed + size, turn + 1
    got += list(windower.finish(samples))
    assert [window.index for window in got] == list(range(window_count(samples)))
    assert sum(window.frames for window in got) == frame_count(samples)
    padded = np.zeros((2, (context + 1) * HOP + samples + 3 * SPAN), np.float32)
    if x is not None:
        kept = x[:, :samples]
        padded[:, (context + 1) * HOP :][:, : kept.shape[1]] = kept
    for window in got:
        assert window.samples.shape == (2, (3 * -(-window.frames // 3) + 2 * context + 1) * HOP)
        wanted = padded[:, window.index * SPAN :][:, : window.samples.shape[1]]
        assert np.array_equal(window.samples, wanted)


def test_transforms_of_windows_are_the_transform_of_the_song() -> None:
    x = np.random.default_rng(0).standard_normal((2, 2 * SPAN + 5000)).astype(np.float32)
    windower = Windower(6)
    windows = [*windower.push(x), *windower.finish(x.shape[1])]
    parts = [forward(window.samples)[:, :, 6:][:, :, : window.frames] for window in windows]
    frames = frame_count(x.shape[1])
    whole = forward(np.pad(x, ((0, 0), (HOP, (frames + 1) * HOP - HOP - x.shape[1]))))
    assert np.array_equal(np.concatenate(parts, 2), whole)


@pytest.mark.parametrize("parts", [[5], [1, 1, 3], [2, 3]])
def test_overlapped_chunks_are_the_inverse_of_the_whole(parts: list[int]) -> None:
    coefficients = np.random.default_rng(1).standard_normal((2, HOP, 5)).astype(np.float32)
    overlap, at, blocks = Overlap(), 0, []
    for frames in parts:
        blocks.append(overlap.add(inverse(coefficients[:, :, at : at + frames])))
        at += frames
    np.testing.assert_allclose(np.concatenate(blocks, 1), inverse(coefficients)[:, :-HOP], atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000, 96000, 192000, 44101])
def test_chunks_begin_on_whole_samples_of_the_source(rate: int) -> None:
    for longest in (SEGMENT, CHUNK):
        for chunk in (0, 1, 7, 3600):
            first = chunk_start(chunk, longest)
            assert source_samples(first, rate) * 63 == first * rate


@pytest.mark.parametrize(
    ("samples", "windows"), [(0, 0), (1, 1), (SPAN - HOP, 1), (SPAN - HOP + 1, 2), (SPAN, 2), (2 * SPAN - HOP, 2)]
)
def test_window_count(samples: int, windows: int) -> None:
    assert window_count(samples) == windows


@pytest.mark.parametrize("longest", [SEGMENT, 2 * SEGMENT, CHUNK, 2 * CHUNK])
def test_silence_is_cut_where_chunks_end_and_nowhere_else(longest: int) -> None:
    two = SEGMENT * HOP  # samples in 2 seconds, where chunks may end
    silence = [(0, 5), (two, 10), (2 * two - 5, 5), (3 * two - 5, 10), (4 * two + 1, two - 2)]
    side_info = SideInfo.empty(CHUNK)._replace(silence=np.array(silence, np.int64))
    window = AnalysedChunk(np.zeros((CHUNK // 3, 48), np.int8), np.zeros((CHUNK, 1400), np.float32), side_info)
    start = 0
    for chunk in regroup([window, window], longest, 44100):
        end = start + len(chunk.coefficients) * HOP
        song = [(at + again * SPAN, length) for again in (0, 1) for at, length in silence]
        wanted = [(max(at, start), min(at + length, end)) for at, length in song if at < end and at + length > start]
        assert [(start + at, start + at + length) for at, length in chunk.side_info.silence.tolist()] == wanted
        start = end
    assert start == 2 * SPAN


def test_triples() -> None:
    assert list(triples("")) == []
    assert list(triples("a")) == [(None, "a", None)]
    assert list(triples("abc")) == [(None, "a", "b"), ("a", "b", "c"), ("b", "c", None)]


@given(st.integers(0, 10**9), st.integers(1000, 768_000), st.integers(1000, 768_000))
def test_resampled_length_is_rounded_half_up(samples: int, from_rate: int, to_rate: int) -> None:
    got = resampled_length(samples, from_rate, to_rate)
    assert abs(2 * (got * from_rate - samples * to_rate)) <= from_rate
    assert (2 * got - 1) * from_rate <= 2 * samples * to_rate < (2 * got + 1) * from_rate
