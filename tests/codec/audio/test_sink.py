"""Sinks: what is written is read back, and no file is left incomplete."""

import io
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from codec.audio.sink import AudioSink, open_sink
from formats import Metadata
from formats.errors import AudioError
from tests.support.audio_files import music, read

RATES = (8000, 11025, 22050, 44100, 48000, 96000, 192000)
LOSSY_RATES = {"ogg": RATES, "opus": (8000, 12000, 48000), "mp3": (8000, 22050, 44100, 48000)}


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "16"),
        ("a.wav", "24"),
        ("a.flac", None),
        ("a.flac", "24"),
        ("a.aiff", None),
        ("a.AIF", "24"),
        ("a.caf", "24"),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_integers_come_back_to_the_bit(tmp_path, name, subtype, channels):
    bits = int(subtype or 16)
    full = 1 << (bits - 1)
    integers = np.random.default_rng(2).integers(-full, full, (channels, 10_000))
    integers[0, :2] = -full, full - 1
    path = tmp_path / name
    with open_sink(path, 32000, channels, subtype) as sink:
        for at in range(0, 10_000, 777):
            sink.write((integers[:, at : at + 777] / full).astype(np.float32))
    assert (sink.samples, sink.clipped) == (10_000, 0)
    found = soundfile.info(path)
    assert (found.samplerate, found.channels, found.subtype) == (32000, channels, f"PCM_{bits}")
    np.testing.assert_array_equal(read(path) * full, integers)


def test_clipping_is_counted_for_integers_only(tmp_path):
    audio = np.array([[0.0, 1.0, 1.001, 2.0, -1.0, -1.001, -3.0]], np.float32)
    for name, subtype, clipped in [("a.wav", None, 4), ("b.wav", "24", 4), ("c.wav", "float", 0), ("d.aiff", None, 4)]:
        with open_sink(tmp_path / name, 44100, 1, subtype) as sink:
            sink.write(audio)
        assert sink.clipped == clipped
    np.testing.assert_array_equal(read(tmp_path / "c.wav"), audio)
    np.testing.assert_allclose(read(tmp_path / "a.wav"), np.clip(audio, -1, 32767 / 32768))


@pytest.mark.parametrize(("name", "rates"), LOSSY_RATES.items())
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_sinks(tmp_path, name, rates, channels):
    name = f"a.{name}"
    for rate in rates:
        audio = music(rate, channels, rate)
        with open_sink(tmp_path / name, rate, channels) as sink:
            sink.write(audio)
        got = read(tmp_path / name)
        assert got.shape == audio.shape
        assert np.sqrt(np.mean((got - audio) ** 2) / np.mean(audio**2)) < 0.1


@pytest.mark.parametrize("name", ["a.wav", "a.ogg", "a.aiff", "a.caf"])
def test_a_song_without_samples(tmp_path, name):
    with open_sink(tmp_path / name, 44100, 2):
        pass
    assert read(tmp_path / name).shape == (2, 0)


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.opus"])
def test_formats_that_need_samples_say_so(tmp_path, name):
    with (
        pytest.raises(AudioError, match=f"no samples, which {name[2:]} files cannot hold"),
        open_sink(tmp_path / name, 48000, 2),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "rate", "subtype", "says"),
    [
        ("a.mp3", 96000, None, "mp3 cannot hold a sample rate of 96000 Hz; it can hold 48000 Hz"),
        ("a.opus", 44100, None, "opus cannot hold a sample rate of 44100 Hz; it can hold 48000 Hz"),
        ("a.mp3", 44100, "24", "mp3 has no subtype '24'; it is lossy, and has none to choose from"),
        ("a.mp3", 44100, "", "mp3 has no subtype ''"),
        ("a.ogg", 384000, None, "ogg cannot hold"),
        ("a.flac", 700000, None, "flac cannot hold"),
        ("a.flac", 44100, "float", "it has '16' or '24'"),
        ("a.xyz", 44100, None, r"extension must be one of \.wav"),
        ("a.aac", 44100, None, r"for aac, write \.m4a"),
        ("a", 44100, None, "extension must be"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path, name, rate, subtype, says):
    with pytest.raises(AudioError, match=says), open_sink(tmp_path / name, rate, 2, subtype):
        pytest.fail("opened")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("channels", "subtype", "frame"), [(1, "16", 2), (2, "16", 4), (2, "24", 6), (1, "float", 4), (2, "float", 8)]
)
def test_a_wav_that_passes_4_gib_is_rf64_and_no_other(tmp_path, channels, subtype, frame):
    limit = ((1 << 32) - (1 << 16)) // frame
    for expected, container in [(limit + 1, "RF64"), (limit, "WAV"), (1000, "WAV"), (None, "WAV")]:
        with open_sink(tmp_path / "a.wav", 44100, channels, subtype, expected=expected) as sink:
            sink.write(music(1000, channels))
        assert soundfile.info(tmp_path / "a.wav").format == container
        assert read(tmp_path / "a.wav").shape == (channels, 1000)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.caf"])
def test_only_a_wav_can_be_rf64(tmp_path, name):
    with open_sink(tmp_path / name, 44100, 2, expected=1 << 32) as sink:
        sink.write(music(1000))
    assert soundfile.info(tmp_path / name).format == {"a.ogg": "OGG"}.get(name, name[2:].upper())


def test_a_wav_of_unknown_length_does_not_pass_4_gib(tmp_path):
    with pytest.raises(AudioError, match="4 GiB"), open_sink(tmp_path / "b.wav", 44100, 2) as sink:
        sink.samples = (1 << 32) // 4
        sink.write(music(1000))
    assert not (tmp_path / "b.wav").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="limits the file size")
@pytest.mark.parametrize("limit", [3000, 50_000])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.opus", "a.aiff"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, name, limit):
    script = rf"""
import resource
import numpy as np
from codec.audio.sink import open_sink
from formats.errors import AudioError
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    with open_sink({str(tmp_path / name)!r}, 48000, 2) as sink:
        sink.write(np.random.default_rng(1).standard_normal((2, 441_000)).astype(np.float32) * 0.2)
except AudioError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"cannot write {tmp_path / name}: File too large\n"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.opus", "a.aiff", "a.caf"])
@pytest.mark.parametrize("text", ["", "\0", "\0b", "a\0b", "\ud800", "x" * (1 << 20)], ids=lambda text: repr(text[:9]))
def test_a_tag_that_cannot_be_held_is_left_out_or_cut(tmp_path, name, text):
    with open_sink(tmp_path / name, 48000, 2, tags=Metadata({"TITLE": (text, "b"), text: (text,)})) as sink:
        sink.write(music(1000))
    assert read(tmp_path / name).shape == (2, 1000)


def test_ctrl_c_while_libsndfile_writes_is_not_lost():
    class Stopping(io.BytesIO):
        def write(self, data: object) -> int:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), AudioSink(Stopping(), "a.wav", 44100, 2) as sink:
        sink.write(music(100_000))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, AudioError, ValueError])
def test_an_interrupted_sink_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.flac"
    path.write_bytes(b"old")
    with pytest.raises(error), open_sink(path, 44100, 2) as sink:
        sink.write(music(100_000))
        raise error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
