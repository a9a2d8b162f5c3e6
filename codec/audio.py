"""Audio files in and out: any file -> blocks of float32 [C, N]; blocks -> wav, flac, ogg, mp3; resampling between."""

from codec.resample import Resampler, resampled_length
from codec.sink import AudioSink, open_sink, target_kind
from codec.source import ArraySource, AudioSource, open_source

__all__ = [
    "ArraySource",
    "AudioSink",
    "AudioSource",
    "Resampler",
    "open_sink",
    "open_source",
    "resampled_length",
    "target_kind",
]
