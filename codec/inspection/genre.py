"""Genre of an .aez file from its integers: no audio is decoded, no network of the codec runs.

A song is classified by its 2-second segments, the grid's L x 126 unit. A segment becomes 42 vectors, one for each of
its hyper vectors; the song's probabilities are the softmax of the mean of its segments' logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from codec.dsp.mdct import Float
from codec.pipeline.payload import check, unpack
from codec.quantization.quantize import log_steps, scatter_indices
from codec.runtime import classifiers, models
from codec.runtime.classifiers import Classifier
from codec.runtime.session import Network
from formats import Reader
from formats.errors import AudioError, DamagedError, ModelError
from formats.grid import HOP, HYPER_FRAMES, HYPER_MIN, HYPER_SIZE
from formats.model.scales import GROUP, predict_scales, ranks, scale_indices
from formats.model.tables import SIGMA_UNIT, Tables
from formats.payload.chunk import Latents

NARROW = np.round(np.concatenate([np.arange(32), np.geomspace(32, HOP, 41)])).astype(np.int64)
"""First bin of each of 72 bands of mid, and 700: single bins of 31.5 Hz up to 1 kHz, then geometric."""

WIDE = np.round(np.concatenate([[0], np.geomspace(8, HOP, 16)])).astype(np.int64)
"""First bin of each of 16 bands of mid, and 700, in which peaks and attacks are measured."""

LEVELLED = HYPER_SIZE + len(NARROW) - 1
"""Numbers in a feature vector that are levels: they come first, and all rise alike when the music is louder."""

SIZE = LEVELLED + 2 * (len(WIDE) - 1)
"""Numbers in a feature vector."""

UNSENT, ZERO = 0.8, 0.25
"""Size of a coefficient that was not sent, in sigmas, and of one sent as zero, in steps: as decoding starts."""

SILENCE = 2.0**HYPER_MIN
"""Power that no feature falls below."""


def features(latents: Latents, gain: int, tables: Tables) -> Float:
    """What the classifier sees of a chunk, in half octaves of amplitude (3 dB).

    The hyper latents as they are; then, from the power of mid's coefficients (squared steps where sent, squared
    expected size where not), averaged over three frames: the power of 72 bands; and in 16 bands, by how much the
    strongest bin exceeds the mean one (tones), and the strongest frame the mean one (attacks).

    Shape:
        F frames -> [ceil(F / 3), 152].
    """
    frames = len(latents.main)
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


def _power(latents: Latents, gain: int, tables: Tables) -> Float:
    """Squared size of mid's coefficients as far as the integers tell: [F, 700]."""
    frames, main = latents.main.shape
    expected = predict_scales(latents.hyper, frames, tables)
    index = ranks(scale_indices(expected, gain, tables), main)
    step = np.exp2(log_steps(expected, index, gain, tables))
    value, sent = scatter_indices(latents.main, index)
    magnitude = np.abs(np.take_along_axis(value, index, 1)) * step
    sigma = np.exp2(expected.sigma.astype(np.float32) / np.float32(SIGMA_UNIT))
    zero = np.minimum(np.float32(ZERO) * step, np.take_along_axis(sigma, index, 1))
    size = np.where(sent, np.float32(0), np.float32(UNSENT) * sigma)
    np.put_along_axis(size, index, np.where(magnitude > 0, magnitude, zero), 1)
    return np.asarray(np.square(size[:, :HOP]), np.float32)


def _half_octaves(power: NDArray[np.floating]) -> Float:
    return np.asarray(np.log2(power + SILENCE), np.float32)


def segments(vectors: Float) -> Float:
    """Whole segments of a chunk's vectors, [G, D] -> [S, 42, D]; digital silence is left out."""
    count = len(vectors) // GROUP
    whole = vectors[: count * GROUP].reshape(count, GROUP, SIZE)
    return whole[(whole[:, :, :HYPER_SIZE] > HYPER_MIN).any((1, 2))]


def file_segments(reader: Reader, model: models.Model) -> Iterator[Float]:
    """Segments [S, 42, D] of a file, chunk by chunk; a song shorter than one segment is repeated until it fills one.

    Raises:
        FormatError: the file is damaged, or ends early.
    """
    header = reader.header
    check(header, model)
    rest: Float | None = None
    for chunk in reader:
        vectors = features(unpack(header, chunk, model), header.gain, model.tables)
        yield segments(vectors)
        if chunk.index == 0 and len(vectors) < GROUP:
            rest = np.take(vectors, np.arange(GROUP) % len(vectors), 0)
    if not reader.complete:
        raise DamagedError("the file ends early: it has no trailer")
    if rest is not None:
        yield segments(rest)


@dataclass(frozen=True)
class Genres:
    """What a classifier says of a file.

    probabilities   by genre, the likeliest first; their sum is 1
    segments        2-second segments that were heard
    classifier      its name
    model           name of the codec model that made the file
    """

    probabilities: dict[str, float]
    segments: int
    classifier: str
    model: str

    @property
    def genre(self) -> str:
        """The likeliest."""
        return next(iter(self.probabilities))


def classify(source: BinaryIO, classifier: Classifier | None = None) -> Genres:
    """Genre of an .aez file, which is read from where it stands; a pipe will do.

    Args:
        source: binary file object.
        classifier: what `codec.runtime.classifiers.by_name` gives; by default the first installed one for the file's model.

    Raises:
        FormatError: no .aez file, or a damaged one; ModelError: its model is not installed, or no classifier was
        trained for it; AudioError: there is nothing but digital silence in it.
    """
    reader = Reader(source)
    wanted = reader.header.model
    if classifier is not None:
        classifiers.check(classifier, wanted)
    model = models.by_id(wanted)
    chosen = classifier or classifiers.for_model(wanted)
    network = _network(chosen)
    total, count = np.zeros(len(chosen.classes)), 0
    for part in file_segments(reader, model):
        if len(part):
            logits = network(features=part)["logits"]
            if logits.shape != (len(part), len(total)):
                raise ModelError(f"classifier {chosen.name!r} has other classes than its card names")
            total += logits.sum(0)
            count += len(part)
    if not count:
        raise AudioError("the file holds no sound to tell a genre by")
    chances = softmax(total / count)
    order = np.argsort(-chances, kind="stable")
    probabilities = {chosen.classes[i]: float(chances[i]) for i in order}
    return Genres(probabilities, count, chosen.name, model.name)


@lru_cache(maxsize=4)
def _network(classifier: Classifier) -> Network:
    return Network(classifier.graph, {"features"}, "cpu", outputs=frozenset({"logits"}))


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities from logits, over the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(raised / raised.sum(-1, keepdims=True))
