"""From windows of samples to integers: transform, encoder network, levels, ranks, quantizer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec.dsp import mdct, stereo, window_switching
from codec.dsp.gain_control import SEGMENT_BLOCKS, shifted
from codec.dsp.mdct import Float
from codec.pipeline.chunks import Window, source_samples
from codec.quantization.hyper_trellis import change_code_lengths
from codec.quantization.quantize import quantize, quantize_hyper, quantize_plain
from codec.runtime.models import Model
from codec.runtime.session import Network
from formats.container.layout import Coder
from formats.errors import ModelError
from formats.grid import HYPER_FRAMES, SEGMENT, hyper_count
from formats.model.plain_tables import PlainTables
from formats.model.scales import best, segments
from formats.payload.chunk import AnyTables, Latents, Ranking, encode_payload
from formats.payload.side_info import NO_LONG, SideInfo

ENCODER_CONTEXT = 6
"""Frames of context on either side, a whole number of hyper vectors."""


@dataclass(frozen=True, eq=False)
class AnalysedChunk:
    """One chunk after the network, before anything depends on tier or gain.

    Attributes:
        hyper: int8 [G, 48]; G is 0 for a mixed model.
        analysis: float32 [F, 1400]; of a mixed model its latents [F, L].
        lists: what else its payload carries.
    """

    hyper: NDArray[np.int8]
    analysis: Float
    lists: SideInfo

    def payload(self, main: int, gain: int, coder: Coder, tables: AnyTables) -> bytes:
        """Quantize the `main` highest ranks (or the first `main` mixed latents) of every frame, and code them."""
        if isinstance(tables, PlainTables):
            return encode_payload(
                Latents(self.hyper, quantize_plain(self.analysis[:, :main], gain), *self.lists), gain, coder, tables
            )
        parts = []
        for part, expected in segments(self.hyper, len(self.analysis), tables):
            level, index = best(expected, main, gain, tables)
            parts.append((level, index, quantize(self.analysis[part], expected, level, index, gain, tables)))
        level, index, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return encode_payload(Latents(self.hyper, values, *self.lists), gain, coder, tables, Ranking(level, index))


def regroup(chunks: Iterable[AnalysedChunk], frames: int, rate: int) -> Iterator[AnalysedChunk]:
    """The same song in chunks of another length, a whole number of segments.

    Networks always see windows of 630 frames, so that the length of a file's chunks changes not one integer.
    """
    span = source_samples(1, rate, SEGMENT)
    held: list[AnalysedChunk] = []
    for chunk in chunks:
        for at in range(0, len(chunk.analysis), SEGMENT):
            low = at // SEGMENT * span
            silence, attacks, turns, long = chunk.lists
            start = np.maximum(silence[:, 0], low)
            end = np.minimum(silence.sum(1), low + span)
            quiet = np.stack([start - low + len(held) * span, end - start], 1)[end > start]
            first = attacks[:, 0] // SEGMENT_BLOCKS == at // SEGMENT
            raised = shifted(attacks[first], len(held) - at // SEGMENT)
            vectors = chunk.hyper[at // HYPER_FRAMES : (at + SEGMENT) // HYPER_FRAMES]
            own = slice(at // SEGMENT, at // SEGMENT + 1)
            lists = SideInfo(quiet, raised, turns[own], long[own])
            held.append(AnalysedChunk(vectors, chunk.analysis[at : at + SEGMENT], lists))
            if len(held) * SEGMENT == frames:
                yield _joined(held)
                held = []
    if held:
        yield _joined(held)


def _joined(parts: list[AnalysedChunk]) -> AnalysedChunk:
    silences, *others = (np.concatenate(arrays) for arrays in zip(*(part.lists for part in parts), strict=True))
    runs: list[list[int]] = []
    for start, length in silences.tolist():  # what the cut between two segments parted is one stretch again
        if runs and sum(runs[-1]) == start:
            runs[-1][1] += length
        else:
            runs.append([start, length])
    return AnalysedChunk(
        np.concatenate([part.hyper for part in parts]),
        np.concatenate([part.analysis for part in parts]),
        SideInfo(np.array(runs, np.int64).reshape(-1, 2), *others),
    )


class RankedEncoder:
    """The encoder side of one model on one device."""

    def __init__(self, model: Model, device: str) -> None:
        if model.reach("encoder") > ENCODER_CONTEXT:
            raise ModelError(f"model {model.name!r} needs more context than this version of aez gives it")
        self._network = Network(model.encoder, {"coefficients"}, device, outputs=frozenset({"hyper"}))
        self.provider = self._network.provider
        self._long, self._bits = model.long_blocks, change_code_lengths(model.tables.hyper)

    def __call__(self, window: Window, silence: NDArray[np.int64], attacks: NDArray[np.int64]) -> AnalysedChunk:
        """One window through transform, turning and network."""
        coefficients, turns, long = rotated(window, self._long)
        core = slice(ENCODER_CONTEXT, ENCODER_CONTEXT + window.frames)
        out = self._network(coefficients=coefficients[None])
        groups = hyper_count(window.frames)
        hyper = out["hyper"][0, ENCODER_CONTEXT // HYPER_FRAMES :][:groups]
        vectors = quantize_hyper(hyper, coefficients[ENCODER_CONTEXT : ENCODER_CONTEXT + HYPER_FRAMES * groups], self._bits)
        return AnalysedChunk(vectors, analysis_values(out, coefficients)[core], SideInfo(silence, attacks, turns, long))


def rotated(window: Window, choose: bool) -> tuple[Float, NDArray[np.uint8], NDArray[np.bool_]]:
    """A window's frames with their context, [ENCODER_CONTEXT + F + ..., 1400], each band turned; the chunk's turns, and which
    of its units have long blocks: those that are worth it, or (not `choose`) none.
    """
    if choose:
        coefficients, long = window_switching.transform(window.samples, ENCODER_CONTEXT, window.frames)
    else:
        coefficients, long = mdct.frames(window.samples), NO_LONG
    turns = stereo.choose_angles(coefficients[ENCODER_CONTEXT : ENCODER_CONTEXT + window.frames])
    # Context is turned like the nearest segment: what angles the next chunk will have is not known.
    return stereo.rotate(coefficients, turns, ENCODER_CONTEXT), turns, long


def analysis_values(out: dict[str, Float], coefficients: Float) -> Float:
    """What is quantized, [T, 1400]: the coefficients, which the first model's encoder moved a little."""
    return out["analysis"][0] if "analysis" in out else coefficients
