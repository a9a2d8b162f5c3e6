"""Encoder and decoder side of plain models, which have neither hyper latents nor ranks.

A plain model is a fixed-transform autoencoder whose latents are quantized in a fixed order. Windows, chunks, gains and
entropy coding are the same as for ranked models.
"""

from dataclasses import dataclass

import numpy as np

from codec.dsp import framing, mdct
from codec.dsp.mdct import Float
from codec.pipeline.chunks import DECODER_CONTEXT, ENCODER_CONTEXT, AnalysedChunk, Window
from codec.pipeline.ranked_decoder import finite, window_parts
from codec.runtime.models import DecoderNetwork, Model
from codec.runtime.session import Networks
from formats import Chunk, Header
from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HYPER_SIZE
from formats.payload.chunk import ChunkLatents
from formats.payload.side_info import SideInfo

NAMES = {"mdct": "coefficients", "frames": "frames"}
"""Name of a network's input or output that holds the frames of each transform."""


class PlainEncoder:
    """Turns windows into `AnalysedChunk`s with one plain model. Calls may come from several threads.

    Attributes:
        provider: what runs the network; see `codec.runtime.session`.

    Raises:
        ModelError: the network cannot be loaded.
    """

    def __init__(self, model: Model, sessions: Networks) -> None:
        self._transform, self._name = model.transform, model.name
        self._size = len(model.tables.intercept)
        self._network = sessions.network(model.encoder, {NAMES[self._transform]})
        self.provider = self._network.provider

    def __call__(self, window: Window) -> AnalysedChunk:
        """Run one window through transform and network.

        Raises:
            ModelError: the network's latents do not match the model's tables.
        """
        frames = (mdct.frames if self._transform == "mdct" else framing.forward)(window.samples)
        out = self._network(**{NAMES[self._transform]: frames[None]}).get("latents")
        if out is None or out.shape != (1, len(frames), self._size):
            raise ModelError(f"the encoder of model {self._name!r} does not give the latents its tables have")
        latents = out[0, ENCODER_CONTEXT : ENCODER_CONTEXT + window.frames]
        side_info = SideInfo.empty(window.frames)._replace(silence=window.silence, gain_control=window.gain_control)
        return AnalysedChunk(np.zeros((0, HYPER_SIZE), np.int8), latents, side_info)


@dataclass(frozen=True, eq=False)
class PlainChunk:
    """A chunk's quantization indices before the network.

    Attributes:
        index: number of the chunk.
        quantized: float32 [F, M], quantization indices.
        side_info: side information of the chunk.
    """

    index: int
    quantized: Float
    side_info: SideInfo


class PlainDecoder:
    """Decoder side of one plain model, for one file. Calls may come from several threads.

    Attributes:
        provider: what runs the network; see `codec.runtime.session`.

    Raises:
        ModelError: the network cannot be loaded.
    """

    def __init__(self, model: Model, decoder: DecoderNetwork, sessions: Networks, header: Header) -> None:
        self._network = sessions.network(decoder.graph, {"quantized", "gain"})
        self.provider = self._network.provider
        self._transform, self._name = model.transform, model.name
        self._size = (1, header.chunk_frames + 2 * DECODER_CONTEXT, len(model.tables.intercept))
        self._gain = np.array([header.gain], np.float32)

    def open(self, latents: ChunkLatents, chunk: Chunk) -> PlainChunk:
        """Prepare a chunk's integers."""
        return PlainChunk(chunk.index, latents.indices.astype(np.float32), latents.side_info)

    def __call__(self, around: tuple[PlainChunk | None, PlainChunk, PlainChunk | None]) -> Float:
        """Synthesize a chunk between its neighbours -> mid and side [2, (F + 1) 700], ends not yet overlapped.

        Raises:
            ModelError: the network's frames have another shape than its card implies.
        """
        quantized = np.zeros(self._size, np.float32)
        for part, target, own in window_parts(around, len(around[1].quantized)):
            quantized[0, target, : part.quantized.shape[1]] = part.quantized[own]
        core = slice(DECODER_CONTEXT, DECODER_CONTEXT + len(around[1].quantized))
        out = self._network(quantized=quantized, gain=self._gain).get(NAMES[self._transform])
        width = COEFFICIENTS if self._transform == "mdct" else 2 * COEFFICIENTS
        if out is None or out.shape != (*self._size[:2], width):
            raise ModelError(f"the decoder of model {self._name!r} does not give the frames its card says")
        if self._transform == "mdct":
            return mdct.samples(finite(out[0, core]))
        return framing.inverse(finite(out[0, core]))
