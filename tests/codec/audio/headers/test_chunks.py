"""wav, w64, aiff, caf, au and voc whose sizes are not true: all that is there is read, or the loss is told."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.audio.open import open_source
from formats.errors import CutError
from tests.support.audio_files import music, read

SAMPLES = 3000
WIDTHS = {"wav": 4, "aiff": 4, "au": 4, "w64": 8, "caf": 8, "rf64": 8}
SUBTYPES = ("PCM_16", "PCM_24", "FLOAT")


def made(path: Path, kind: str, subtype: str = "PCM_16") -> tuple[bytearray, int, int, str]:
    """A file's bytes; where its audio's size stands, that size, and its byte order."""
    soundfile.write(path, 2 * music(SAMPLES).T if subtype == "FLOAT" else music(SAMPLES).T, 44100, subtype, format=kind)
    data = bytearray(path.read_bytes())
    name = {"aiff": b"SSND", "au": b".snd", "rf64": b"ds64"}.get(kind, b"data")
    at = data.index(name) + {"au": 8, "w64": 16, "rf64": 16}.get(kind, 4)
    order = "big" if kind in ("aiff", "au", "caf") else "little"
    return data, at, int.from_bytes(data[at : at + WIDTHS[kind]], order), order


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("kind", WIDTHS)
@pytest.mark.parametrize("size", [0, -1])
def test_a_size_that_is_not_known_is_the_file_s(tmp_path, kind, size, subtype):
    path = tmp_path / "a"
    data, at, true, order = made(path, kind, subtype)
    whole = read(path)
    ends = {"wav": at + 4 + true, "rf64": len(data)}.get(kind, len(data))
    data[at : at + WIDTHS[kind]] = (size % (1 << 8 * WIDTHS[kind])).to_bytes(WIDTHS[kind], order)
    path.write_bytes(data[:ends])
    got = read(path)
    assert whole.shape == (2, SAMPLES)
    np.testing.assert_array_equal(got, whole)


@pytest.mark.parametrize("kind", WIDTHS)
def test_a_size_that_is_too_large_is_a_cut(tmp_path, kind):
    path = tmp_path / "a"
    data, at, true, order = made(path, kind)
    data[at : at + WIDTHS[kind]] = (2 * true).to_bytes(WIDTHS[kind], order)
    path.write_bytes(data)
    with pytest.raises(CutError, match=r"a is cut: 12\d\d\d of 24\d\d\d bytes of audio are there$"):
        open_source(path)
    with open_source(path, accept_cut=True) as source:
        assert sum(block.shape[1] for block in source.blocks()) == SAMPLES
    assert len(source.lost) == 1


@pytest.mark.parametrize("kind", WIDTHS)
@pytest.mark.parametrize("missing", [8, 6000])
def test_a_size_that_is_too_small_is_told(tmp_path, kind, missing):
    path = tmp_path / "a"
    data, at, true, order = made(path, kind)
    data[at : at + WIDTHS[kind]] = (true - missing).to_bytes(WIDTHS[kind], order)
    path.write_bytes(data)
    if kind == "au":  # nothing can follow the audio
        assert read(path).shape == (2, SAMPLES)
        return
    with pytest.raises(CutError, match=rf"goes on after the audio that its header declares: {missing} bytes"):
        open_source(path)
    with open_source(path, accept_cut=True) as source:
        assert sum(block.shape[1] for block in source.blocks()) == SAMPLES - missing // 4


@pytest.mark.parametrize("kind", WIDTHS)
def test_a_file_that_is_cut_is_told(tmp_path, kind):
    path = tmp_path / "a"
    data, *_ = made(path, kind)
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(CutError, match="is cut"):
        open_source(path)
    with open_source(path, accept_cut=True) as source:
        assert 900 < sum(block.shape[1] for block in source.blocks()) < 1500


@pytest.mark.parametrize("frames", [0, 100, 6000, 0xFFFFFFFF])
def test_the_count_of_an_aiff_does_not_matter(tmp_path, frames):
    path = tmp_path / "a"
    data, *_ = made(path, "aiff")
    whole = read(path)
    at = data.index(b"COMM") + 10
    data[at : at + 4] = struct.pack(">I", frames)
    path.write_bytes(data)
    np.testing.assert_array_equal(read(path), whole)


LIST = b"LIST\x0c\0\0\0INFOISFT\0\0\0\0"
ID3V1 = b"TAG" + b"T" * 125


@pytest.mark.parametrize(
    "behind", [LIST, b"ID3\x03\0\0\0\0\0\x0a" + bytes(10), b"TAG" + bytes(125), bytes(999), ID3V1, LIST + ID3V1]
)
def test_metadata_behind_a_wav_is_no_loss(tmp_path, behind):
    path = tmp_path / "a"
    data, at, true, _ = made(path, "wav")
    path.write_bytes(data[: at + 4 + true] + behind)
    assert read(path).shape == (2, SAMPLES)


def test_several_chunks_of_audio_are_all_read(tmp_path):
    path = tmp_path / "a"
    data, at, true, _ = made(path, "wav")
    whole = read(path)
    chunk = data[at - 4 : at + 4 + true]
    path.write_bytes(data[: at - 4] + chunk * 2)
    np.testing.assert_array_equal(read(path), np.concatenate([whole, whole], axis=1))


def test_an_empty_wav_is_empty(tmp_path):
    path = tmp_path / "a"
    soundfile.write(path, np.zeros((0, 2)), 44100, format="WAV")
    assert read(path).shape == (2, 0)


def voc(samples: np.ndarray, cut: int) -> bytes:
    """A voc file of 16 bit samples [N, 2] in two blocks, the second of which begins at `cut`."""
    sound = struct.pack("<IBBH4x", 44100, 16, 2, 4)
    blocks = b""
    for part in (samples[:cut], samples[cut:]):
        payload = sound + part.astype("<i2").tobytes()
        blocks += b"\x09" + len(payload).to_bytes(3, "little") + payload
    return b"Creative Voice File\x1a\x1a\0\x14\x01\x1f\x11" + blocks


def test_blocks_of_a_voc_are_joined(tmp_path):
    samples = np.random.default_rng(1).integers(-3000, 3000, (2000, 2))
    path = tmp_path / "a.voc"
    path.write_bytes(voc(samples, 700) + b"\0")
    np.testing.assert_array_equal(read(path), samples.T / 32768)
    path.write_bytes(voc(samples, 700)[:-1000])
    with pytest.raises(CutError, match="of its last block are there"):
        open_source(path)
