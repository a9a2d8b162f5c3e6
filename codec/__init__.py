"""aez as a library.

import codec

data = codec.encode(samples, 44100, latent=128)     # float [C, N] -> bytes
samples, rate = codec.decode(data)                  # bytes -> float32 [C, N]
codec.encode_file("in.mp3", "out.aez", bitrate=24)
codec.decode_file("out.aez", "out.wav", start=60, duration=10)
"""

from codec.library import decode, decode_file, encode, encode_file, peel, peel_file
from codec.version import __version__
from formats.errors import AezError, AudioError, DamagedError, FormatError, ModelError, UsageError, VersionError

__all__ = [
    "AezError",
    "AudioError",
    "DamagedError",
    "FormatError",
    "ModelError",
    "UsageError",
    "VersionError",
    "__version__",
    "decode",
    "decode_file",
    "encode",
    "encode_file",
    "peel",
    "peel_file",
]
