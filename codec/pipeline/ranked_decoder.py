"""DecoderNetwork side of ranked models: from a chunk's integers to mid and side.

    integers --> quantization indices and scales at their coefficients --> decoder network --> coefficients
             --> inverse stereo rotation --> inverse MDCT with window switching

`codec.pipeline.plain` is the counterpart for plain models, and `codec.pipeline.backend` chooses between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from codec.dsp import noise_filling, stereo, window_switching
from codec.dsp.mdct import Float
from codec.pipeline.chunks import DECODER_CONTEXT
from codec.quantization.quantize import scatter_indices
from codec.runtime.models import DecoderNetwork, Model
from codec.runtime.session import Networks
from formats import Chunk, Header
from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HOP, HYPER_FRAMES, HYPER_MIN, HYPER_SIZE, SEGMENT
from formats.model.scales import predict_scales
from formats.model.tables import SIGMA_UNIT
from formats.payload.chunk import ChunkLatents, silent_channels
from formats.payload.side_info import SideInfo

WINDOW = 2 * SEGMENT
"""Frames that the network computes at a time, so that the data between its layers stay in the processor cache."""

LOUDEST = 1e6
"""Magnitude at which a network's outputs are clipped; music stays below 100."""

INPUTS = {"quantized", "log_sigma", "sent", "noise", "loudness", "long", "gain"}


@dataclass(frozen=True, eq=False)
class DequantizedChunk:
    """A chunk's integers in the order of coefficients, before the network.

    Attributes:
        index, first_frame: number of the chunk, and of its first frame in the song.
        quantized: float32 [F, 1400], quantization indices at their coefficients; sent: bool [F, 1400].
        log_sigma: float32 [F, 1400], log2 of the scales; loudness: float32 [F, 1], log2.
        silent: bool [F, 2], where the first or second channel is digital silence.
        side_info: side information of the chunk.
    """

    index: int
    first_frame: int
    quantized: Float
    sent: NDArray[np.bool_]
    log_sigma: Float
    loudness: Float
    silent: NDArray[np.bool_]
    side_info: SideInfo

    @property
    def long_frames(self) -> NDArray[np.bool_]:
        """Which frames have long windows: [F, 1]."""
        out = np.zeros((len(self.quantized), 1), np.bool_)
        for run in window_switching.runs(self.side_info.long_windows):
            out[run] = True
        return out


def dequantize(latents: ChunkLatents, index: int, first_frame: int) -> DequantizedChunk:
    """Undo the ranking of a chunk of a ranked model.

    Raises:
        ModelError: the integers are not of a ranked model, or were not unpacked from a payload.
    """
    if latents.ranked is None or latents.ranked.scales is None:
        raise ModelError("these latents have no scales")
    sigma, loudness = latents.ranked.scales
    quantized, sent = scatter_indices(latents.indices, latents.ranked.position)
    unit = np.float32(SIGMA_UNIT)
    silent = np.repeat(silent_channels(latents.hyper), HYPER_FRAMES, axis=0)[: len(quantized)]
    return DequantizedChunk(
        index, first_frame, quantized, sent, np.divide(sigma, unit, dtype=np.float32),
        np.divide(loudness, unit, dtype=np.float32), silent, latents.side_info,
    )  # fmt: skip


def finite(out: Float) -> Float:
    """Clip a network's output to +-LOUDEST, and replace NaN by zero, in place."""
    np.clip(out, -LOUDEST, LOUDEST, out=out)
    np.copyto(out, 0, where=np.isnan(out))
    return out


class Framed(Protocol):
    """A chunk of either kind of model, with its quantization indices by frame."""

    @property
    def quantized(self) -> Float:
        """Quantization indices: float32 [F, any]."""


P = TypeVar("P", bound=Framed)


def window_parts(around: tuple[P | None, P, P | None], frames: int) -> Iterator[tuple[P, slice, slice]]:
    """Find where a chunk of `frames` frames and its neighbours lie in a network's window.

    Yields:
        each chunk that is there, the frames of the window that it fills, and which of its own frames they are.
    """
    before, chunk, after = around
    for part, at in (
        (before, DECODER_CONTEXT - len(before.quantized) if before else 0),
        (chunk, DECODER_CONTEXT),
        (after, DECODER_CONTEXT + frames),
    ):
        if part is not None:
            low, high = max(at, 0), min(at + len(part.quantized), DECODER_CONTEXT + frames + DECODER_CONTEXT)
            yield part, slice(low, high), slice(low - at, high - at)


