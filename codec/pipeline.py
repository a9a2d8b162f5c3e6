"""Audio to .aez and back, in one place to import from: see `codec.encoding`, `codec.decoding`, `codec.peeling`."""

from codec.decoding import DecodeReport, Sink, decode
from codec.encoding import BITRATES, EncodeReport, encode
from codec.parallel import Progress
from codec.peeling import peel
from codec.unpack import CHUNKS, check, unpack

__all__ = [
    "BITRATES",
    "CHUNKS",
    "DecodeReport",
    "EncodeReport",
    "Progress",
    "Sink",
    "check",
    "decode",
    "encode",
    "peel",
    "unpack",
]
