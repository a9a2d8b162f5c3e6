"""One interface for each direction to the two kinds of models, ranked and plain; only what is asked for is imported."""

from typing import Any, Protocol

from codec.dsp.mdct import Float
from codec.pipeline.chunks import DECODER_CONTEXT, ENCODER_CONTEXT, AnalysedChunk, Window
from codec.runtime.models import DecoderNetwork, Model
from codec.runtime.session import Networks
from formats import Chunk, Header
from formats.errors import ModelError
from formats.payload.chunk import ChunkLatents
from formats.payload.side_info import SideInfo


class OpenedChunk(Protocol):
    """A chunk's integers, prepared for the decoder of its kind of model."""

    @property
    def index(self) -> int:
        """Number of the chunk."""

    @property
    def side_info(self) -> SideInfo:
        """Side information of the chunk."""


class ChunkEncoder(Protocol):
    """The encoder side of a model."""

    provider: str

    def __call__(self, window: Window) -> AnalysedChunk:
        """Run one window through transform and network."""


class ChunkDecoder(Protocol):
    """The decoder side of a model, for one file."""

    provider: str

    def open(self, latents: ChunkLatents, chunk: Chunk) -> Any:
        """Prepare a chunk's integers; the result is an `OpenedChunk`."""

    def __call__(self, around: tuple[Any, Any, Any]) -> Float:
        """Synthesize a chunk between its neighbours (None beyond the ends) -> mid and side [2, (F + 1) 700]."""


def encoder(model: Model, sessions: Networks) -> ChunkEncoder:
    """The encoder side of a model.

    Raises:
        ModelError: the network needs more context than ENCODER_CONTEXT, or cannot be loaded.
    """
    if model.encoder_context > ENCODER_CONTEXT:
        raise ModelError(f"model {model.name!r} needs more context than this version of aez gives it")
    if model.kind == "plain":
        from codec.pipeline.plain import PlainEncoder

        return PlainEncoder(model, sessions)
    from codec.pipeline.ranked_encoder import RankedEncoder

    return RankedEncoder(model, sessions)


def decoder(model: Model, chosen: DecoderNetwork, sessions: Networks, header: Header) -> ChunkDecoder:
    """The decoder side of a model for a file, with one of the model's decoders.

    Raises:
        ModelError: the network needs more context than DECODER_CONTEXT, has no noise pattern that it needs, or cannot
            be loaded.
    """
    if chosen.context > DECODER_CONTEXT:
        raise ModelError(f"decoder {chosen.name!r} of model {model.name!r} needs more context than aez gives it")
    if model.kind == "plain":
        from codec.pipeline.plain import PlainDecoder

        return PlainDecoder(model, chosen, sessions, header)
    from codec.pipeline.ranked_decoder import RankedDecoder

    return RankedDecoder(model, chosen, sessions, header)
