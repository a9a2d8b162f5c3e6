"""Facts about an .aez file, for `aez info`: header, totals, tags, and whether every checksum matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from codec.pipeline.damage import located
from codec.runtime import models
from formats import Metadata, Picture, Reader
from formats.container.metadata import picture_size
from formats.errors import FormatError, PicturesError

if TYPE_CHECKING:
    from codec.runtime.models import Model
    from formats import Header


class Info(NamedTuple):
    """Facts about one file. A value that damage makes unknown is None.

    Attributes:
        size: bytes of the whole file.
        seconds: duration.
        kbps: measured rate in 1000 bit/s of the file without its pictures.
        kbps_file: the same of the whole file.
        ratio: bytes of the source as 16-bit PCM, divided by the bytes that `kbps` counts.
        latent, gain: tier in latents per frame, and gain, which scales quantizer steps by d = 2**(-gain / 32).
        bitstream: id of the bitstream, in hexadecimal digits.
        model: name of the model for this bitstream; None if none is installed.
        decoder: name of that model's default decoder; None if no model is installed.
        sample_rate, channels, samples: of the source; samples per channel.
        coder: "zstd" or "range".
        chunks: number of chunks.
        encoder: version of aez that made the file.
        tags: values by key, which are those of Vorbis comments.
        pictures: in order, with their image files.
        damage: what is wrong with the file; None if all checksums match and the file is complete.
    """

    size: int | None
    seconds: float | None
    kbps: float | None
    kbps_file: float | None
    ratio: float | None
    latent: int
    gain: int
    bitstream: str
    model: str | None
    decoder: str | None
    sample_rate: int
    channels: int
    samples: int | None
    coder: str
    chunks: int | None
    encoder: str
    tags: dict[str, tuple[str, ...]]
    pictures: tuple[Picture, ...]
    damage: str | None


def describe(source: BinaryIO, *, model: str | None = None) -> Info:
    """Read an .aez file and check every checksum in it.

    Args:
        source: binary file object, which is read from its current position and may be a pipe.
        model: name or folder of the model to look at instead of the installed one that has the file's bitstream.

    Raises:
        FormatError: the source is not an .aez file, or its header is damaged; other damage is in `Info.damage`.
        ModelError: `model` does not exist, or has another bitstream.
        OSError: as the file object raises it.
    """
    reader = Reader(source)
    found = _model(reader.header, model)
    damage = None
    metadata, is_whole = Metadata(), False
    try:
        metadata, is_whole = reader.metadata, True
        reader.verify()
    except FormatError as error:
        damage = str(located(error, reader.header, reader.samples))
        if isinstance(error, PicturesError):
            metadata = Metadata(error.tags)
    size, samples = reader.coded_size, reader.samples
    audio = size - sum(picture_size(picture) for picture in metadata.pictures) if size and is_whole else None
    header = reader.header
    seconds = None if samples is None else samples / header.sample_rate
    return Info(
        size=size,
        seconds=seconds,
        kbps=audio / 125 / seconds if audio and seconds else None,
        kbps_file=size / 125 / seconds if size and seconds else None,
        ratio=2 * header.channels * samples / audio if audio and samples else None,
        latent=header.latent,
        gain=header.gain,
        bitstream=header.bitstream.hex(),
        model=found.name if found else None,
        decoder=found.decoder_names[0] if found else None,
        sample_rate=header.sample_rate,
        channels=header.channels,
        samples=samples,
        coder=header.coder.name.lower(),
        chunks=reader.chunk_count,
        encoder=header.encoder_version,
        tags=metadata.tags,
        pictures=metadata.pictures,
        damage=damage,
    )


def _model(header: Header, named: str | None) -> Model | None:
    """The model for a file; None if none is named and none is installed."""
    return models.found_by_id(header.bitstream) if named is None else models.for_file(header.bitstream, named)
