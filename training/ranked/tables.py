"""From a trained model to integers: predictor and steps in fixed point, frequency tables counted on music."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from codec.dsp import noise_filling, stereo, window_switching
from codec.dsp.gain_control import apply_gain_control
from codec.dsp.mdct import Float, frames
from codec.quantization.hyper_trellis import change_code_lengths
from codec.quantization.quantize import quantize, quantize_hyper
from codec.quantization.rdoq import thresholds
from formats.grid import CHUNK, HOP, HYPER_SIZE, SCALES, TIERS, UNIT_SCALE, main_count
from formats.model.contexts import CONTEXTS, passes, small
from formats.model.indexing import scatter
from formats.model.scales import predict_vectors, rank_segment, scales_at
from formats.model.tables import (
    BAND_GROUPS,
    CHANGE_CONTEXTS,
    HYPER_SYMBOLS,
    HYPER_TABLES,
    MAGNITUDES,
    SCALE_BITS,
    SIGMA_UNIT,
    Tables,
    frequencies,
)
from formats.payload.chunk import raw_bit_count
from formats.payload.hyper_latents import group, table_rows
from training.data.batches import Music
from training.ranked.config import STEP_FACTORS
from training.ranked.network import Autoencoder

Counts = NDArray[np.float64]

PIECE = (CHUNK + 1) * HOP
"""Samples of a piece that is counted: ten seconds."""

LAPS = 4
"""Times over that music is counted at most: pieces of little music would only repeat each other."""

ROUNDS = 5
"""Rounds in which hyper tables and the paths chosen under them are made to agree."""


def integer_part(model: Autoencoder) -> Tables:
    """The model's predictor and steps in fixed point, with flat frequencies."""
    part = model.scales
    matrix, offset, shape, bias, steady, mean = (
        value.detach().double().cpu().numpy()
        for value in (
            part.interpolation + part.predictor, part.offset, part.shape, part.bias, part.steady, part.band_mean,
        )
    )  # fmt: skip
    return Tables(
        predictor=np.rint(1024 * matrix).astype(np.int32),
        offset=np.rint(2048 * offset).astype(np.int32),
        slope=np.rint(4 * (1 - shape) * (1 << SCALE_BITS) / SIGMA_UNIT).astype(np.int32),
        intercept=np.rint((UNIT_SCALE + 0.5 - 4 * bias) * (1 << SCALE_BITS)).astype(np.int32),
        shape=shape,
        bias=bias,
        steady=steady,
        loudness=np.rint(np.append(1024 * matrix @ mean, 2048 * offset @ mean)).astype(np.int32),
        steadiness=np.rint(4 * steady * (1 << SCALE_BITS) / SIGMA_UNIT).astype(np.int32),
        main=frequencies(np.ones((CONTEXTS * SCALES, MAGNITUDES))).reshape(CONTEXTS, SCALES, MAGNITUDES),
        hyper=frequencies(np.ones((HYPER_TABLES, HYPER_SYMBOLS))),
    )


def noise_pattern(model: Autoencoder) -> NDArray[np.int8]:
    """The model's noise pattern in integers: [2, 126, 1400]."""
    values = model.noise.pattern.detach().cpu().numpy()
    return np.asarray(np.clip(np.rint(noise_filling.PATTERN_UNIT * values), -127, 127), np.int8)


def pieces(music: Music, count: int, rng: np.random.Generator, *, adapted: bool = True) -> Iterator[Float]:
    """MDCT frames [630, 1400] of random ten-second pieces, after gain control.

    Windows and rotation are those of files of ranked models, or (not `adapted`) short windows of mid and side.
    """
    for _ in range(count):
        x = music.crop(rng, PIECE)
        mid_side = apply_gain_control(stereo.sum_difference(x) * np.float32(0.5))
        if adapted:
            coefficients, _ = window_switching.transform(mid_side)
            yield stereo.rotate(coefficients, stereo.choose_angles(coefficients))
        else:
            yield frames(mid_side)


def smoothed(counts: Counts) -> Counts:
    """Counts [48, 18] plus a prior from neighbouring scale indices, so that no symbol is impossible."""
    padded = np.pad(counts, ((1, 1), (0, 0)), mode="edge")
    near = padded[:-2] + padded[2:] + counts
    near = (near + 1e-3) / (near + 1e-3).sum(1, keepdims=True)
    # Every symbol gets 2**-18 of its row's counts: other music may hold what this does not, and 18 bits are enough.
    return np.asarray(counts + 8 * near + counts.sum(1, keepdims=True) * 2.0**-18 + 1e-3)


def by_context(counts: Counts) -> Counts:
    """Counts [28, 48, 18] plus a prior worth 16 symbols from what all contexts together hold at a scale index."""
    prior = smoothed(counts.sum(0))
    prior /= prior.sum(1, keepdims=True)
    return np.asarray(counts + (16 + counts.sum(2, keepdims=True) * 2.0**-9) * prior)


