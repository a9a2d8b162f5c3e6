"""Opening files: every format arrives, and what is no audio is one sentence."""

import os

import numpy as np
import pytest

from codec.audio.open import open_source
from formats.errors import AudioError
from tests.support.audio_files import music, read, write

RATES = (8000, 11025, 22050, 44100, 48000, 96000, 192000)
LOSSLESS = {
    "wav": {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 0, "DOUBLE": 0},
    "flac": {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24},
    "aiff": {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 0},
}
LOSSY = {"ogg": "VORBIS", "opus": "OPUS", "mp3": "MPEG_LAYER_III"}
LOSSY_RATES = {"ogg": RATES, "opus": (8000, 16000, 48000), "mp3": (8000, 22050, 44100, 48000)}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("kind", "subtype"), [(kind, subtype) for kind in LOSSLESS for subtype in LOSSLESS[kind]])
def test_every_lossless_format_arrives_exactly(tmp_path, kind, subtype, channels, rate):
    audio = music(3002, channels, rate)  # libsndfile writes no odd aiff of bytes
    got = read(write(tmp_path / f"a.{kind}", audio, rate, subtype), 1000)
    bits = LOSSLESS[kind][subtype]
    assert got.shape == audio.shape
    assert np.abs(got - audio).max() <= (2.0 ** (1 - bits) if bits else 0) + 1e-7


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("kind", "rate"), [(kind, rate) for kind in LOSSY for rate in LOSSY_RATES[kind]])
def test_every_lossy_format_arrives_whole(tmp_path, kind, rate, channels):
    audio = music(rate, channels, rate)
    got = read(write(tmp_path / f"a.{kind}", audio, rate, LOSSY[kind]))
    assert got.shape == audio.shape
    error = np.sqrt(np.mean((got - audio) ** 2) / np.mean(audio**2))
    assert error < 0.1  # a delay of one sample at 8 kHz alone would be 0.17


@pytest.mark.parametrize("kind", ["wav", "flac", "aiff", "ogg", "opus", "mp3"])
def test_blocks_do_not_change_what_arrives(tmp_path, kind):
    path = write(tmp_path / f"a.{kind}", music(70_001, 2, 48000), 48000, LOSSY.get(kind))
    whole = read(path, 100_000)
    for size in (1, 997, 65536) if kind == "wav" else (997, 65536):
        np.testing.assert_array_equal(read(path, size), whole)


@pytest.mark.parametrize("kind", ["wav", "aiff", "ogg", "flac", "mp3", "opus"])
def test_almost_nothing_is_audio_too(tmp_path, kind):
    for samples in (0, 1) if kind in ("wav", "aiff", "ogg") else (1,):  # libsndfile makes no others of nothing
        path = write(tmp_path / f"a.{kind}", music(samples, 2, 48000), 48000, LOSSY.get(kind))
        assert read(path).shape == (2, samples)


@pytest.mark.parametrize(
    "content", [b"", b"hello\n" * 100, b"RIFF\x24\0\0\0WAVEfmt ", b"fLaC", b"OggS\0\2", b"\xff\xfb"]
)
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.txt", "a.raw", "a"])
def test_no_audio_is_one_sentence(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        open_source(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_directories_and_missing_files(tmp_path):
    with pytest.raises(AudioError, match="is a directory"):
        open_source(tmp_path)
    with pytest.raises(AudioError, match="no such file"):
        open_source(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="no regular file"):
        open_source(os.devnull)
