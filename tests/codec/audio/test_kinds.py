"""Kinds of files that can be written, and the rates that they hold."""

from pathlib import Path

import pytest

from codec.audio.kinds import EXTENSIONS, KINDS, Encoding, kind_of
from formats.errors import AudioError


def test_extensions_choose_the_kind():
    assert Encoding.of("x.WAV") == Encoding(KINDS["wav"], "PCM_16")
    assert Encoding.of(Path("x.flac"), "24") == Encoding(KINDS["flac"], "PCM_24")
    assert Encoding.of("x.oga", bitrate=96).kind is KINDS["ogg"]
    assert all(kind_of(f"x{extension}") for extension in EXTENSIONS)
    assert kind_of("aiff") is kind_of("x.aez") is None


@pytest.mark.parametrize(
    ("name", "rate", "taken"),
    [
        ("mp3", 44100, 44100),
        ("mp3", 37800, 44100),
        ("mp3", 1000, 8000),
        ("mp3", 96000, 48000),
        ("mp3", 64000, 48000),
        ("mp3", 88200, 44100),
        ("mp3", 176400, 44100),
        ("mp3", 99999, 48000),
        ("opus", 44100, 48000),
        ("opus", 22050, 24000),
        ("m4a", 192000, 96000),
        ("ogg", 500, 1000),
        ("ogg", 384000, 192000),
        ("ogg", 352800, 176400),
        ("flac", 768000, 384000),
        ("wav", 768000, 768000),
    ],
)
def test_a_rate_that_does_not_fit_becomes_the_next_that_does(name, rate, taken):
    assert KINDS[name].rate_for(rate) == taken
    KINDS[name].check_rate(taken)


def test_bit_rates_are_for_lossy_kinds():
    with pytest.raises(AudioError, match="flac has no bit rate to choose; these have one: ogg, mp3, opus, m4a"):
        Encoding.of("a.flac", bitrate=128)
