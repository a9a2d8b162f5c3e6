"""The functions of `import aez` that code arrays, bytes and files. Heavy imports wait until a call needs them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from codec.files import path_text
from formats.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    import numpy as np
    from _typeshed import ReadableBuffer
    from numpy.typing import ArrayLike, NDArray

    from codec.audio.tags.choice import TagChoice, TagValues
    from codec.pipeline.decode import DecodeReport
    from codec.pipeline.encode import EncodeReport
    from codec.pipeline.plan import DecodePlan, EncodePlan
    from codec.pipeline.workers import Progress


class TagOptions(TypedDict, total=False):
    """Keyword arguments about tags and pictures.

    Tags are values by key, one or several, which replace the source's: `{"artist": ["Zoë", "Max"]}`; an empty list
    leaves a tag out. A cover is the name of an image file, or its bytes. Without `keep_tags` or `keep_cover` the
    source's tags or pictures are left out.
    """

    tags: TagValues | None
    cover: str | PathLike[str] | bytes | None
    keep_tags: bool
    keep_cover: bool


class EncodeOptions(TagOptions, total=False):
    """Keyword arguments of `encode`: those of `codec.pipeline.plan.EncodePlan.make`, and some more.

    `cover_limit` is how many bytes of the source's pictures are taken, None for all that a file may hold.
    """

    latent: int | None
    gain: int | None
    bitrate: float | None
    model: str | PathLike[str] | None
    coder: str
    chunk_frames: int
    cover_limit: int | None
    device: str
    progress: Progress | None


class DecodeOptions(TagOptions, total=False):
    """Keyword arguments of `decode`: those of `codec.pipeline.plan.DecodePlan.make`, device and progress.

    Those about tags are for files only.
    """

    start: float
    duration: float | None
    model: str | PathLike[str] | None
    decoder: str | None
    salvage: bool
    rate: int | None
    device: str
    progress: Progress | None


def encode(samples: ArrayLike, sample_rate: int, *, downmix: bool = False, **options: Unpack[EncodeOptions]) -> bytes:
    """Compress an array.

    Args:
        samples: [C, N] or [N], with C of 1 or 2 and any N. Floats have their full scale at +-1, int16 and int32 at the
            ends of their ranges, and uint8 as well, with 128 for zero. Other types are not accepted.
        sample_rate: Hz, a whole number.
        downmix: mix 3 to 8 channels, in the order of wav files, to stereo (`codec.audio.downmix`).
        **options: latent (one of the model's tiers), or bitrate (6...128 in 1000 bit/s), or gain (-512...512);
            model (a name or a folder), coder (auto, range, zstd), chunk_frames, tags and cover as in `TagOptions`,
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

    plan, device, progress = _encode_plan("encode", options)
    out = BytesIO()
    with (
        ArraySource(samples, sample_rate, downmix=downmix) as source,
        Engine(device, seconds=(source.samples or 0) / sample_rate) as engine,
    ):
        encoding.encode(source, out, plan, engine=engine, progress=progress)
    return out.getvalue()


def decode(data: ReadableBuffer, **options: Unpack[DecodeOptions]) -> tuple[NDArray[np.float32], int]:
    """Decompress an .aez file.

    Args:
        data: the file, as bytes or another object with a buffer (bytearray, memoryview, an mmap).
        **options: start and duration in seconds; model (a name or a folder), decoder (one of the model's), salvage,
            rate in Hz, to resample to; device, progress.

    Returns:
        float32 [C, N] with the source's channels and sample count (at another `rate`, in proportion, rounded half up),
        full scale at +-1, not clipped; and the sample rate in Hz.

    Raises:
        FormatError: the data are not an .aez file, or are damaged; ModelError: the model that it needs is not
        installed; UsageError: an option is out of range.
    """
    import numpy as np

    from codec.pipeline import decode as decoding
    from codec.pipeline.workers import Engine

    plan, device, progress = _decode_plan("decode", options)
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
    downmix: bool = False,
    **options: Unpack[EncodeOptions],
) -> EncodeReport:
    """Compress an audio file; `target` appears when it is complete, and replaces another file only with `force`.

    The other options are those of `encode`. With `accept_cut`, a source of which a part is missing is encoded as far as
    it can be read, and `lost` of the report tells what is missing. With `downmix`, more than two channels are mixed to
    stereo, as `notes` of the report tells.

    Raises:
        AudioError: `source` cannot be read; CutError: a part of it is missing; UsageError: an option is out of range,
        or `target` exists; ModelError: there is no such model; OSError.
    """
    from codec.audio.estimate import estimated_seconds
    from codec.pipeline import file_codec
    from codec.pipeline.workers import Engine

    plan, device, progress = _encode_plan("encode_file", options)
    with Engine(device, seconds=estimated_seconds(source)) as engine:
        return file_codec.encode_file(
            source,
            target,
            plan,
            accept_cut=accept_cut,
            downmix=downmix,
            force=force,
            engine=engine,
            progress=progress,
        )


