"""Which code runs a model: the ranked kind or the plain one, behind one face for each direction."""

from typing import Any, Protocol

from codec.dsp.mdct import Float
from codec.pipeline.chunks import AnalysedChunk, Window
from codec.pipeline.plain import PlainDecoder, PlainEncoder
from codec.pipeline.ranked_decoder import RankedDecoder
from codec.pipeline.ranked_encoder import RankedEncoder
from codec.runtime.models import Model
from codec.runtime.session import Sessions
from formats import Chunk, Header
from formats.payload.chunk import ChunkLatents
from formats.payload.side_info import SideInfo


class OpenedChunk(Protocol):
    """A chunk's integers, ready for its kind's decoder; of use elsewhere are its place and its side information."""

    @property
    def index(self) -> int:
        """Number of the chunk."""

    @property
    def side_info(self) -> SideInfo:
        """What else its payload carried."""


class ChunkEncoder(Protocol):
    """The encoder side of a model."""

    provider: str

    def __call__(self, window: Window) -> AnalysedChunk:
        """One window through transform and network."""


class ChunkDecoder(Protocol):
    """The decoder side of a model, for one file."""

    provider: str

    def open(self, latents: ChunkLatents, chunk: Chunk) -> Any:
        """Make a chunk's integers ready: an `OpenedChunk`."""

    def __call__(self, around: tuple[Any, Any, Any]) -> Float:
        """A chunk with its neighbours, None beyond the ends -> mid and side [2, (F + 1) 700]."""


def encoder(model: Model, sessions: Sessions) -> ChunkEncoder:
    """The encoder side of a model."""
    return PlainEncoder(model, sessions) if model.kind == "plain" else RankedEncoder(model, sessions)


def decoder(model: Model, name: str | None, sessions: Sessions, header: Header) -> ChunkDecoder:
    """The decoder side of a model for a file; `name`: one of the model's decoders, the default one if None."""
    kind = PlainDecoder if model.kind == "plain" else RankedDecoder
    return kind(model, model.decoder(name), sessions, header)
