"""Bit rates of lossy files: about what was asked for."""

import numpy as np
import pytest

from codec.audio.bitrates import bitrates
from codec.audio.kinds import KINDS
from codec.audio.sink import open_sink
from formats.errors import AudioError
from tests.support.audio_files import read


def dense(rate: int, channels: int) -> np.ndarray:
    """3 s of falling noise and a chord, about as hard as music: [C, N]."""
    time = np.arange(3 * rate) / rate
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 277.2, 329.6, 880, 1760))
    noise = np.random.default_rng(3).standard_normal((channels, len(time)))
    noise = np.cumsum(noise, 1) - 0.95 * np.cumsum(noise, 1)
    return (0.05 * chord + 0.1 * np.diff(noise, axis=1, prepend=0)).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "rate", "channels", "wanted"),
    [
        ("mp3", 44100, 2, 192), ("mp3", 22050, 1, 48), ("mp3", 44100, 2, 32), ("mp3", 44100, 2, 320),
        ("ogg", 44100, 2, 96), ("ogg", 44100, 2, 256), ("ogg", 22050, 2, 64),
        ("opus", 48000, 2, 96), ("opus", 48000, 1, 16), ("opus", 48000, 2, 512),
    ],
)  # fmt: skip
def test_a_file_takes_about_the_rate_that_is_asked_for(tmp_path, kind, rate, channels, wanted):
    path, audio = tmp_path / f"a.{kind}", dense(rate, channels)
    with open_sink(path, rate, channels, bitrate=wanted) as sink:
        sink.write(audio)
    kbps = 8 * path.stat().st_size / 3 / 1000
    assert 0.6 * wanted < kbps < 1.5 * wanted
    assert read(path).shape == audio.shape


@pytest.mark.parametrize(("kind", "low", "high"), [("mp3", 32, 320), ("ogg", 64, 500), ("opus", 12, 512)])
def test_a_rate_out_of_range_is_refused_with_the_range(tmp_path, kind, low, high):
    assert bitrates(KINDS[kind], 48000, 2) == (low, high)
    for wrong in (low - 1, high + 1):
        says = f"{kind} takes {low} to {high} kbit/s for stereo at 48000 Hz, not {wrong}"
        with pytest.raises(AudioError, match=says), open_sink(tmp_path / f"a.{kind}", 48000, 2, bitrate=wrong):
            pytest.fail("opened")
    assert list(tmp_path.iterdir()) == []
