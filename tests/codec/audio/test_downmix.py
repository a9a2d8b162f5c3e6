"""More than two channels to stereo: each goes where its loudspeaker stands, and nothing clips."""

import subprocess

import aez
import numpy as np
import pytest
import soundfile

from codec.audio.downmix import Downmix, places_by_count, places_of_layout, places_of_map, places_of_vorbis
from codec.audio.open import open_source
from codec.audio.source import ArraySource, ChannelsError
from formats.errors import AudioError
from tests.support.audio_files import needs_ffmpeg

RATE = 48000


def tones(channels: int) -> np.ndarray:
    """[N, C]: a tone in each channel, 200 Hz apart."""
    time = np.arange(RATE) / RATE
    return np.stack([0.3 * np.sin(2 * np.pi * 200 * (channel + 1) * time) for channel in range(channels)], 1)


def gains(path, channels: int) -> np.ndarray:
    """[C, 2]: gain of each channel's tone into left and right."""
    with open_source(path, downmix=True) as source:
        assert source.channels == 2
        mixed = np.concatenate(list(source.blocks(5000)), 1)
    spectrum = np.abs(np.fft.rfft(mixed[:, :RATE], RATE)) / (0.15 * RATE)
    return spectrum[:, [200 * (channel + 1) for channel in range(channels)]].T


def wanted(places: str) -> np.ndarray:
    half = 0.5**0.5
    known = {"FL": (1, 0), "FR": (0, 1), "FC": (half, half), "LFE": (0, 0), "BC": (0.5, 0.5)}
    found = np.array([known.get(place, (half, 0) if place.endswith("L") else (0, half)) for place in places.split()])
    return found / found.sum(0).max()


@pytest.mark.parametrize(
    ("name", "subtype", "places"),
    [
        ("a.wav", None, "FL FR FC"),
        ("a.wav", None, "FL FR BL BR"),
        ("a.flac", None, "FL FR FC LFE BL BR"),
        ("a.aiff", None, "FL FR FC LFE BL BR"),
        ("a.ogg", "VORBIS", "FL FC FR BL BR LFE"),
        ("a.flac", None, "FL FR FC LFE BL BR SL SR"),
    ],
)
def test_channels_by_their_number(tmp_path, name, subtype, places):
    count = len(places.split())
    soundfile.write(tmp_path / name, tones(count), RATE, subtype=subtype)
    np.testing.assert_allclose(gains(tmp_path / name, count), wanted(places), atol=0.02)


def test_a_wav_says_where_its_channels_belong(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tones(4), RATE, format="WAVEX")
    data = bytearray(path.read_bytes())
    data[40:44] = (0x1 | 0x2 | 0x4 | 0x100).to_bytes(4, "little")  # the mask: front left, right, centre, back centre
    path.write_bytes(data)
    np.testing.assert_allclose(gains(path, 4), wanted("FL FR FC BC"), atol=0.02)


@needs_ffmpeg
@pytest.mark.parametrize(("layout", "places"), [("5.1(side)", "FL FR FC LFE SL SR"), ("4.0", "FL FR FC BC")])
def test_ffmpeg_says_where_channels_belong(tmp_path, layout, places):
    made, path, count = tmp_path / "made.wav", tmp_path / "a.mka", len(places.split())
    soundfile.write(made, tones(count), RATE)
    command = ["ffmpeg", "-v", "error", "-i", made, "-af", f"channelmap=channel_layout={layout}", "-c:a", "flac", path]
    subprocess.run(command, check=True)
    np.testing.assert_allclose(gains(path, count), wanted(places), atol=0.02)


@pytest.mark.parametrize("count", range(3, 9))
def test_nothing_clips_and_something_is_at_full_scale(count):
    for places in (places_by_count(count), places_of_vorbis(count)):
        mixed = Downmix(places)(np.ones((1, count), np.float32))
        assert len(places) == count
        assert mixed.max() == pytest.approx(1)
    same = {frozenset(places_by_count(count)), frozenset(places_of_vorbis(count))}
    assert len(same) == 1


def test_places_that_are_not_known():
    assert places_by_count(9) == places_of_layout("ambisonic 1") == places_of_map([2, 3, 25]) == ()
    assert places_of_map([2, 3, -5]) == ()
    assert places_of_map([2, 3, 4, 11, 9, 10]) == places_of_layout("5.1")
    with pytest.raises(AudioError, match="9 channels that cannot be mixed"):
        ArraySource(np.zeros((9, 10), np.float32), 44100, downmix=True)


def test_it_has_to_be_asked_for(tmp_path):
    soundfile.write(tmp_path / "a.wav", tones(6), RATE)
    with pytest.raises(ChannelsError, match="6 channels"):
        open_source(tmp_path / "a.wav")
    with open_source(tmp_path / "a.wav", downmix=True) as source:
        assert source.notes == (
            f"{tmp_path / 'a.wav'}: 6 channels are mixed to stereo, 7.7 dB lower, so that nothing clips, without the"
            " low-frequency channel (ITU-R BS.775)",
        )
    with ArraySource(tones(2).T, RATE, downmix=True) as source:
        assert (source.channels, source.notes) == (2, ())


def test_a_chain_tells_how_its_streams_are_mixed(tmp_path):
    six, two = tmp_path / "six.ogg", tmp_path / "two.ogg"
    soundfile.write(six, tones(6), RATE)
    soundfile.write(two, tones(2), RATE)
    path = tmp_path / "a.ogg"
    for names in ((six, two), (two, six), (six, six)):
        path.write_bytes(b"".join(name.read_bytes() for name in names))
        with open_source(path, downmix=True) as source:
            assert source.channels == 2 and "6 channels are mixed to stereo" in "".join(source.notes)
            assert len(source.notes) == 1
            source.name = "standard input"
            assert source.notes[0].startswith("standard input: 6 channels")


@pytest.mark.usefixtures("tiny")
def test_from_python(tmp_path):
    six = tones(6)[:RATE].T.astype(np.float32)
    with pytest.raises(aez.AudioError, match="6 channels"):
        aez.encode(six, RATE)
    wave, _ = aez.decode(aez.encode(six, RATE, downmix=True))
    assert wave.shape == (2, RATE)
    soundfile.write(tmp_path / "a.wav", six.T, RATE)
    report = aez.encode_file(tmp_path / "a.wav", tmp_path / "a.aez", downmix=True)
    assert report.channels == 2
    assert "mixed to stereo" in report.notes[0]
