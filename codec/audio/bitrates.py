"""Bit rates of lossy files, as the compression levels that libsndfile takes: 0 for the most bits, 1 for the fewest."""

from __future__ import annotations

from typing import Any

import numpy as np

from codec.audio.kinds import Kind
from formats.errors import AudioError

_VORBIS_LEVELS = np.linspace(1, 0, 11)
_VORBIS = {
    1: (48, 60, 70, 80, 86, 96, 110, 120, 140, 160, 240),
    2: (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500),
}
"""Nominal rates of libvorbis's qualities 0 to 10 by channels, at 44.1 kHz; its tables for other rates are similar."""

_VORBIS_NARROW = (32, 38, 45, 52, 60, 67, 76, 84, 100, 130, 172)
"""The same for two channels below 26 kHz."""


def bitrates(kind: Kind, sample_rate: int, channels: int) -> tuple[float, float]:
    """Lowest and highest bit rate of a kind that is lossy, in 1000 bit/s, for all channels together."""
    if kind.name == "mp3":  # MPEG-1, MPEG-2 and its extension to low rates
        return (32, 320) if sample_rate >= 32000 else (8, 160) if sample_rate >= 16000 else (8, 64)
    if kind.name == "ogg":
        rates = _vorbis(sample_rate, channels)
        return rates[0], rates[-1]
    if kind.name == "opus":
        return 6 * channels, 256 * channels
    return 8 * channels, min(256, 6 * sample_rate // 1000) * channels  # AAC's frames hold 6 bits a sample


def check_bitrate(kind: Kind, bitrate: float, sample_rate: int, channels: int) -> None:
    """Refuse a bit rate that the kind cannot have.

    Raises:
        AudioError: the text names the range.
    """
    low, high = bitrates(kind, sample_rate, channels)
    if not low <= bitrate <= high:
        sound = f"{'stereo' if channels == 2 else 'mono'} at {sample_rate} Hz"
        raise AudioError(f"{kind.name} takes {low:g} to {high:g} kbit/s for {sound}, not {bitrate:g}")


def compression(kind: Kind, bitrate: float, sample_rate: int, channels: int) -> dict[str, Any]:
    """Arguments of `soundfile.SoundFile` that give a file about this bit rate, in 1000 bit/s."""
    if kind.name == "ogg":
        return {"compression_level": float(np.interp(bitrate, _vorbis(sample_rate, channels), _VORBIS_LEVELS))}
    if kind.name == "opus":
        return {"compression_level": 1 - (bitrate / channels - 6) / 250}
    # An average: at a constant rate, small frames have no room for the exact length of the song.
    low, high = bitrates(kind, sample_rate, channels)
    return {"compression_level": min((high - bitrate) / (high - low), 0.999), "bitrate_mode": "AVERAGE"}


def _vorbis(sample_rate: int, channels: int) -> tuple[float, ...]:
    if sample_rate >= 26000:
        return _VORBIS[channels]
    return tuple(rate * channels / 2 for rate in _VORBIS_NARROW)
