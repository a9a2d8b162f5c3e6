"""From a container's chunks to their integers: what decoding and peeling have in common."""

from codec.pipeline.chunks import source_samples
from codec.runtime.models import Model, by_id
from formats import Chunk, Header
from formats.errors import DamagedError, FormatError
from formats.grid import SEGMENT
from formats.model.tables import GAIN_LIMIT
from formats.payload.chunk import Latents, decode_payload

CHUNKS = range(SEGMENT, 20 * SEGMENT + 1, SEGMENT)
"""Frames that a chunk may have: more than 40 seconds at once is memory that no decoder owes a stranger."""


def check(header: Header, model: Model | None = None) -> None:
    """FormatError where a header asks for what the codec, or the model it names (or `model`), does not do."""
    latents = (model or by_id(header.model)).latents
    if header.latent not in latents or abs(header.gain) > GAIN_LIMIT or header.chunk_frames not in CHUNKS:
        raise FormatError(
            f"the file has {header.latent} latents at gain {header.gain}, which this version does not decode"
        )


def unpack(header: Header, chunk: Chunk, model: Model) -> Latents:
    """The integers of a chunk. DamagedError: its payload is not what its header implies."""
    try:
        latents = decode_payload(
            chunk.payload, chunk.frames, model.main_count(header.latent), header.gain, header.coder, model.integers
        )
        # Stretches that reach into later chunks would pile up from chunk to chunk.
        if latents.silence.sum(1).max(initial=0) > source_samples(1, header.sample_rate, header.chunk_frames):
            raise DamagedError("it lists silence beyond its end")
        return latents
    except DamagedError as error:
        raise DamagedError(f"chunk {chunk.index} is damaged: {error}", chunk.index) from None
