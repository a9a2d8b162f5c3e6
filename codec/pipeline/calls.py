"""The functions of `import aez` that code arrays, bytes and files. Heavy imports wait until a call needs them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from formats.errors import UsageError

if TYPE_CHECKING:
    from os import PathLike

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from codec.audio.tags.choice import TagChoice, TagValues
    from codec.pipeline.decode import DecodeReport
    from codec.pipeline.encode import EncodeReport
    from codec.pipeline.plan import DecodePlan, EncodePlan
    from codec.pipeline.workers import Progress


class EncodeOptions(TypedDict, total=False):
    """Keyword arguments of `encode`: those of `codec.pipeline.plan.EncodePlan.make`, and some more.

    Tags are values by key, one or several, which replace the source's: `{"artist": ["Zoë", "Max"]}`. A cover is the
    name of an image file, or its bytes. `cover_limit` is how many bytes of the source's pictures are taken, None for
    all that a file may hold; without `keep_tags` or `keep_cover` the source's tags or pictures are left out.
    """

    latent: int | None
    gain: int | None
    bitrate: float | None
    model: str | None
    coder: str
    chunk_frames: int
    tags: TagValues | None
    cover: str | PathLike[str] | bytes | None
    cover_limit: int | None
    keep_tags: bool
    keep_cover: bool
    device: str
    progress: Progress | None


class DecodeOptions(TypedDict, total=False):
    """Keyword arguments of `decode`: those of `codec.pipeline.plan.DecodePlan.make`, and some more.

    Those about tags are as in `EncodeOptions`; an array has none.
    """

    start: float
    duration: float | None
    model: str | None
    decoder: str | None
    salvage: bool
    tags: TagValues | None
    cover: str | PathLike[str] | bytes | None
    keep_tags: bool
    keep_cover: bool
    device: str
    progress: Progress | None


def encode(samples: ArrayLike, sample_rate: int, **options: Unpack[EncodeOptions]) -> bytes:
    """Compress an array.

    Args:
        samples: [C, N] or [N], with C of 1 or 2 and any N. Floats have their full scale at +-1, int16 and int32 at the
            ends of their ranges, and uint8 as well, with 128 for zero. Other types are not accepted.
        sample_rate: Hz, a whole number.
        **options: latent (one of the model's tiers), or bitrate (6...128 in 1000 bit/s), or gain (-512...512);
            model (a name or a folder), coder (auto, range, zstd), chunk_frames, tags and cover as in `EncodeOptions`,
            device (auto, cpu, cuda, cuda:N), progress.

    Returns:
        the bytes of an .aez file.

    Raises:
        AudioError: the samples have another shape or type, or are not finite; UsageError: an option is out of range;
        ModelError: there is no such model.
    """
    from codec.audio.source import ArraySource
    from codec.pipeline import encode as encoding
    from codec.pipeline.workers import Engine

    plan, device, progress = _encode_plan(options)
    out = BytesIO()
    with (
        ArraySource(samples, sample_rate) as source,
        Engine(device, seconds=(source.samples or 0) / sample_rate) as engine,
    ):
        encoding.encode(source, out, plan, engine=engine, progress=progress)
    return out.getvalue()


def decode(data: bytes, **options: Unpack[DecodeOptions]) -> tuple[NDArray[np.float32], int]:
    """Decompress an .aez file.

    Args:
        data: the file.
        **options: start and duration in seconds; model (a name or a folder), decoder (one of the model's), salvage,
            device, progress.

    Returns:
        float32 [C, N] with the source's channels and sample count, full scale at +-1, not clipped; and its sample rate
        in Hz.

    Raises:
        FormatError: the data are not an .aez file, or are damaged; ModelError: the model that it needs is not
        installed; UsageError: an option is out of range.
    """
    import numpy as np

    from codec.pipeline import decode as decoding
    from codec.pipeline.workers import Engine

    plan, device, progress = _decode_plan(options)
    sink = ArraySink()
    with Engine(device) as engine:
        report = decoding.decode(_file_of(data), sink, plan, engine=engine, progress=progress)
    return np.concatenate([np.zeros((report.channels, 0), np.float32), *sink.blocks], 1), report.sample_rate


def encode_file(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    force: bool = False,
    accept_cut: bool = False,
    **options: Unpack[EncodeOptions],
) -> EncodeReport:
    """Compress an audio file; `target` appears when it is complete, and replaces another file only with `force`.

    The other options are those of `encode`. With `accept_cut`, a source of which a part is missing is encoded as far as
    it can be read, and `lost` of the report tells what is missing.

    Raises:
        AudioError: `source` cannot be read; CutError: a part of it is missing; UsageError: an option is out of range,
        or `target` exists; ModelError: there is no such model; OSError.
    """
    from codec.audio.estimate import estimated_seconds
    from codec.pipeline import file_codec
    from codec.pipeline.workers import Engine

    plan, device, progress = _encode_plan(options)
    with Engine(device, seconds=estimated_seconds(source)) as engine:
        return file_codec.encode_file(
            source, target, plan, accept_cut=accept_cut, force=force, engine=engine, progress=progress
        )


def decode_file(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    subtype: str | None = None,
    force: bool = False,
    **options: Unpack[DecodeOptions],
) -> DecodeReport:
    """Decompress a file to wav, flac, ogg or mp3, by the extension of `target`; `subtype` is 16, 24 or float.

    The other options are those of `decode`.

    Raises:
        FormatError, ModelError: as `decode`; AudioError: the target's format cannot hold the song; UsageError: an
        option is out of range, or `target` exists; OSError.
    """
    from codec.audio.estimate import estimated_seconds
    from codec.pipeline import file_codec
    from codec.pipeline.workers import Engine

    plan, device, progress = _decode_plan(options)
    with Engine(device, seconds=estimated_seconds(source)) as engine:
        return file_codec.decode_file(
            source, target, plan, subtype=subtype, force=force, engine=engine, progress=progress
        )


def peel(data: bytes, latent: int, *, model: str | None = None) -> bytes:
    """Cut an .aez file down to a smaller tier without decoding it; see `codec.pipeline.peel`."""
    from codec.pipeline import peel as peeling

    out = BytesIO()
    peeling.peel(_file_of(data), out, latent, model=model)
    return out.getvalue()


def peel_file(
    source: str | PathLike[str],
    target: str | PathLike[str],
    latent: int,
    *,
    model: str | None = None,
    force: bool = False,
) -> None:
    """As `peel`, from file to file."""
    from codec.pipeline import file_codec

    file_codec.peel_file(source, target, latent, model=model, force=force)


class ArraySink:
    """Collects decoded blocks [C, N] in `blocks`, without clipping."""

    clipped = 0

    def __init__(self) -> None:
        self.blocks: list[NDArray[np.float32]] = []

    def write(self, block: NDArray[np.float32]) -> None:
        """Append a copy of a block."""
        self.blocks.append(block.copy())


def _file_of(data: bytes) -> BytesIO:
    """A file object of a file's bytes. UsageError: the data are no bytes, but perhaps a path."""
    try:
        return BytesIO(memoryview(data))
    except TypeError:
        raise UsageError(f"the data must be the bytes of an .aez file, not {type(data).__name__}") from None


def _encode_plan(options: EncodeOptions) -> tuple[EncodePlan, str, Progress | None]:
    from codec.audio.tags.choice import COVER_LIMIT
    from codec.pipeline.plan import EncodePlan

    plan: dict[str, Any] = dict(options)
    device, progress = plan.pop("device", "auto"), plan.pop("progress", None)
    return EncodePlan.make(tags=_choice(plan, plan.pop("cover_limit", COVER_LIMIT)), **plan), device, progress


def _decode_plan(options: DecodeOptions) -> tuple[DecodePlan, str, Progress | None]:
    from codec.pipeline.plan import DecodePlan

    plan: dict[str, Any] = dict(options)
    device, progress = plan.pop("device", "auto"), plan.pop("progress", None)
    return DecodePlan.make(tags=_choice(plan, None), **plan), device, progress


def _choice(options: dict[str, Any], limit: int | None) -> TagChoice:
    """Take the options about tags out of others."""
    from codec.audio.tags.choice import TagChoice

    keep_tags, keep_pictures = options.pop("keep_tags", True), options.pop("keep_cover", True)
    tags, cover = options.pop("tags", None), options.pop("cover", None)
    return TagChoice.make(keep_tags=keep_tags, keep_pictures=keep_pictures, tags=tags, cover=cover, limit=limit)
