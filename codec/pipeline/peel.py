"""Peeling: cutting a file down to a smaller tier without decoding it to audio."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

from codec.audio.tags.choice import ALL, TagChoice
from codec.pipeline.payload import check_tier, unpack
from codec.pipeline.plan import whole
from codec.pipeline.workers import Engine, engine_for_file
from codec.runtime import models
from formats import Chunk, Reader, Writer
from formats.errors import DamagedError, UsageError
from formats.payload.chunk import encode_payload


def peel(
    source: BinaryIO,
    target: BinaryIO,
    latent: int,
    *,
    model: str | None = None,
    tags: TagChoice | None = None,
    engine: Engine | None = None,
) -> list[str]:
    """Cut a file down to a smaller tier by dropping the lowest ranks of every frame.

    Nothing is decoded to audio; the tables of the file's model are all that is needed.

    Args:
        source: an .aez file.
        target: binary file object, written front to back.
        latent: the new tier, at most the file's.
        model: name or folder of the model to use instead of the installed one that has the file's bitstream.
        tags: which tags and pictures go along; all if None.
        engine: threads to share with other files.

    Returns:
        tags and pictures that were left out because of a limit, in words.

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
    metadata, left_out = (tags or ALL).applied(reader.metadata)
    writer = Writer(target, replace(header, latent=latent), metadata)

    def cut(chunk: Chunk) -> Chunk:
        latents = unpack(header, chunk, chosen).peeled(chosen.main_count(latent))
        return replace(chunk, payload=encode_payload(latents, header.gain, header.coder, chosen.tables))

    with engine_for_file(engine) as running:
        for chunk in running.map(cut, reader):
            writer.write(chunk)
    if not reader.complete or reader.samples is None:
        raise DamagedError("the file ends early: it has no trailer")
    writer.finish(reader.samples)
    return left_out
