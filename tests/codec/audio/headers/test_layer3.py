"""Frames of an mp3 that no decoder can make sense of: they are found, told and silent, and stderr stays empty."""

import numpy as np
import pytest
import soundfile

from codec.audio.headers.examine import examine
from codec.audio.headers.mpeg import _frames
from codec.audio.open import open_source
from formats.errors import CutError
from tests.support.audio_files import music, read


def frames(data: bytes) -> list[int]:
    """Where the frames begin."""
    found, at = [], data.index(b"\xff")
    while at + 4 <= len(data) and (known := _frames().get(data[at + 1] << 8 | data[at + 2])):
        found.append(at)
        at += known[0]
    return found


def patched(data: bytes, at: int, bits: int, count: int, number: int) -> bytes:
    """The bytes with a number of so many bits at a bit behind a byte."""
    whole = int.from_bytes(data[at : at + 40], "big")
    shift = 320 - bits - count
    whole = whole & ~(((1 << count) - 1) << shift) | number << shift
    return data[:at] + whole.to_bytes(40, "big") + data[at + 40 :]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 22_050, 8000])
def test_frames_that_cannot_be_an_encoder_s_are_silent_and_told(tmp_path, capfd, rate, channels):
    path = tmp_path / "a.mp3"
    soundfile.write(path, music(60_000, channels).T, rate)
    whole, data = read(path), path.read_bytes()
    assert not examine(path).lost
    places = frames(data)
    assert len(places) > 40
    bit = {(44_100, 1): 18, (44_100, 2): 20, (22_050, 1): 9, (22_050, 2): 10}[max(rate, 22_050), channels]
    last = bit + (59 if rate == 44_100 else 63) * (channels * (2 if rate == 44_100 else 1) - 1)
    switching = last + (33 if rate == 44_100 else 38)
    broken = patched(data, places[20] + 4, last + 12, 9, 289)
    broken = patched(broken, places[21] + 4, switching, 3, 0b100)
    for granule in (bit, last):
        broken = patched(broken, places[22] + 4, granule, 12, 4095)
    path.write_bytes(patched(data, places[20] + 4, last + 12, 9, 288))
    assert not examine(path).lost
    path.write_bytes(broken)
    with pytest.raises(CutError, match=rf"is damaged: 3 frames of {len(places)} cannot be decoded"):
        open_source(path)
    with open_source(path, accept_cut=True) as source:
        got = np.concatenate(list(source.blocks()), 1)
    size = 1152 if rate == 44_100 else 576
    assert got.shape == whole.shape
    for same in (slice(15 * size), slice(26 * size, None)):
        np.testing.assert_allclose(got[:, same], whole[:, same], atol=1e-6)
    silent = np.abs(got).max(0) < 1e-4 * np.abs(whole).max()
    assert size < np.count_nonzero(silent[15 * size : 26 * size]) < 4 * size
    assert capfd.readouterr() == ("", "")
