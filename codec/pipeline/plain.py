"""Both ways of a mixed model: no hyper latents and no ranks, every latent a fixed mix of the frame.

The rest is as for ranked models: the same windows and chunks, the same quantizer, gains and entropy tables.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.dsp import framing, mdct
from codec.dsp.mdct import Float
from codec.pipeline.chunks import Window
from codec.pipeline.ranked_decoder import DECODER_CONTEXT, finite, places
from codec.pipeline.ranked_encoder import ENCODER_CONTEXT, AnalysedChunk
from codec.runtime.models import Model
from codec.runtime.session import Network
from formats import Chunk
from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HOP, HYPER_SIZE
from formats.payload.chunk import Latents
from formats.payload.side_info import NO_LONG, NO_TURNS, SideInfo

NAMES = {"mdct": "coefficients", "frames": "frames"}
"""What a network calls the frames of each transform."""


class PlainEncoder:
    """The encoder side of one mixed model on one device."""

    def __init__(self, model: Model, device: str) -> None:
        if model.reach("encoder") > ENCODER_CONTEXT:
            raise ModelError(f"model {model.name!r} needs more context than this version of aez gives it")
        self._transform, self._name = model.transform, model.name
        self._size = len(model.integers.intercept)
        self._network = Network(model.encoder, {NAMES[self._transform]}, device)
        self.provider = self._network.provider

    def __call__(self, window: Window, silence: NDArray[np.int64], attacks: NDArray[np.int64]) -> AnalysedChunk:
        """One window through transform and network."""
        cut = (mdct.frames if self._transform == "mdct" else framing.forward)(window.samples)
        out = self._network(**{NAMES[self._transform]: cut[None]}).get("latents")
        if out is None or out.shape != (1, len(cut), self._size):
            raise ModelError(f"the encoder of model {self._name!r} does not give the latents its tables have")
        latents = out[0, ENCODER_CONTEXT : ENCODER_CONTEXT + window.frames]
        return AnalysedChunk(np.zeros((0, HYPER_SIZE), np.int8), latents, SideInfo(silence, attacks, NO_TURNS, NO_LONG))


@dataclass(frozen=True, eq=False)
class Opened:
    """A chunk's latents before the network.

    Attributes:
        index: place in the song.
        quantized: float32 [F, M].
        silence, attacks: see `formats.payload.side_info.SideInfo`.
    """

    index: int
    quantized: Float
    silence: NDArray[np.int64]
    attacks: NDArray[np.int64]


class PlainDecoder:
    """The decoder side of one mixed model on one device, at one gain and chunk length."""

    def __init__(self, model: Model, device: str, gain: int, chunk_frames: int) -> None:
        if model.reach("decoder") > DECODER_CONTEXT:
            raise ModelError(f"model {model.name!r} needs more context than this version of aez gives it")
        self._network = Network(model.decoder, {"quantized", "gain"}, device)
        self.provider = self._network.provider
        self._transform, self._name = model.transform, model.name
        self._size = (1, chunk_frames + 2 * DECODER_CONTEXT, len(model.integers.intercept))
        self._gain = np.array([gain], np.float32)

    def open(self, latents: Latents, chunk: Chunk, channels: int) -> Opened:
        """Integers as numbers."""
        return Opened(chunk.index, latents.main.astype(np.float32), latents.silence, latents.attacks)

    def __call__(self, around: tuple[Opened | None, Opened, Opened | None]) -> Float:
        """A chunk with its neighbours -> mid and side [2, (F + 1) 700], its ends still to be overlapped."""
        quantized = np.zeros(self._size, np.float32)
        for part, target, source in places(around, len(around[1].quantized)):
            quantized[0, target, : part.quantized.shape[1]] = part.quantized[source]
        core = slice(DECODER_CONTEXT, DECODER_CONTEXT + len(around[1].quantized))
        out = self._network(quantized=quantized, gain=self._gain).get(NAMES[self._transform])
        width = COEFFICIENTS if self._transform == "mdct" else 2 * COEFFICIENTS
        if out is None or out.shape != (*self._size[:2], width):
            raise ModelError(f"the decoder of model {self._name!r} does not give the frames its card says")
        if self._transform == "mdct":
            return mdct.inverse(finite(out[0, core]).reshape(-1, 2, HOP).transpose(1, 2, 0))
        return framing.inverse(finite(out[0, core]))
