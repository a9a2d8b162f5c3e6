"""mp3 with wrong counts, wrong tags and junk: no frame is left out."""

import struct

import numpy as np
import pytest
import soundfile

from codec.audio.headers.mpeg import _frames, is_free_format
from codec.audio.open import open_source
from formats.errors import AudioError, CutError
from tests.codec.audio.headers.test_flac import APE, ID3V1, id3v2
from tests.support.audio_files import music, read

SAMPLES = 60_000
JUNK = np.random.default_rng(2).bytes(100_000)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An mp3 with a Xing header, what it decodes to, and its first frame's length."""
    path = tmp_path_factory.mktemp("mp3") / "a.mp3"
    soundfile.write(path, music(SAMPLES).T, 44100)
    data = path.read_bytes()
    begin = data.index(b"\xff\xfb")
    data = data[begin:]
    path.write_bytes(data)
    return data, read(path), _frames()[data[1] << 8 | data[2]][0]


def counted(data: bytes, frames: int) -> bytes:
    at = max(data[:64].find(b"Xing"), data[:64].find(b"Info")) + 8
    return data[:at] + frames.to_bytes(4, "big") + data[at + 4 :]


def declared(data: bytes) -> int:
    at = max(data[:64].find(b"Xing"), data[:64].find(b"Info")) + 8
    return int.from_bytes(data[at : at + 4], "big")


@pytest.mark.parametrize("frames", [0, 1, 20, -1, 1])
def test_a_count_that_is_too_small_cuts_nothing(made, tmp_path, frames):
    data, whole, _ = made
    path = tmp_path / "a.mp3"
    path.write_bytes(counted(data, frames if frames >= 0 else declared(data) + frames))
    np.testing.assert_array_equal(read(path), whole)


@pytest.mark.parametrize("frames", [1000, 0xFFFFFFFF])
def test_a_count_that_is_too_large_is_a_cut(made, tmp_path, frames):
    data, whole, _ = made
    path = tmp_path / "a.mp3"
    path.write_bytes(counted(data, frames))
    with pytest.raises(CutError, match=rf"is cut: \d+ of {frames} frames are there"):
        open_source(path)
    with open_source(path, accept_cut=True) as source:
        assert sum(block.shape[1] for block in source.blocks()) >= whole.shape[1]
    assert len(source.lost) == 1


@pytest.mark.parametrize(
    "before",
    [b"", JUNK, id3v2(1000, 1000), id3v2(20, 1000), id3v2(15_000, 1000), id3v2(90_000_000, 1000)],
    ids=range(6),
)
@pytest.mark.parametrize("behind", [b"", ID3V1, APE + ID3V1, JUNK[:7000], bytes(3000)], ids=range(5))
def test_what_lies_around_the_frames_does_no_harm(made, tmp_path, before, behind):
    data, whole, _ = made
    path = tmp_path / "a.mp3"
    path.write_bytes(before + data + behind)
    np.testing.assert_array_equal(read(path), whole)


def test_junk_between_frames_is_left_out_and_told_where_frames_may_be_missing(made, tmp_path, capfd):
    data, whole, first = made
    path = tmp_path / "a.mp3"
    border = data.index(data[:2], 9000)
    path.write_bytes(data[:border] + JUNK[:5000] + data[border:])
    assert read(path).shape == whole.shape  # the count says that no frame is missing
    path.write_bytes(data[first:9000] + JUNK[:5000] + data[9000:])
    with pytest.raises(CutError, match=r"bytes between its frames are no audio"):
        open_source(path)


@pytest.mark.parametrize(
    "data", [b"hello" * 100, JUNK, bytes(500), b"ID3", b"\xff\xfb", b"fLaC" + bytes(5000)], ids=range(6)
)
@pytest.mark.parametrize("kind", ["mp3", "flac", "mp2"])
def test_what_is_no_audio_is_one_error_and_nothing_on_stderr(tmp_path, capfd, kind, data):
    path = tmp_path / f"a.{kind}"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=r"holds no audio that libsndfile or ffmpeg can read|ffmpeg may read it"):
        open_source(path)
    assert capfd.readouterr() == ("", "")


def test_frames_of_a_free_bit_rate_are_left_to_libsndfile():
    assert is_free_format(b"\xff\xfb\x00\x64") and is_free_format(b"\xff\xf3\x04\0")
    for head in (
        b"\xff\xfb\x90\x64",
        b"\xff\xeb\0\0",
        b"\xff\xf9\0\0",
        b"\xff\xfb\x0c\0",
        b"\xfe\xfb\0\0",
        b"\xff\xfb\0",
    ):
        assert not is_free_format(head)


def test_frames_that_decode_to_nonsense_are_told_and_silent(made, tmp_path, monkeypatch):
    data, _, first = made
    path = tmp_path / "a.mp3"
    path.write_bytes(data[first:9000] + JUNK[:5000] + data[9000:])
    monkeypatch.setattr("codec.audio.libsndfile._MOST_DECODED", np.float32(0.4))  # as junk decodes to 10^7 now and then
    with open_source(path, accept_cut=True) as source:
        loudest = max(float(np.abs(block).max()) for block in source.blocks(4096))
    assert 0.3 < loudest <= 0.4
    assert len(source.lost) == 2 and "is damaged near 0.00 s: a part of it decodes to nonsense" in source.lost[1]
    path.write_bytes(data)
    with pytest.raises(CutError, match="decodes to nonsense"):
        read(path)


def test_a_cut_mp3_is_told(made, tmp_path):
    data, whole, first = made
    path = tmp_path / "a.mp3"
    for cut in (data[:-50], data[: len(data) // 2], data[first:-50]):
        path.write_bytes(cut)
        with pytest.raises(CutError, match="is cut"):
            open_source(path)
        with open_source(path, accept_cut=True) as source:
            assert 0 < sum(block.shape[1] for block in source.blocks()) < whole.shape[1] + 1152


@pytest.mark.parametrize("times", [0, 0.5, 1, 2])
def test_the_count_of_a_vbri_header(made, tmp_path, times):
    data, whole, first = made
    count = round(times * declared(data))
    head = bytearray(first)
    head[:4] = data[:4]
    head[36:62] = b"VBRI" + struct.pack(">HHHIIHHHH", 1, 0, 75, len(data), count, 0, 1, 2, 1)
    path = tmp_path / "a.mp3"
    path.write_bytes(bytes(head) + data[first:])
    if times > 1:
        with pytest.raises(CutError, match="is cut"):
            open_source(path)
    else:
        assert read(path).shape[1] == 1152 * declared(data) >= whole.shape[1]


@pytest.mark.parametrize("size", ["true", "zero", "unknown"])
def test_mp3_in_wav_is_read_whole(made, tmp_path, size):
    data, _, first = made
    frames = data[first:]
    length = {"true": len(frames), "zero": 0, "unknown": 0xFFFFFFFF}[size]
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 2, 44100, 16000, 1152, 0, 12, 1, 2, 1152, 1, 1393)
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", length)
    path = tmp_path / "a.wav"
    path.write_bytes(head + frames)
    assert read(path).shape[1] == 1152 * declared(data)
