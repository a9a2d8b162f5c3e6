"""The .aez file: container, model tables, payloads, errors. Needs neither an audio library nor ONNX Runtime."""

from formats.container.chunk import Chunk
from formats.container.header import Coder, Header
from formats.container.metadata import Metadata, Picture
from formats.container.reader import Reader
from formats.container.writer import Writer
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
    "Chunk",
    "CodedError",
    "Coder",
    "CutError",
    "DamagedError",
    "ForeignError",
    "FormatError",
    "Header",
    "Metadata",
    "ModelError",
    "Picture",
    "PicturesError",
    "Reader",
    "UsageError",
    "VersionError",
    "Writer",
]
