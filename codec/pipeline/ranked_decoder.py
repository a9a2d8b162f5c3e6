"""From integers to samples: dequantization by the decoder network, inverse transform, overlap-add across chunks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from codec.dsp import noise_filling, stereo, window_switching
from codec.dsp.mdct import Float
from codec.quantization.quantize import scatter_indices
from codec.runtime.models import Model
from codec.runtime.session import Network
from formats import Chunk
from formats.errors import ModelError
from formats.grid import BANDS, COEFFICIENTS, HOP, HYPER_FRAMES, HYPER_MIN, HYPER_SIZE, SEGMENT
from formats.model.scales import predict_scales, ranked, segments
from formats.model.tables import SIGMA_UNIT, Tables
from formats.payload.chunk import Latents, silent_channels
from formats.payload.side_info import NO_TURNS

DECODER_CONTEXT = 8
"""Frames of context on either side."""

WINDOW = 2 * SEGMENT
"""Frames that the network gives at a time, so that what lies between its layers stays near the processor."""

LOUDEST = 1e6
"""The largest coefficient or sample of a network that is believed: music stays below 100."""

INPUTS = {"quantized", "log_sigma", "sent", "noise", "gain"}
MORE_INPUTS = {"loudness", "long"}
"""Of models that know long blocks."""


@dataclass(frozen=True, eq=False)
class DequantizedChunk:
    """A chunk's latents back at their coefficients, before the network.

    Attributes:
        index, first_frame: place in the song.
        quantized, log_sigma: float32 [F, 1400]; sent: bool [F, 1400]; loudness: float32 [F, 1].
        silent: bool [F, 2], where the first or second channel is digital silence.
        silence, attacks, turns, long: see `formats.payload.side_info.SideInfo`.
    """

    index: int
    first_frame: int
    quantized: Float
    log_sigma: Float
    loudness: Float
    sent: NDArray[np.bool_]
    silent: NDArray[np.bool_]
    silence: NDArray[np.int64]
    attacks: NDArray[np.int64]
    turns: NDArray[np.uint8]
    long: NDArray[np.bool_]

    @property
    def long_frames(self) -> NDArray[np.bool_]:
        """Which frames are of long blocks: [F, 1]."""
        out = np.zeros((len(self.quantized), 1), np.bool_)
        for run in window_switching.runs(self.long):
            out[run] = True
        return out


def dequantize(latents: Latents, number: int, first_frame: int, gain: int, tables: Tables) -> DequantizedChunk:
    """Undo the ranking."""
    frames, main = latents.main.shape
    index = latents.index
    if index is None:
        index = ranked(latents.hyper, frames, main, gain, tables)[1]
    quantized, sent = scatter_indices(latents.main, index)
    size, loudness = np.empty(quantized.shape, np.float32), np.empty((frames, 1), np.float32)
    for part, expected in segments(latents.hyper, frames, tables):
        for values, out in ((expected.sigma, size), (expected.loudness, loudness)):
            np.divide(values, np.float32(SIGMA_UNIT), out=out[part], dtype=np.float32)
    silent = np.repeat(silent_channels(latents.hyper), HYPER_FRAMES, axis=0)[:frames]
    return DequantizedChunk(
        number, first_frame, quantized, size, loudness, sent, silent, latents.silence, latents.attacks, latents.turns,
        latents.long,
    )  # fmt: skip


def finite(out: Float) -> Float:
    """What a network gave, with no value too large for what follows, and none that is no number; in place."""
    np.clip(out, -LOUDEST, LOUDEST, out=out)
    np.copyto(out, 0, where=np.isnan(out))
    return out


class Framed(Protocol):
    """Anything with frames of quantized values."""

    @property
    def quantized(self) -> Float:
        """[F, any]."""


P = TypeVar("P", bound=Framed)


def places(around: tuple[P | None, P, P | None], frames: int) -> Iterator[tuple[P, slice, slice]]:
    """Where a chunk of `frames` frames and its neighbours lie in a network's window.

    Yields each part with the frames of the window that it fills, and the frames of its own that go there.
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
    """The decoder side of one model on one device, at one gain and chunk length."""

    def __init__(self, model: Model, device: str, gain: int, chunk_frames: int) -> None:
        if model.reach("decoder") > DECODER_CONTEXT:
            raise ModelError(f"model {model.name!r} needs more context than this version of aez gives it")
        self._more = MORE_INPUTS if model.long_blocks else set()
        self._network = Network(model.decoder, INPUTS | self._more, device, outputs=frozenset({"coefficients"}))
        self.provider = self._network.provider
        self._size = (1, chunk_frames + 2 * DECODER_CONTEXT, COEFFICIENTS)
        self._gain, self._tables = np.array([gain], np.float32), model.tables
        # What the network sees beyond the song's ends: a hyper vector of silence.
        nothing = np.full((1, HYPER_SIZE), HYPER_MIN, np.int8)
        silent = predict_scales(nothing, 1, self._tables)
        self._floor, self._quiet = (value[0].astype(np.float32) / np.float32(SIGMA_UNIT) for value in silent)

    def open(self, latents: Latents, chunk: Chunk, channels: int) -> DequantizedChunk:
        """Undo the ranking; of a mono file, side is silent and nothing is turned."""
        if channels == 1:
            latents.hyper[:, BANDS:] = HYPER_MIN
            latents = replace(latents, turns=NO_TURNS)
        return dequantize(latents, chunk.index, chunk.first_frame, int(self._gain[0]), self._tables)

    def __call__(self, around: tuple[DequantizedChunk | None, DequantizedChunk, DequantizedChunk | None]) -> Float:
        """A chunk with its neighbours -> mid and side [2, (F + 1) 700], its ends still to be overlapped."""
        chunk = around[1]
        frames = len(chunk.quantized)
        size = self._size
        quantized, sent = np.zeros(size, np.float32), np.zeros(size, np.bool_)
        sigma = np.empty(size, np.float32)
        sigma[:] = self._floor
        loudness, long = np.full((*size[:2], 1), self._quiet), np.zeros((*size[:2], 1), np.bool_)
        for part, target, chosen in places(around, frames):
            quantized[0, target], sent[0, target] = part.quantized[chosen], part.sent[chosen]
            sigma[0, target], loudness[0, target] = part.log_sigma[chosen], part.loudness[chosen]
            long[0, target] = part.long_frames[chosen]
        first = max(chunk.first_frame - DECODER_CONTEXT, 0)
        start = first - (chunk.first_frame - DECODER_CONTEXT)
        pattern, filling = self._tables.noise, np.zeros(size, np.float32)
        filling[0, start:] = (
            noise_filling.frames(first, size[1] - start) if pattern is None else noise_filling.own(pattern, first, long[0, start:, 0])
        )
        coefficients = np.empty((frames, COEFFICIENTS), np.float32)
        inputs = {"quantized": quantized, "log_sigma": sigma, "sent": sent, "noise": filling}
        if self._more:
            inputs |= {"loudness": loudness, "long": long}
        for at in range(0, frames, WINDOW):
            end = min(at + WINDOW, frames)
            seen = slice(at, end + 2 * DECODER_CONTEXT)
            out = self._network(**{name: value[:, seen] for name, value in inputs.items()}, gain=self._gain)
            coefficients[at:end] = finite(out["coefficients"][0, DECODER_CONTEXT:-DECODER_CONTEXT])
        coefficients.reshape(frames, 2, HOP)[chunk.silent] = 0
        return window_switching.inverse_transform(stereo.rotate_back(coefficients, chunk.turns), chunk.long)


class Overlap:
    """Adds the ends of consecutive chunks: [2, (F + 1) 700] in, finished samples [2, F 700] out."""

    def __init__(self) -> None:
        self._tail = np.zeros((2, HOP), np.float32)

    def add(self, block: Float) -> Float:
        """The first call gives the 700 samples before its chunk, which belong to the one before."""
        block[:, :HOP] += self._tail
        self._tail = block[:, -HOP:].copy()
        return block[:, :-HOP]
