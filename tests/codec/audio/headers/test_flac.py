"""flac with tags around it and with a wrong count of samples."""

import numpy as np
import pytest

from codec.audio.open import open_source
from formats.errors import CutError
from tests.support.audio_files import read, write

SAMPLES = 50_000
ID3V1 = b"TAG" + b"T" * 125
APE = b"APETAGEX" + (2000).to_bytes(4, "little") + (32).to_bytes(4, "little") + bytes(16)
HEADED = APE[:23] + b"\x80" + bytes(8)
"""The end of an APE tag that says that it has a header, too."""


def id3v2(claimed: int, size: int) -> bytes:
    """An ID3v2 tag that claims another size than its own."""
    return b"ID3\x03\0\0" + bytes(claimed - 10 >> shift & 127 for shift in (21, 14, 7, 0)) + bytes(size - 10)


@pytest.fixture
def flac(tmp_path):
    noise = np.random.default_rng(1).standard_normal((2, SAMPLES)).astype(np.float32) * 0.2
    path = write(tmp_path / "a.flac", noise, 44100)
    return path, path.read_bytes(), read(path)


def counted(data: bytes, samples: int) -> bytes:
    """A flac that declares so many samples."""
    return data[:21] + bytes([data[21] & 0xF0 | samples >> 32]) + (samples & 0xFFFFFFFF).to_bytes(4, "big") + data[26:]


@pytest.mark.parametrize("behind", [ID3V1, APE, HEADED, HEADED * 2 + ID3V1, bytes(5000), b"\x55" * 5000], ids=range(6))
@pytest.mark.parametrize("before", [b"", id3v2(1000, 1000), id3v2(100, 1000), id3v2(9000, 1000)], ids=range(4))
def test_what_lies_around_a_flac_does_no_harm(flac, before, behind):
    path, data, whole = flac
    path.write_bytes(before + data + behind)
    np.testing.assert_array_equal(read(path), whole)


@pytest.mark.parametrize("between", [b"", ID3V1, id3v2(1000, 1000), ID3V1 + id3v2(1000, 1000)], ids=range(4))
def test_joined_files_are_read_whole(flac, between):
    path, data, whole = flac
    path.write_bytes(data + between + data + between + counted(data, 0))
    np.testing.assert_array_equal(read(path), np.concatenate([whole] * 3, axis=1))


def test_a_flac_in_the_metadata_of_another_is_none_of_its_streams(flac):
    path, data, whole = flac
    path.write_bytes(
        data[:4] + b"\0" + data[5:42] + b"\x82" + len(data).to_bytes(3, "big") + data + data[frames_of(data) :]
    )
    np.testing.assert_array_equal(read(path), whole)


def frames_of(data: bytes) -> int:
    """Where the first frame lies."""
    at, is_last = 4, 0
    while not is_last:
        is_last = data[at] & 0x80
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return at


@pytest.mark.parametrize("samples", [0, 100, SAMPLES - 1])
def test_more_samples_than_are_declared_are_read(flac, samples):
    path, data, whole = flac
    path.write_bytes(counted(data, samples))
    np.testing.assert_array_equal(read(path), whole)


@pytest.mark.parametrize("samples", [SAMPLES + 1, 2 * SAMPLES, (1 << 36) - 1])
def test_fewer_samples_than_are_declared_are_a_cut(flac, samples):
    path, data, whole = flac
    path.write_bytes(counted(data, samples))
    with pytest.raises(CutError, match=f"is cut: {SAMPLES} of {samples} samples are there"):
        open_source(path)
    with open_source(path, accept_cut=True) as source:
        np.testing.assert_array_equal(np.concatenate(list(source.blocks()), axis=1), whole)


@pytest.mark.parametrize("declared", [0, SAMPLES])
@pytest.mark.parametrize("size", [-1, -50, 100_000])
def test_a_cut_flac_is_read_to_its_last_whole_frame(flac, size, declared):
    path, data, whole = flac
    path.write_bytes(counted(data, declared)[:size])
    with pytest.raises(CutError, match="is cut"):
        open_source(path)
    with open_source(path, accept_cut=True) as source:
        got = np.concatenate(list(source.blocks()), axis=1)
    assert 20_000 < got.shape[1] < SAMPLES
    np.testing.assert_array_equal(got, whole[:, : got.shape[1]])


@pytest.mark.parametrize("zeros", [1, 15, 16, 4000])
def test_zeros_behind_the_last_frame_do_no_harm(flac, zeros):
    path, data, whole = flac
    for declared in (0, SAMPLES):
        path.write_bytes(counted(data, declared) + bytes(zeros))
        np.testing.assert_array_equal(read(path), whole)


def test_a_frame_may_end_in_a_zero(tmp_path):
    """As one flac in 256 does; without that byte its last frame could not be decoded."""
    ending = 0
    for seed in range(3000):
        noise = np.random.default_rng(seed).standard_normal((1, 300)).astype(np.float32) * 0.1
        path = write(tmp_path / "a.flac", noise, 8000)
        if path.read_bytes()[-1] == 0:
            assert read(path).shape == (1, 300)
            ending += 1
            if ending == 3:
                break
    assert ending == 3