def decode_file(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    subtype: str | None = None,
    bitrate: float | None = None,
    force: bool = False,
    **options: Unpack[DecodeOptions],
) -> DecodeReport:
    """Decompress a file to wav, flac, ogg, mp3, opus, m4a, aiff or caf, by the extension of `target`.

    `subtype` is 16, 24 or float, of a file that is not lossy; `bitrate` about how many 1000 bit/s a lossy one takes.
    The other options are those of `decode`. A song is resampled where the format cannot hold its rate, as `resampling`
    of the report says. An m4a needs an installed ffmpeg.

    Raises:
        FormatError, ModelError: as `decode`; AudioError: the target's format cannot hold the song; UsageError: an
        option is out of range, or `target` exists; OSError.
    """
    from codec.audio.estimate import estimated_seconds
    from codec.pipeline import file_codec
    from codec.pipeline.workers import Engine

    plan, device, progress = _decode_plan("decode_file", options)
    with Engine(device, seconds=estimated_seconds(source)) as engine:
        return file_codec.decode_file(
            source, target, plan, subtype=subtype, bitrate=bitrate, force=force, engine=engine, progress=progress
        )


def peel(
    data: ReadableBuffer, latent: int, *, model: str | PathLike[str] | None = None, **options: Unpack[TagOptions]
) -> bytes:
    """Cut an .aez file down to a smaller tier without decoding it; see `codec.pipeline.peel` and `TagOptions`."""
    from codec.pipeline import peel as peeling

    _check_known("peel", options, TagOptions)
    out = BytesIO()
    peeling.peel(_file_of(data), out, latent, model=path_text(model), tags=_choice(dict(options), None))
    return out.getvalue()


def peel_file(
    source: str | PathLike[str],
    target: str | PathLike[str],
    latent: int,
    *,
    model: str | PathLike[str] | None = None,
    force: bool = False,
    **options: Unpack[TagOptions],
) -> None:
    """As `peel`, from file to file."""
    from codec.pipeline import file_codec

    _check_known("peel_file", options, TagOptions)
    file_codec.peel_file(source, target, latent, model=path_text(model), tags=_choice(dict(options), None), force=force)


class ArraySink:
    """Collects decoded blocks [C, N] in `blocks`, without clipping."""

    clipped = 0

    def __init__(self) -> None:
        self.blocks: list[NDArray[np.float32]] = []

    def write(self, block: NDArray[np.float32]) -> None:
        """Append a copy of a block."""
        self.blocks.append(block.copy())


def _file_of(data: ReadableBuffer) -> BytesIO:
    """A file object of a file's bytes. UsageError: the data are no bytes, but perhaps a path."""
    try:
        return BytesIO(memoryview(data).tobytes())
    except TypeError:
        raise UsageError(f"the data must be the bytes of an .aez file, not {type(data).__name__}") from None


def _check_known(function: str, options: Mapping[str, object], kind: type[TagOptions]) -> None:
    """Refuse keyword arguments that a function does not have, as Python does where it knows them.

    Raises:
        TypeError: there is such a one.
    """
    for name in options:
        if name not in kind.__annotations__:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")


def _encode_plan(function: str, options: EncodeOptions) -> tuple[EncodePlan, str, Progress | None]:
    from codec.audio.tags.choice import COVER_LIMIT
    from codec.pipeline.plan import EncodePlan, whole

    _check_known(function, options, EncodeOptions)
    plan: dict[str, Any] = {**options, "model": path_text(options.get("model"))}
    device, progress = plan.pop("device", "auto"), plan.pop("progress", None)
    limit = plan.pop("cover_limit", COVER_LIMIT)
    limit = None if limit is None else whole("the limit for pictures", limit)
    return EncodePlan.make(tags=_choice(plan, limit), **plan), device, progress


def _decode_plan(function: str, options: DecodeOptions) -> tuple[DecodePlan, str, Progress | None]:
    from codec.pipeline.plan import DecodePlan

    _check_known(function, options, DecodeOptions)
    plan: dict[str, Any] = {**options, "model": path_text(options.get("model"))}
    device, progress = plan.pop("device", "auto"), plan.pop("progress", None)
    return DecodePlan.make(tags=_choice(plan, None), **plan), device, progress


def _choice(options: dict[str, Any], limit: int | None) -> TagChoice:
    """Take the options about tags out of others."""
    from codec.audio.tags.choice import TagChoice

    keep_tags, keep_pictures = options.pop("keep_tags", True), options.pop("keep_cover", True)
    tags, cover = options.pop("tags", None), options.pop("cover", None)
    return TagChoice.make(keep_tags=keep_tags, keep_pictures=keep_pictures, tags=tags, cover=cover, limit=limit)
