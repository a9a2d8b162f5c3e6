"""Genre of an .aez file from its integers: no audio is decoded, and no network of the codec runs.

A song is classified by its 2-second segments. A segment becomes 42 feature vectors, one for each of its hyper vectors.
The song's probabilities are the softmax of the mean of its segments' logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.pipeline.payload import check_tier, unpack
from codec.quantization.quantize import log_steps, scatter_indices
from codec.runtime import classifiers, models
from codec.runtime.classifiers import Classifier
from codec.runtime.session import Networks, Sessions
from formats import Reader
from formats.errors import AudioError, DamagedError, ModelError
from formats.grid import HOP, HYPER_FRAMES, HYPER_MIN, HYPER_SIZE, hyper_count
from formats.model.indexing import gather
from formats.model.scales import SEGMENT_VECTORS, Scales, predict_scales, rank_frames
from formats.model.tables import SIGMA_UNIT, Tables
from formats.payload.chunk import ChunkLatents

if TYPE_CHECKING:
    from codec.runtime.session import Network

NARROW = np.round(np.concatenate([np.arange(32), np.geomspace(32, HOP, 41)])).astype(np.int64)
"""First bin of each of 72 bands of mid, and 700: single bins of 31.5 Hz up to 1 kHz, then geometric."""

WIDE = np.round(np.concatenate([[0], np.geomspace(8, HOP, 16)])).astype(np.int64)
"""First bin of each of 16 bands of mid, and 700, in which tones and transients are measured."""

POWERS = HYPER_SIZE + len(NARROW) - 1
"""Numbers in a feature vector that are powers, in 3 dB; they come first, and all grow equally with the volume."""

SIZE = POWERS + 2 * (len(WIDE) - 1)
"""Numbers in a feature vector."""

UNSENT, ZERO = 0.8, 0.25
"""Assumed magnitude of a coefficient that was not sent, relative to its scale; and of one sent as zero, in steps."""

SILENCE = 2.0**HYPER_MIN
"""Floor that is added to powers before their logarithm is taken."""


def features(latents: ChunkLatents, gain: int, tables: Tables) -> Float:
    """Feature vectors of a chunk, in half octaves of amplitude (3 dB).

    They begin with the hyper latents. The rest is computed from the power of mid's coefficients over three frames (from
    their dequantized magnitudes if sent, else from their scales): the mean power of 72 bands; and, in 16 bands, by how
    much the strongest bin exceeds the mean one (tones), and the strongest frame the mean one (transients).

    Shape:
        F frames -> [ceil(F / 3), 152].
    """
    frames = len(latents.indices)
    groups = -(-frames // HYPER_FRAMES)
    power = np.pad(_power(latents, gain, tables), ((0, groups * HYPER_FRAMES - frames), (0, 0)), "edge")
    power = power.reshape(groups, HYPER_FRAMES, HOP)
    mean = power.mean(1)
    total = np.add.reduceat(power, WIDE[:-1], 2) / np.diff(WIDE).astype(np.float32)
    typical = total.mean(1)
    parts = (
        latents.hyper.astype(np.float32),
        _half_octaves(np.add.reduceat(mean, NARROW[:-1], 1) / np.diff(NARROW).astype(np.float32)),
        _half_octaves(np.maximum.reduceat(mean, WIDE[:-1], 1)) - _half_octaves(typical),
        _half_octaves(total.max(1)) - _half_octaves(typical),
    )
    return np.concatenate(parts, 1)


def _power(latents: ChunkLatents, gain: int, tables: Tables) -> Float:
    """Squared magnitude of mid's coefficients, estimated from the integers: [F, 700]."""
    frames, main = latents.indices.shape
    ranked = latents.ranked or rank_frames(latents.hyper, frames, main, gain, tables)
    scales, position = ranked.scales or predict_scales(latents.hyper, frames, tables), ranked.position
    chosen = Scales(gather(scales.sigma, position), scales.loudness)
    step = np.exp2(log_steps(chosen, position, gain, tables))
    value, sent = scatter_indices(latents.indices, position)
    magnitude = np.abs(np.take_along_axis(value, position, 1)) * step
    scale = np.exp2(scales.sigma.astype(np.float32) / np.float32(SIGMA_UNIT))
    zero = np.minimum(np.float32(ZERO) * step, np.take_along_axis(scale, position, 1))
    size = np.where(sent, np.float32(0), np.float32(UNSENT) * scale)
    np.put_along_axis(size, position, np.where(magnitude > 0, magnitude, zero), 1)
    return np.asarray(np.square(size[:, :HOP]), np.float32)


