"""Seeking, pipes and bitrates, on whole songs through the tiny model."""

import io
from typing import Any

import numpy as np
import pytest

from codec.audio.source import ArraySource
from formats import Reader
from formats.grid import CHUNK, SAMPLE_RATE, SEGMENT
from tests.support.codec import Array, decoded, encode_into, encoded
from tests.support.pipeline_files import Pipe, unpacked

pytestmark = pytest.mark.usefixtures("tiny")

TEN = 10 * SAMPLE_RATE


# Seeking and pipes


@pytest.mark.parametrize(("rate", "frames"), [(44100, SEGMENT), (48000, SEGMENT), (44100, CHUNK)])
def test_a_seek_is_a_slice_of_the_whole(rate: int, frames: int, files: dict[tuple[int, int], bytes]) -> None:
    data = files[rate, frames]
    whole = decoded(data)
    seeks = [
        (0.0, 1.0),
        (0.0, 1.995),
        (1.999, 0.5),
        (2.0, 0.001),
        (3.21, None),
        (9.99, 10.5),
        (10.1, 0),
        (19.99, 100.0),
        (24.999, None),
        (25.0, 1.0),
        (1e6, None),
    ]
    for start, duration in seeks if frames == SEGMENT else seeks[5:7]:
        low = round(start * rate)
        high = None if duration is None else low + round(duration * rate)
        for source in (io.BytesIO(data), Pipe(data)) if frames == SEGMENT else (io.BytesIO(data),):
            got = decoded(source, start=start, duration=duration)
            assert got.shape == whole[:, low:high].shape, (start, duration)
            np.testing.assert_allclose(got, whole[:, low:high], atol=1e-6)


@pytest.mark.parametrize("frames", [SEGMENT, CHUNK])
def test_a_seek_into_long_windows_is_a_slice_of_the_whole(frames: int, held: Array) -> None:
    data = encoded(held, latent=64, chunk_frames=frames)
    assert unpacked(data).side_info.long_windows.mean() > 0.5
    whole = decoded(data)
    for start, duration in [(0.1, 0.3), (1.9, 0.2), (3.999, 2.1), (9.95, 0.1), (10.3, None)]:
        low = round(start * SAMPLE_RATE)
        high = None if duration is None else low + round(duration * SAMPLE_RATE)
        np.testing.assert_allclose(decoded(data, start=start, duration=duration), whole[:, low:high], atol=1e-6)


def test_a_seek_reads_only_what_it_needs(files: dict[tuple[int, int], bytes]) -> None:
    class Counting(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

        def readinto(self, buffer: Any) -> int:
            count = super().readinto(buffer)
            self.count += count
            return count

    data = files[44100, SEGMENT]
    source = Counting(data)
    decoded(source, start=14.5, duration=1.0)
    assert source.count < len(data) / 2


@pytest.mark.parametrize("duration", [0.5, 1.9999, 2.0, 9.99, 24.9999])
def test_a_pipe_that_ends_behind_what_was_asked_for_is_enough(
    duration: float, files: dict[tuple[int, int], bytes]
) -> None:
    data = files[44100, SEGMENT]
    wanted = decoded(data, duration=duration)
    assert np.array_equal(decoded(Pipe(data), duration=duration), wanted)


def test_to_and_from_pipes(files: dict[tuple[int, int], bytes], music: Array) -> None:
    target = Pipe()
    encode_into(ArraySource(music, SAMPLE_RATE), target, latent=64)  # type: ignore[arg-type]
    assert bytes(target.data) == files[44100, CHUNK]
    assert np.array_equal(decoded(Pipe(bytes(target.data))), decoded(files[44100, CHUNK]))


def test_a_source_of_unknown_length(music: Array, files: dict[tuple[int, int], bytes]) -> None:
    source, out = ArraySource(music, SAMPLE_RATE), io.BytesIO()
    source.samples = source.expected = None
    told: list[float | None] = []
    encode_into(source, out, latent=64, progress=told.append)
    assert set(told) == {None}
    assert np.array_equal(decoded(out.getvalue()), decoded(files[44100, CHUNK]))


def test_progress_rises_to_the_end(music: Array, files: dict[tuple[int, int], bytes]) -> None:
    for run in (
        lambda told: encode_into(ArraySource(music, SAMPLE_RATE), io.BytesIO(), latent=32, progress=told.append),
        lambda told: decoded(files[44100, SEGMENT], progress=told.append),
    ):
        told: list[float] = []
        run(told)
        assert told == sorted(told)
        assert told[-1] == 1
        assert len(told) > 5


# Rates


@pytest.mark.parametrize("bitrate", [8, 16, 32, 64, 128])
def test_bitrate_lands(bitrate: int, music: Array) -> None:
    data = encoded(music, bitrate=bitrate)
    assert len(data) * 8 / 25 / 1000 == pytest.approx(bitrate, rel=0.03)
    tiers = {8: 64, 16: 128, 32: 256, 64: 512, 128: 512}
    assert Reader(io.BytesIO(data)).header.latent == tiers[bitrate]


def test_bitrate_of_next_to_nothing(music: Array) -> None:
    for samples in (0, 1, 5000):
        assert decoded(encoded(music[:, :samples], bitrate=16)).shape == (2, samples)


def test_more_gain_is_more_bytes(music: Array) -> None:
    sizes = [len(encoded(music[:, :TEN], gain=gain)) for gain in (-64, 0, 64)]
    assert sizes == sorted(set(sizes))
