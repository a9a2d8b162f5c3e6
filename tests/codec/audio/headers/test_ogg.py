"""Ogg: chains of streams with equal and different serial numbers and rates; pages that are missing."""

import numpy as np
import pytest

from codec.audio.open import open_source
from formats.errors import CutError
from tests.support.audio_files import music, read, write

SUBTYPES = {"ogg": "VORBIS", "opus": "OPUS"}


def pages(data: bytes) -> list[bytes]:
    found = data.split(b"OggS\0")[1:]
    return [b"OggS\0" + page for page in found]


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("kind", SUBTYPES)
def test_a_chain_of_equal_serials_is_read_whole(tmp_path, kind, times):
    path = write(tmp_path / f"a.{kind}", music(48_000, 2, 48000), 48000, SUBTYPES[kind])
    whole = read(path)
    path.write_bytes(path.read_bytes() * times)
    for size in (1000, 65536):
        np.testing.assert_array_equal(read(path, size), np.concatenate([whole] * times, axis=1))


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("rate", "channels"), [(44100, 1), (22050, 2), (22050, 1)])
def test_all_links_get_the_highest_rate_and_the_most_channels_which_is_told(tmp_path, rate, channels, swapped):
    first = write(tmp_path / "a.ogg", music(44_100), 44100)
    second = write(tmp_path / "b.ogg", music(rate, channels, rate), rate)
    whole = read(first)
    path = tmp_path / "c.ogg"
    path.write_bytes(b"".join(one.read_bytes() for one in ((second, first) if swapped else (first, second))))
    got = read(path)
    assert got.shape[0] == 2 and abs(got.shape[1] - 88_200) <= 2
    other = got[:, :44_100] if swapped else got[:, 44_100:]
    np.testing.assert_array_equal(got[:, -44_100:] if swapped else got[:, :44_100], whole)
    assert np.abs(other - music(44_100, channels)[:, : other.shape[1]])[:, 2000:-2000].max() < 0.1
    with open_source(path) as source:
        assert [line.partition("; ")[2] for line in source.notes] == [
            *(["all are made stereo"] if channels == 1 else []),
            *(["all are resampled to 44100 Hz"] if rate != 44100 else []),
        ]


@pytest.mark.parametrize("kind", SUBTYPES)
def test_junk_around_the_pages_does_no_harm(tmp_path, kind):
    path = write(tmp_path / f"a.{kind}", music(48_000, 2, 48000), 48000, SUBTYPES[kind])
    whole = read(path)
    path.write_bytes(b"\x55" * 5000 + path.read_bytes() + b"\x55" * 5000)
    np.testing.assert_array_equal(read(path), whole)


@pytest.mark.parametrize("kind", SUBTYPES)
def test_missing_pages_are_told(tmp_path, kind):
    noise = np.random.default_rng(1).standard_normal((2, 200_000)).astype(np.float32) * 0.2
    path = write(tmp_path / f"a.{kind}", noise, 48000, SUBTYPES[kind])
    found = pages(path.read_bytes())
    assert len(found) > 5
    for left in (found[:-1], [*found[:-1], found[-1][:-10]]):
        path.write_bytes(b"".join(left))
        with pytest.raises(CutError, match="is cut: its last page is missing"):
            open_source(path)
        with open_source(path, accept_cut=True) as source:
            assert 0 < sum(block.shape[1] for block in source.blocks()) < 200_000
    path.write_bytes(b"".join([*found[:3], *found[4:]]))
    with pytest.raises(CutError, match="is damaged: 1 of its pages is missing"):
        open_source(path)
