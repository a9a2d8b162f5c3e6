"""From windows of samples to integers: transform, encoder network, levels, ranks, quantizer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codec import blocks, mdct, stereo
from codec.attacks import BLOCKS, moved
from codec.chunks import Window, source_samples
from codec.mdct import Float
from codec.quantize import quantize, quantize_hyper, quantize_mixed
from codec.sessions import Network
from codec.trellis import change_bits
from codec.weights import Model
from formats.coding import AnyTables, Latents, Ranking, encode
from formats.errors import ModelError
from formats.grid import SEGMENT, SHARE, hyper_count
from formats.layout import Coder
from formats.levels import best, segments
from formats.lists import NO_LONG, Lists
from formats.mixed import MixedTables

REACH = 6
"""Frames of context on either side, a whole number of hyper vectors."""


@dataclass(frozen=True, eq=False)
class Analysed:
    """One chunk after the network, before anything depends on tier or gain.

    Attributes:
        hyper: int8 [G, 48]; G is 0 for a mixed model.
        analysis: float32 [F, 1400]; of a mixed model its latents [F, L].
        lists: what else its payload carries.
    """

    hyper: NDArray[np.int8]
    analysis: Float
    lists: Lists

    def payload(self, main: int, gain: int, coder: Coder, tables: AnyTables) -> bytes:
        """Quantize the `main` highest ranks (or the first `main` mixed latents) of every frame, and code them."""
        if isinstance(tables, MixedTables):
            return encode(
                Latents(self.hyper, quantize_mixed(self.analysis[:, :main], gain), *self.lists), gain, coder, tables
            )
        parts = []
        for part, expected in segments(self.hyper, len(self.analysis), tables):
            level, index = best(expected, main, gain, tables)
            parts.append((level, index, quantize(self.analysis[part], expected, level, index, gain, tables)))
        level, index, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return encode(Latents(self.hyper, values, *self.lists), gain, coder, tables, Ranking(level, index))


def regroup(chunks: Iterable[Analysed], frames: int, rate: int) -> Iterator[Analysed]:
    """The same song in chunks of another length, a whole number of segments.

    Networks always see windows of 630 frames, so that the length of a file's chunks changes not one integer.
    """
    span = source_samples(1, rate, SEGMENT)
    held: list[Analysed] = []
    for chunk in chunks:
        for at in range(0, len(chunk.analysis), SEGMENT):
            low = at // SEGMENT * span
            silence, attacks, turns, long = chunk.lists
            start = np.maximum(silence[:, 0], low)
            end = np.minimum(silence.sum(1), low + span)
            quiet = np.stack([start - low + len(held) * span, end - start], 1)[end > start]
            first = attacks[:, 0] // BLOCKS == at // SEGMENT
            raised = moved(attacks[first], len(held) - at // SEGMENT)
            vectors = chunk.hyper[at // SHARE : (at + SEGMENT) // SHARE]
            own = slice(at // SEGMENT, at // SEGMENT + 1)
            lists = Lists(quiet, raised, turns[own], long[own])
            held.append(Analysed(vectors, chunk.analysis[at : at + SEGMENT], lists))
            if len(held) * SEGMENT == frames:
                yield _joined(held)
                held = []
    if held:
        yield _joined(held)


def _joined(parts: list[Analysed]) -> Analysed:
    silences, *others = (np.concatenate(arrays) for arrays in zip(*(part.lists for part in parts), strict=True))
    runs: list[list[int]] = []
    for start, length in silences.tolist():  # what the cut between two segments parted is one stretch again
        if runs and sum(runs[-1]) == start:
            runs[-1][1] += length
        else:
            runs.append([start, length])
    return Analysed(
        np.concatenate([part.hyper for part in parts]),
        np.concatenate([part.analysis for part in parts]),
        Lists(np.array(runs, np.int64).reshape(-1, 2), *others),
    )


class Analyser:
    """The encoder side of one model on one device."""

    def __init__(self, model: Model, device: str) -> None:
        if model.reach("encoder") > REACH:
            raise ModelError(f"model {model.name!r} needs more context than this version of aez gives it")
        self._network = Network(model.encoder, {"coefficients"}, device, outputs=frozenset({"hyper"}))
        self.provider = self._network.provider
        self._long, self._bits = model.long_blocks, change_bits(model.tables.hyper)

    def __call__(self, window: Window, silence: NDArray[np.int64], attacks: NDArray[np.int64]) -> Analysed:
        """One window through transform, turning and network."""
        coefficients, turns, long = turned(window, self._long)
        core = slice(REACH, REACH + window.frames)
        out = self._network(coefficients=coefficients[None])
        groups = hyper_count(window.frames)
        hyper = out["hyper"][0, REACH // SHARE :][:groups]
        vectors = quantize_hyper(hyper, coefficients[REACH : REACH + SHARE * groups], self._bits)
        return Analysed(vectors, analysis_values(out, coefficients)[core], Lists(silence, attacks, turns, long))


def turned(window: Window, choose: bool) -> tuple[Float, NDArray[np.uint8], NDArray[np.bool_]]:
    """A window's frames with their context, [REACH + F + ..., 1400], each band turned; the chunk's turns, and which
    of its units have long blocks: those that are worth it, or (not `choose`) none.
    """
    if choose:
        coefficients, long = blocks.frames(window.samples, REACH, window.frames)
    else:
        coefficients, long = mdct.frames(window.samples), NO_LONG
    turns = stereo.choose(coefficients[REACH : REACH + window.frames])
    # Context is turned like the nearest segment: what angles the next chunk will have is not known.
    return stereo.turn(coefficients, turns, REACH), turns, long


def analysis_values(out: dict[str, Float], coefficients: Float) -> Float:
    """What is quantized, [T, 1400]: the coefficients, which the first model's encoder moved a little."""
    return out["analysis"][0] if "analysis" in out else coefficients