def count_magnitudes(
    counts: Counts, scale_index: NDArray[np.uint8], position: NDArray[np.int64], magnitude: NDArray[np.int32]
) -> None:
    """Add a piece's magnitudes by rank [F, M] to counts [28, 48, 18], context by context as they are coded."""
    shift = raw_bit_count(scale_index)
    symbols = np.minimum(magnitude >> shift, MAGNITUDES - 1)
    rows = counts.reshape(-1, MAGNITUDES)
    for part in passes(scale_index, position, scatter(small(symbols << shift), position)):
        np.add.at(rows, (np.repeat(np.arange(len(rows)), part.counts), part.sort(symbols)), 1)


def count_changes(counts: Counts, vectors: NDArray[np.int8]) -> None:
    """Add a piece's hyper latents [G, 48] to counts [64, 64] of symbols, context by context as they are coded."""
    change: NDArray[np.int64] = vectors[1:].astype(np.int64) - vectors[:-1]
    np.add.at(counts, (table_rows(change), (change + HYPER_SYMBOLS // 2) % HYPER_SYMBOLS), 1)
    for band in range(HYPER_SIZE):
        below = int(vectors[0, band - 1]) if band else 0
        first = CHANGE_CONTEXTS * BAND_GROUPS + group(band)
        counts[first, (int(vectors[0, band]) - below) % HYPER_SYMBOLS] += 1


def hyper_frequencies(counts: Counts) -> NDArray[np.uint32]:
    """Counts [64, 64] -> frequencies."""
    # A first value occurs once a piece: a broad prior keeps the loudness of other music cheap enough.
    prior = np.where(np.arange(HYPER_TABLES) < CHANGE_CONTEXTS * BAND_GROUPS, 0.05, 0.55)
    return frequencies(counts + prior[:, None])


def hyper_tables(analysed: list[tuple[Float, Float]]) -> NDArray[np.uint32]:
    """Hyper tables from pieces' hyper latents and coefficients, in agreement with the paths chosen under them.

    The trellis prefers cheap symbols, and symbols that are chosen become cheap: a few rounds, from plain rounding on.
    """
    bits, found = np.zeros((CHANGE_CONTEXTS * BAND_GROUPS, HYPER_SYMBOLS), np.float32), np.zeros(0, np.uint32)
    for _ in range(ROUNDS):
        counts = np.zeros((HYPER_TABLES, HYPER_SYMBOLS))
        for hyper, coefficients in analysed:
            count_changes(counts, quantize_hyper(hyper, coefficients, bits))
        found = hyper_frequencies(counts)
        bits = change_code_lengths(found)
    return found


def count(model: Autoencoder, music: Music, number: int, seed: int = 0) -> tuple[Tables, Counts]:
    """Tables with frequencies from `number` pieces, each at two tiers and with gains as in training.

    What an encoder chooses depends on the tables: the final tables are counted under those of a quarter as many pieces.

    Returns:
        the tables, and the counts [48, 18] of magnitudes by scale index, which training's rate term interpolates.
    """

    def encoded(x: Float) -> Float:
        with torch.no_grad():
            return np.asarray(model.encoder(torch.from_numpy(np.ascontiguousarray(x))[None])[0].cpu().numpy())

    few = -(-number // 4)
    first = pieces(music, few, np.random.default_rng(seed + 1))
    tables = dataclasses.replace(integer_part(model), hyper=hyper_tables([(encoded(x), x) for x in first]))
    plain = np.zeros((SCALES, MAGNITUDES))
    for many, rng in ((few, np.random.default_rng(seed + 2)), (number, np.random.default_rng(seed))):
        main, plain = np.zeros((CONTEXTS, SCALES, MAGNITUDES)), np.zeros((SCALES, MAGNITUDES))
        changes = np.zeros((HYPER_TABLES, HYPER_SYMBOLS))
        bits = change_code_lengths(tables.hyper)
        for x in pieces(music, many, rng):
            vectors = quantize_hyper(encoded(x), x, bits)
            count_changes(changes, vectors)
            predicted = predict_vectors(vectors, tables)
            for tier in rng.choice(TIERS, 2, replace=False):
                low, high = STEP_FACTORS[int(tier)]
                gain = round(-32 * (math.log2(low) + rng.random() * math.log2(high / low)))
                scale_index, position = rank_segment(predicted, len(x), main_count(int(tier)), gain, tables)
                chosen = scales_at(predicted, len(x), position)
                magnitude = np.abs(quantize(x, chosen, scale_index, position, gain, tables))
                count_magnitudes(main, scale_index, position, magnitude)
                np.add.at(plain, (scale_index, np.minimum(magnitude, MAGNITUDES - 1)), 1)
        counted = frequencies(by_context(main).reshape(-1, MAGNITUDES)).reshape(main.shape)
        tables = dataclasses.replace(tables, main=counted, hyper=hyper_frequencies(changes))
    return tables, plain


def code_lengths(tables: Tables, plain: Counts) -> dict[str, NDArray[np.float32]]:
    """What training needs to know of tables, by the names of `training.ranked.code_length.CodeLengths`."""
    smooth = smoothed(plain)
    main = -np.log2(smooth / smooth.sum(1, keepdims=True))
    main[:, 1:] += 1
    limits = thresholds(tables)
    return {"main": main.astype(np.float32), "change": change_code_lengths(tables.hyper), "limits": limits}
