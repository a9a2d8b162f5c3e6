"""Which code runs a model: the ranked kind or the mixed one."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.pipeline import plain, ranked_decoder, ranked_encoder
from codec.pipeline.chunks import Window
from codec.pipeline.ranked_encoder import AnalysedChunk
from codec.runtime.models import Model
from formats import Chunk
from formats.payload.chunk import Latents


class Opened(Protocol):
    """A chunk's integers, ready for its kind's synthesizer; of use elsewhere are its place and its lists."""

    @property
    def index(self) -> int:
        """Number of the chunk."""

    @property
    def silence(self) -> NDArray[np.int64]:
        """[n, 2], see `formats.payload.side_info.SideInfo`."""

    @property
    def attacks(self) -> NDArray[np.int64]:
        """[n, 3], see `formats.payload.side_info.SideInfo`."""


class Analyser(Protocol):
    """The encoder side of a model."""

    provider: str

    def __call__(self, window: Window, silence: NDArray[np.int64], attacks: NDArray[np.int64]) -> AnalysedChunk:
        """One window through transform and network."""


class Synthesizer(Protocol):
    """The decoder side of a model, at one gain and chunk length."""

    provider: str

    def open(self, latents: Latents, chunk: Chunk, channels: int) -> Any:
        """Make a chunk's integers ready."""

    def __call__(self, around: tuple[Any, Any, Any]) -> Float:
        """A chunk with its neighbours -> mid and side [2, (F + 1) 700]."""


def analyser(model: Model, device: str) -> Analyser:
    """The encoder side of a model on a device."""
    return plain.PlainEncoder(model, device) if model.kind == "mixed" else ranked_encoder.RankedEncoder(model, device)


def synthesizer(model: Model, device: str, gain: int, chunk_frames: int) -> Synthesizer:
    """The decoder side of a model on a device."""
    kind = plain.PlainDecoder if model.kind == "mixed" else ranked_decoder.RankedDecoder
    return kind(model, device, gain, chunk_frames)