class RankedDecoder:
    """DecoderNetwork side of one ranked model, for one file. Calls may come from several threads.

    Attributes:
        provider: of ONNX Runtime, which runs the network.

    Raises:
        ModelError: the decoder has no noise pattern, or its network cannot be loaded.
    """

    def __init__(self, model: Model, decoder: DecoderNetwork, sessions: Networks, header: Header) -> None:
        if decoder.noise is None:
            raise ModelError(f"decoder {decoder.name!r} of model {model.name!r} has no noise pattern, which it needs")
        self._network = sessions.network(
            decoder.graph, INPUTS, frozenset({"coefficients"}), DECODER_CONTEXT + WINDOW + DECODER_CONTEXT
        )
        self.provider = self._network.provider
        self._noise = decoder.noise
        self._size = (1, header.chunk_frames + 2 * DECODER_CONTEXT, COEFFICIENTS)
        self._gain = np.array([header.gain], np.float32)
        self._mono = header.channels == 1
        # Beyond the song's ends the network sees a hyper vector of silence.
        silent = predict_scales(np.full((1, HYPER_SIZE), HYPER_MIN, np.int8), 1, model.ranked_tables)
        self._silent_scales, self._silent_loudness = (
            value[0].astype(np.float32) / np.float32(SIGMA_UNIT) for value in silent
        )

    def open(self, latents: ChunkLatents, chunk: Chunk) -> DequantizedChunk:
        """Prepare a chunk's integers; of a mono file only mid is used, whatever its payload holds for side."""
        opened = dequantize(latents, chunk.index, chunk.first_frame)
        if not self._mono:
            return opened
        opened.silent[:, 1] = True
        angles = np.zeros_like(opened.side_info.rotation)
        return replace(opened, side_info=opened.side_info._replace(rotation=angles))

    def __call__(self, around: tuple[DequantizedChunk | None, DequantizedChunk, DequantizedChunk | None]) -> Float:
        """Synthesize a chunk between its neighbours -> mid and side [2, (F + 1) 700], ends not yet overlapped."""
        chunk = around[1]
        frames = len(chunk.quantized)
        inputs = self._inputs(around)
        coefficients = np.empty((frames, COEFFICIENTS), np.float32)
        for at in range(0, frames, WINDOW):
            end = min(at + WINDOW, frames)
            seen = slice(at, end + 2 * DECODER_CONTEXT)
            out = self._network(**{name: value[:, seen] for name, value in inputs.items()}, gain=self._gain)
            coefficients[at:end] = finite(out["coefficients"][0, DECODER_CONTEXT:-DECODER_CONTEXT])
        coefficients.reshape(frames, 2, HOP)[chunk.silent] = 0
        mid_side = stereo.rotate_back(coefficients, chunk.side_info.rotation)
        return window_switching.inverse_transform(mid_side, chunk.side_info.long_windows)

    def _inputs(
        self, around: tuple[DequantizedChunk | None, DequantizedChunk, DequantizedChunk | None]
    ) -> dict[str, NDArray[np.generic]]:
        """The network's inputs except the gain, of a chunk and its context: arrays [1, F + 2 DECODER_CONTEXT, ...]."""
        size, chunk = self._size, around[1]
        quantized, sent = np.zeros(size, np.float32), np.zeros(size, np.bool_)
        log_sigma = np.empty(size, np.float32)
        log_sigma[:] = self._silent_scales
        loudness, long = np.full((*size[:2], 1), self._silent_loudness), np.zeros((*size[:2], 1), np.bool_)
        for part, target, own in window_parts(around, len(chunk.quantized)):
            quantized[0, target], sent[0, target] = part.quantized[own], part.sent[own]
            log_sigma[0, target], loudness[0, target] = part.log_sigma[own], part.loudness[own]
            long[0, target] = part.long_frames[own]
        first = max(chunk.first_frame - DECODER_CONTEXT, 0)
        start = first - (chunk.first_frame - DECODER_CONTEXT)  # no noise before the song's first frame
        noise = np.zeros(size, np.float32)
        noise[0, start:] = noise_filling.pattern_noise(self._noise, first, long[0, start:, 0])
        return {
            "quantized": quantized, "log_sigma": log_sigma, "sent": sent, "noise": noise, "loudness": loudness,
            "long": long,
        }  # fmt: skip
