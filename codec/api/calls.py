"""The calls of `import codec`: between arrays, bytes and files. Heavy imports wait until a call needs them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

if TYPE_CHECKING:
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from codec.pipeline.decode import DecodeReport
    from codec.pipeline.encode import EncodeReport
    from codec.pipeline.workers import Progress


class EncodeOptions(TypedDict, total=False):
    """Keyword arguments of `encode`; see `codec.pipeline.encode.encode`."""

    latent: int | None
    gain: int | None
    bitrate: float | None
    model: str | None
    coder: str
    device: str
    chunk_frames: int
    progress: Progress | None


class DecodeOptions(TypedDict, total=False):
    """Keyword arguments of `decode`; see `codec.pipeline.decode.decode`."""

    start: float
    duration: float | None
    model: str | None
    device: str
    progress: Progress | None
    salvage: bool


def encode(samples: NDArray[np.floating[Any]], sample_rate: int, **options: Unpack[EncodeOptions]) -> bytes:
    """Compress an array.

    Args:
        samples: [C, N] or [N], full scale at +-1, C of 1 or 2, any N.
        sample_rate: Hz.
        **options: latent (one of the model's tiers), or bitrate (6...128 in 1000 bit/s); gain, model, coder, device.

    Returns:
        an .aez file.

    Raises:
        AudioError: more than two channels, or numbers that are not finite; UsageError: options out of range.
    """
    import numpy as np

    from codec.audio.source import ArraySource
    from codec.pipeline import encode as encoding

    out = BytesIO()
    with ArraySource(np.atleast_2d(samples), sample_rate) as source:
        encoding.encode(source, out, **options)
    return out.getvalue()


def decode(data: bytes, **options: Unpack[DecodeOptions]) -> tuple[NDArray[np.float32], int]:
    """Decompress an .aez file.

    Args:
        data: the file.
        **options: start and duration in seconds; model, device.

    Returns:
        float32 [C, N] with the source's channels and sample count, not clipped; and its sample rate in Hz.

    Raises:
        FormatError: no .aez file, or a damaged one; ModelError: the model it needs is not installed.
    """
    import numpy as np

    from codec.pipeline import decode as decoding

    sink = ArraySink()
    report = decoding.decode(BytesIO(data), sink, **options)
    empty = np.zeros((report.channels, 0), np.float32)
    return np.concatenate([empty, *sink.blocks], 1), report.sample_rate


def encode_file(
    source: str | PathLike[str], target: str | PathLike[str], *, force: bool = False, **options: Unpack[EncodeOptions]
) -> EncodeReport:
    """Compress a file; `target` appears when it is complete, and replaces another only with `force`.

    Raises:
        AudioError: `source` cannot be read; UsageError: options, or `target` exists; OSError.
    """
    from codec.audio.open import open_source
    from codec.files import new_file
    from codec.pipeline import encode as encoding

    with open_source(source) as audio, new_file(Path(target), force=force, source=Path(source)) as out:
        return encoding.encode(audio, out, **options)


def decode_file(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    subtype: str | None = None,
    force: bool = False,
    **options: Unpack[DecodeOptions],
) -> DecodeReport:
    """Decompress a file to wav, flac, ogg or mp3 by the target's extension; `subtype` is 16, 24 or float.

    Raises:
        FormatError, ModelError: as `decode`; AudioError: the target cannot hold it; UsageError; OSError.
    """
    from codec.audio.sink import open_sink
    from codec.pipeline import decode as decoding
    from formats import Reader

    with Path(source).open("rb") as file:
        reader = Reader(file)
        header, tags = reader.header, reader.metadata.tags
        with open_sink(
            target, header.sample_rate, header.channels, subtype, tags, expected=reader.samples, force=force
        ) as sink:
            return decoding.decode(reader, sink, **options)


def peel(data: bytes, latent: int) -> bytes:
    """Cut an .aez file down to a smaller tier without decoding it; see `codec.pipeline.peel.peel`."""
    from codec.pipeline import peel as peeling

    out = BytesIO()
    peeling.peel(BytesIO(data), out, latent)
    return out.getvalue()


def peel_file(source: str | PathLike[str], target: str | PathLike[str], latent: int, *, force: bool = False) -> None:
    """`peel` from file to file."""
    from codec.files import new_file
    from codec.pipeline import peel as peeling

    with Path(source).open("rb") as file, new_file(Path(target), force=force, source=Path(source)) as out:
        peeling.peel(file, out, latent)


class ArraySink:
    """Collects decoded blocks [C, N] in `blocks`; clips nothing."""

    clipped = 0

    def __init__(self) -> None:
        self.blocks: list[NDArray[np.float32]] = []

    def write(self, block: NDArray[np.float32]) -> None:
        """Keep a copy."""
        self.blocks.append(block.copy())
