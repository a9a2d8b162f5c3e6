"""Decoder side of ranked models: from a chunk's integers to mid and side.

    integers by frame --> decoder network --> coefficients --> inverse stereo rotation
                      --> inverse MDCT with window switching

`codec.pipeline.plain` is the counterpart for plain models, and `codec.pipeline.backend` chooses between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from codec.dsp import noise_filling, stereo, window_switching
from codec.dsp.mdct import Float
from codec.pipeline.chunks import DECODER_CONTEXT
from codec.runtime.models import DecoderNetwork, Model
from codec.runtime.session import Networks
from formats import Chunk, Header
from formats.errors import ModelError
from formats.grid import CHUNK, COEFFICIENTS, HOP, HYPER_FRAMES, HYPER_MIN, HYPER_SIZE
from formats.model.scales import interpolate
from formats.payload.chunk import ChunkLatents, silent_channels
from formats.payload.side_info import SideInfo

WINDOW = CHUNK // 3
"""Frames that the network computes at a time, so that the data between its layers stay in the processor cache."""

LOUDEST = 1e6
"""Magnitude at which a network's outputs are clipped; music stays below 100."""

INPUTS = {"indices", "position", "sent", "hyper_by_frame", "noise", "long", "gain"}


@dataclass(frozen=True, eq=False)
class DequantizedChunk:
    """A chunk's integers by frame, before the network.

    Attributes:
        index, first_frame: number of the chunk, and of its first frame in the song.
        quantized: int32 [F, M], quantization indices by rank; position: int16 [F, M], of their coefficients.
        hyper: int8 [F, 48], three times the hyper latents of each frame.
        silent: bool [F, 2], where the first or second channel is digital silence.
        side_info: side information of the chunk.
    """

    index: int
    first_frame: int
    quantized: NDArray[np.int32]
    position: NDArray[np.int16]
    hyper: NDArray[np.int8]
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
    """Spread a ranked model's hyper latents over the frames of a chunk.

    Raises:
        ModelError: the integers are not of a ranked model, or were not unpacked from a payload.
    """
    if latents.ranked is None:
        raise ModelError("these latents have no ranks")
    frames = len(latents.indices)
    return DequantizedChunk(
        index, first_frame, latents.indices, latents.ranked.position.astype(np.int16),
        interpolate(latents.hyper.astype(np.int32), frames).astype(np.int8),
        np.repeat(silent_channels(latents.hyper), HYPER_FRAMES, axis=0)[:frames], latents.side_info,
    )  # fmt: skip


def finite(out: Float) -> Float:
    """Clip a network's output to +-LOUDEST, and replace NaN by zero, in place."""
    if not (out.min(initial=0) >= -LOUDEST and out.max(initial=0) <= LOUDEST):
        np.clip(out, -LOUDEST, LOUDEST, out=out)
        np.copyto(out, 0, where=np.isnan(out))
    return out


class Framed(Protocol):
    """A chunk of either kind of model, with its quantization indices by frame."""

    @property
    def quantized(self) -> NDArray[Any]:
        """Quantization indices: [F, any]."""


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
    """Decoder side of one ranked model, for one file. Calls may come from several threads.

    Attributes:
        provider: what runs the network; see `codec.runtime.session`.

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
        self._frames = header.chunk_frames + 2 * DECODER_CONTEXT
        self._gain = np.array([header.gain], np.float32)
        self._mono = header.channels == 1

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
        mid_side = stereo.rotate_back(coefficients, chunk.side_info.rotation, out=coefficients)
        return window_switching.inverse_transform(mid_side, chunk.side_info.long_windows)

    def _inputs(
        self, around: tuple[DequantizedChunk | None, DequantizedChunk, DequantizedChunk | None]
    ) -> dict[str, NDArray[np.generic]]:
        """The network's inputs except the gain, of a chunk and its context: arrays [1, F + 2 DECODER_CONTEXT, ...]."""
        chunk, frames = around[1], self._frames
        main = chunk.quantized.shape[1]
        indices, position = np.zeros((1, frames, main), np.int32), np.zeros((1, frames, main), np.int16)
        sent, long = np.zeros((1, frames, 1), np.bool_), np.zeros((1, frames, 1), np.bool_)
        # Beyond the song's ends the network sees hyper latents of silence.
        hyper = np.full((1, frames, HYPER_SIZE), HYPER_FRAMES * HYPER_MIN, np.int8)
        for part, target, own in window_parts(around, len(chunk.quantized)):
            indices[0, target], position[0, target] = part.quantized[own], part.position[own]
            hyper[0, target], long[0, target], sent[0, target] = part.hyper[own], part.long_frames[own], True
        first = max(chunk.first_frame - DECODER_CONTEXT, 0)
        start = first - (chunk.first_frame - DECODER_CONTEXT)  # no noise before the song's first frame
        noise = np.zeros((1, frames, COEFFICIENTS), np.int8)
        noise[0, start:] = noise_filling.pattern_noise(self._noise, first, long[0, start:, 0])
        return {
            "indices": indices, "position": position, "sent": sent, "hyper_by_frame": hyper, "noise": noise,
            "long": long,
        }  # fmt: skip
