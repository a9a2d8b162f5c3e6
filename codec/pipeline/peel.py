"""A file cut down to a smaller tier, without decoding it."""

from dataclasses import replace
from typing import BinaryIO

from codec.pipeline.payload import check, unpack
from codec.pipeline.workers import ordered_map, workers
from codec.runtime import models
from formats import Chunk, Reader, Writer
from formats.errors import DamagedError, UsageError
from formats.payload.chunk import encode_payload


def peel(source: BinaryIO, target: BinaryIO, latent: int) -> None:
    """Cut a file down to a smaller tier by dropping ranks: the bytes that encoding at that tier and gain would give.

    Nothing is decoded to audio; the tables of the file's model are all that is needed.

    Raises:
        UsageError: `latent` is no tier, or above the file's; FormatError, ModelError, OSError as `decode`.
    """
    reader = Reader(source)
    header = reader.header
    model = models.by_id(header.model)
    check(header, model)
    if latent not in model.latents or latent > header.latent:
        raise UsageError(f"a file of {header.latent} latents can be peeled to a smaller tier only, not to {latent}")
    writer = Writer(target, replace(header, latent=latent), reader.metadata)
    with workers() as pool:

        def cut(chunk: Chunk) -> Chunk:
            latents = unpack(header, chunk, model).peeled(model.main_count(latent))
            return replace(chunk, payload=encode_payload(latents, header.gain, header.coder, model.integers))

        for chunk in ordered_map(pool, cut, reader):
            writer.write(chunk)
    if not reader.complete or reader.samples is None:
        raise DamagedError("the file ends early: it has no trailer")
    writer.finish(reader.samples)