def _half_octaves(power: NDArray[np.floating]) -> Float:
    return np.asarray(np.log2(power + SILENCE), np.float32)


def segments(vectors: Float) -> Float:
    """Whole segments of a chunk's vectors, [G, D] -> [S, 42, D]; digitally silent ones are left out."""
    count = len(vectors) // SEGMENT_VECTORS
    whole = vectors[: count * SEGMENT_VECTORS].reshape(count, SEGMENT_VECTORS, SIZE)
    return whole[(whole[:, :, :HYPER_SIZE] > HYPER_MIN).any((1, 2))]


def file_segments(reader: Reader, model: models.Model) -> Iterator[Float]:
    """Yield segments [S, 42, D] of a file, chunk by chunk; a song shorter than a segment is repeated to fill one.

    Raises:
        FormatError: the file is damaged, or ends early.
    """
    header = reader.header
    check_tier(header, model)
    rest: Float | None = None
    for chunk in reader:
        vectors = features(unpack(header, chunk, model), header.gain, model.ranked_tables)
        yield segments(vectors)
        if chunk.index == 0 and len(vectors) < SEGMENT_VECTORS:
            rest = np.take(vectors, np.arange(SEGMENT_VECTORS) % len(vectors), 0)
    if not reader.complete:
        raise DamagedError("the file ends early: it has no trailer")
    if rest is not None:
        yield segments(rest)


@dataclass(frozen=True)
class Genres:
    """A classifier's result for a file.

    Attributes:
        probabilities: probability of each genre, the likeliest first; their sum is 1.
        segments: number of 2-second segments that were classified.
        classifier: name of the classifier.
        model: name of the model that unpacked the file.
        certain_from: the classifier's limit for `certain`.
        is_short: whether the song is shorter than a segment, and was repeated to fill one.
    """

    probabilities: dict[str, float]
    segments: int
    classifier: str
    model: str
    certain_from: float = 0.5
    is_short: bool = False

    @property
    def genre(self) -> str:
        """The likeliest genre."""
        return next(iter(self.probabilities))

    @property
    def certain(self) -> bool:
        """Whether the likeliest genre is likely enough to be taken for an answer, as the classifier's card says.

        It never is of a song shorter than a segment: probabilities were fitted on whole ones.
        """
        return not self.is_short and self.probabilities[self.genre] >= self.certain_from


def classify(
    source: BinaryIO,
    classifier: Classifier | None = None,
    *,
    model: str | None = None,
    sessions: Networks | None = None,
) -> Genres:
    """Classify an .aez file by genre.

    Args:
        source: binary file object, which is read from its current position and may be a pipe.
        classifier: the classifier; by default the first installed one for the file's bitstream.
        model: name or folder of the model to use instead of the installed one that has the file's bitstream.
        sessions: keeps the classifier's network from file to file.

    Raises:
        FormatError: the source is not an .aez file, or is damaged; ModelError: its model is not installed, or no
        classifier was trained for it; AudioError: the file holds nothing but digital silence.
    """
    reader = Reader(source)
    bitstream = reader.header.bitstream
    if classifier is not None:
        classifiers.check(classifier, bitstream)
    chosen_model = models.for_file(bitstream, model)
    chosen = classifier or classifiers.for_model(bitstream)
    network = (sessions or Sessions("cpu")).network(chosen.graph, {"features"}, frozenset({"logits"}))
    total, count = np.zeros(len(chosen.classes)), 0
    for part in file_segments(reader, chosen_model):
        if len(part):
            total += _logits(network, part, chosen)
            count += len(part)
    if not count:
        raise AudioError("the file holds no sound from which to guess a genre")
    chances = softmax(total / count)
    order = np.argsort(-chances, kind="stable")
    probabilities = {chosen.classes[i]: float(chances[i]) for i in order}
    is_short = reader.frames is not None and hyper_count(reader.frames) < SEGMENT_VECTORS
    return Genres(probabilities, count, chosen.name, chosen_model.name, chosen.certain_from, is_short)


def _logits(network: Network, part: Float, classifier: Classifier) -> NDArray[np.float64]:
    """Sum over segments [S, 42, D] of their logits, one number for each class."""
    logits = network(features=part)["logits"]
    if logits.shape != (len(part), len(classifier.classes)):
        raise ModelError(f"classifier {classifier.name!r} has other classes than its card names")
    return np.asarray(logits.sum(0))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities from logits, over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))
