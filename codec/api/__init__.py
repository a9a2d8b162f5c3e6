"""aez as a library: `import aez`.

import aez

data = aez.encode(samples, 44100, latent=128)     # float [C, N] -> bytes
samples, rate = aez.decode(data)                  # bytes -> float32 [C, N]
aez.encode_file("in.mp3", "out.aez", bitrate=24)
aez.decode_file("out.aez", "out.wav", start=60, duration=10)
aez.encode_file("in.mp3", "out.aez", tags={"artist": ["Zoë", "Max"]}, cover="front.jpg")
aez.info("out.aez").kbps; aez.info("out.aez").tags["ARTIST"]; aez.verify("out.aez").good
"""

from codec.inspection.calls import info, verify
from codec.pipeline.calls import decode, decode_file, encode, encode_file, peel, peel_file
from codec.version import __version__
from formats.errors import (
    AezError,
    AudioError,
    CodedError,
    CutError,
    DamagedError,
    ForeignError,
    FormatError,
    ModelError,
    PicturesError,
    UsageError,
    VersionError,
)

__all__ = [
    "AezError",
    "AudioError",
    "CodedError",
    "CutError",
    "DamagedError",
    "ForeignError",
    "FormatError",
    "ModelError",
    "PicturesError",
    "UsageError",
    "VersionError",
    "__version__",
    "decode",
    "decode_file",
    "encode",
    "encode_file",
    "info",
    "peel",
    "peel_file",
    "verify",
]
