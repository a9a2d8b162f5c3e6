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


@pytest.mark.parametrize("kind", WIDTHS)
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("bytes_behind", [-3, -1, 1, 2, 3, 7])
def test_less_than_a_sample_is_left_out_with_a_note(tmp_path, kind, subtype, bytes_behind):
    path = tmp_path / "a"
    data, at, true, _ = made(path, kind, subtype)
    whole = read(path)
    end = len(data) if kind in ("au", "caf", "w64") else at + 4 + true
    end = data.index(b"data") + 8 + whole.size * (3 if subtype == "PCM_24" else 2) if kind == "rf64" else end
    if kind == "au" and bytes_behind == 7:  # nothing can follow the audio, so that this is some
        return
    path.write_bytes((data[:end] + b"xyzxyzx")[: end + bytes_behind])
    with open_source(path) as source:
        got = np.concatenate(list(source.blocks()), axis=1)
        (note,) = source.notes
        assert source.samples == got.shape[1]
    np.testing.assert_array_equal(got, whole[:, : SAMPLES - (bytes_behind < 0)])
    assert not source.lost
    assert note.startswith(f"{path} {'ends within a sample; left out' if bytes_behind < 0 or kind == 'au' else 'has '}")


def riff(form: bytes, order: str, *chunks: tuple[bytes, bytes], padded: bool) -> bytes:
    """A file of chunks by name and payload."""
    body = form
    for name, payload in chunks:
        body += name + struct.pack(order + "I", len(payload)) + payload + bytes(padded and len(payload) % 2)
    return (b"FORM" if form == b"AIFF" else b"RIFF") + struct.pack(order + "I", len(body)) + body


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("first", [0, 1])
def test_an_odd_chunk_without_its_padding_hides_no_audio(tmp_path, padded, first):
    samples = np.random.default_rng(1).integers(-3000, 3000, (101, 2))
    title = (b"LIST", b"INFOINAM\x05\0\0\0Hello")
    form = (b"fmt ", struct.pack("<HHIIHH", 1, 2, 44100, 4 * 44100, 4, 16))
    chunks = [(form, title), (title, form)][first]
    path = tmp_path / "a.wav"
    path.write_bytes(riff(b"WAVE", "<", *chunks, (b"data", samples.astype("<i2").tobytes()), padded=padded))
    with open_source(path) as source:
        np.testing.assert_array_equal(np.concatenate(list(source.blocks()), axis=1), samples.T / 32768)
        assert source.tags.text("TITLE") == "Hello"
    common = (b"COMM", struct.pack(">hIh", 2, 101, 16) + bytes.fromhex("400eac44000000000000"))
    chunks = [(common, (b"NAME", b"Hello")), ((b"NAME", b"Hello"), common)][first]
    sound = (b"SSND", bytes(8) + samples.astype(">i2").tobytes())
    path = tmp_path / "a.aiff"
    path.write_bytes(riff(b"AIFF", ">", *chunks, sound, padded=padded))
    with open_source(path) as source:
        np.testing.assert_array_equal(np.concatenate(list(source.blocks()), axis=1), samples.T / 32768)
        assert source.tags.text("TITLE") == "Hello"


def test_an_odd_size_of_audio_hides_nothing_behind_it(tmp_path):
    form = (b"fmt ", struct.pack("<HHIIHH", 1, 2, 44100, 4 * 44100, 4, 16))
    title = (b"LIST", b"INFOINAM\x05\0\0\0Hello")
    for padded in (True, False):
        path = tmp_path / "a.wav"
        path.write_bytes(riff(b"WAVE", "<", form, (b"data", bytes(4 * 101 - 1)), title, padded=padded))
        with open_source(path) as source:
            assert sum(block.shape[1] for block in source.blocks()) == 100
            assert source.notes == (f"{path} ends within a sample; left out: its last 3 bytes",)
            assert source.tags.text("TITLE") == "Hello"


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
