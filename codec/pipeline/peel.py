"""Peeling: cutting a file down to a smaller tier without decoding it to audio."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from codec.pipeline.payload import check_tier, unpack
from codec.pipeline.plan import whole
from codec.pipeline.workers import Engine, engine_for_file
from codec.runtime import models
from formats import Chunk, Reader, Writer
from formats.errors import DamagedError, UsageError
from formats.payload.chunk import encode_payload


def peel(
    source: BinaryIO, target: BinaryIO, latent: int, *, model: str | None = None, engine: Engine | None = None
) -> None:
    """Cut a file down to a smaller tier by dropping the lowest ranks of every frame.

    Nothing is decoded to audio; the tables of the file's model are all that is needed.

    Args:
        source: an .aez file.
        target: binary file object, written front to back.
        latent: the new tier, at most the file's.
        model: name or folder of the model to use instead of the installed one that has the file's bitstream.
        engine: threads to share with other files.

    Raises:
        UsageError: `latent` is not a tier of the model, or is above the file's; FormatError, ModelError, OSError: as
        `codec.pipeline.decode.decode`.
    """
    latent = whole("the tier", latent)
    reader = Reader(source)
    header = reader.header
    chosen = models.for_file(header.bitstream, model)
    check_tier(header, chosen)
    if latent not in chosen.latents or latent > header.latent:
        smaller = ", ".join(str(tier) for tier in chosen.latents if tier <= header.latent)
        raise UsageError(f"a file of {header.latent} latents cannot be peeled to {latent}; it can be to {smaller}")
    writer = Writer(target, replace(header, latent=latent), reader.metadata)

    def cut(chunk: Chunk) -> Chunk:
        latents = unpack(header, chunk, chosen).peeled(chosen.main_count(latent))
        return replace(chunk, payload=encode_payload(latents, header.gain, header.coder, chosen.tables))

    with engine_for_file(engine) as running:
        for chunk in running.map(cut, reader):
            writer.write(chunk)
    if not reader.complete or reader.samples is None:
        raise DamagedError("the file ends early: it has no trailer")
    writer.finish(reader.samples)
