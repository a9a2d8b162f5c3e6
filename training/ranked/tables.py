"""From a trained model to integers: the predictor's matrix, level arithmetic, and frequency tables counted on music."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from codec.dsp import noise_filling, stereo, window_switching
from codec.dsp.gain_control import apply_gain_control
from codec.dsp.mdct import frames
from codec.quantization.hyper_trellis import change_code_lengths
from codec.quantization.quantize import quantize, quantize_hyper
from codec.quantization.rdoq import thresholds
from formats.grid import CHUNK, HOP, HYPER_SIZE, SCALES, TIERS, UNIT_SCALE, main_count
from formats.model.contexts import CONTEXTS, passes, small
from formats.model.indexing import scatter
from formats.model.scales import best, predict_scales
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
from formats.payload.chunk import low_bits
from formats.payload.hyper_latents import group, table_rows
from training.data.batches import Music
from training.ranked.config import GAINS
from training.ranked.network import Autoencoder, Noise


def integer_part(model: Autoencoder) -> Tables:
    """The model's predictor and steps in fixed point, with flat frequencies."""
    part = model.levels
    matrix, offset, shape, bias, steady, mean = (
        value.detach().double().cpu().numpy()
        for value in (part.start + part.predictor, part.offset, part.shape, part.bias, part.steady, part.mean)
    )
    return Tables(
        predictor=np.rint(1024 * matrix).astype(np.int32),
        offset=np.rint(2048 * offset).astype(np.int32),
        slope=np.rint(4 * (1 - shape) * (1 << SCALE_BITS) / SIGMA_UNIT).astype(np.int32),
        intercept=np.rint((UNIT_SCALE + 0.5 - 4 * bias) * (1 << SCALE_BITS)).astype(np.int32),
        shape=shape,
        bias=bias,
        main=frequencies(np.ones((SCALES, MAGNITUDES))),
        hyper=frequencies(np.ones((HYPER_TABLES, HYPER_SYMBOLS))),
        loudness=np.rint(np.append(1024 * matrix @ mean, 2048 * offset @ mean)).astype(np.int32),
        steadiness=np.rint(4 * steady * (1 << SCALE_BITS) / SIGMA_UNIT).astype(np.int32),
        steady=steady,
        noise=noise_pattern(model.noise.pattern.detach().cpu().numpy()),
    )


def noise_pattern(values: NDArray[np.float32]) -> NDArray[np.int8] | None:
    """A learned pattern of noise in integers; None for the one that nothing was learned of."""
    if np.array_equal(values, Noise().pattern.detach().numpy()):
        return None
    return np.clip(np.rint(noise_filling.PATTERN_UNIT * values), -127, 127).astype(np.int8)


def pieces(music: Music, count: int, rng: np.random.Generator, *, turned: bool = True) -> Iterator[NDArray[np.float32]]:
    """MDCT frames [630, 1400] of random ten-second pieces.

    Quiet before attacks is apply_gain_control. Block lengths and turned bands are as in files of ranked models, or (not `turned`)
    short blocks of mid and side.
    """
    for _ in range(count):
        x = music.crop(rng, (CHUNK + 1) * HOP)
        middle = apply_gain_control(stereo.sum_difference(x) * np.float32(0.5))
        if turned:
            coefficients, _ = window_switching.transform(middle)
            yield stereo.rotate(coefficients, stereo.choose_angles(coefficients))
        else:
            yield frames(middle)


def smoothed(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts plus a prior from the neighbouring levels, so that rare symbols of rare levels are not impossible."""
    padded = np.pad(counts, ((1, 1), (0, 0)), mode="edge")
    near = padded[:-2] + padded[2:] + counts
    near = (near + 1e-3) / (near + 1e-3).sum(1, keepdims=True)
    # 2**-18 of a level's counts for every symbol: other music may hold what this has not, at no more than 18 bits.
    out: NDArray[np.float64] = counts + 8 * near + counts.sum(1, keepdims=True) * 2.0**-18 + 1e-3
    return out


def by_context(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts [28, 48, 18] plus a prior worth 16 symbols from what all contexts together hold at a level."""
    level = smoothed(counts.sum(0))
    out: NDArray[np.float64] = counts + (16 + counts.sum(2, keepdims=True) * 2.0**-9) * level / level.sum(
        1, keepdims=True
    )
    return out


def count_magnitudes(
    counts: NDArray[np.float64], level: NDArray[np.uint8], index: NDArray[np.int64], magnitude: NDArray[np.int32]
) -> None:
    """Add a piece's magnitudes in rank order [F, M] to counts [28, 48, 18], context by context as they are coded."""
    shift = low_bits(level)
    symbols = np.minimum(magnitude >> shift, MAGNITUDES - 1)
    rows = counts.reshape(-1, MAGNITUDES)
    for part in passes(level, index, scatter(small(symbols << shift), index)):
        np.add.at(rows, (np.repeat(np.arange(len(rows)), part.counts), part.sort(symbols)), 1)


def count_changes(steps: NDArray[np.float64], vectors: NDArray[np.int8]) -> None:
    """Add a piece's hyper latents [G, 48] to counts [64, 64] of symbols, context by context as they are coded."""
    change: NDArray[np.int64] = vectors[1:].astype(np.int64) - vectors[:-1]
    np.add.at(steps, (table_rows(change), (change + HYPER_SYMBOLS // 2) % HYPER_SYMBOLS), 1)
    for band in range(HYPER_SIZE):
        below = int(vectors[0, band - 1]) if band else 0
        first = CHANGE_CONTEXTS * BAND_GROUPS + group(band)
        steps[first, (int(vectors[0, band]) - below) % HYPER_SYMBOLS] += 1


def hyper_frequencies(counts: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Counts [64, 64] -> frequencies."""
    # A first value is seen once a piece: a broad prior keeps unseen loudness cheap enough.
    prior = np.where(np.arange(HYPER_TABLES) < CHANGE_CONTEXTS * BAND_GROUPS, 0.05, 0.55)
    return frequencies(counts + prior[:, None])


def change_tables(hypers: list[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> NDArray[np.uint32]:
    """Hyper tables that agree with the paths chosen under them, from pieces' hyper latents and coefficients.

    What is cheap is chosen, and what is chosen is cheap: four rounds from what rounding gives.
    """
    bits, tabled = np.zeros((CHANGE_CONTEXTS * BAND_GROUPS, HYPER_SYMBOLS), np.float32), np.zeros(0, np.uint32)
    for _ in range(5):
        steps = np.zeros((HYPER_TABLES, HYPER_SYMBOLS))
        for hyper, coefficients in hypers:
            count_changes(steps, quantize_hyper(hyper, coefficients, bits))
        tabled = hyper_frequencies(steps)
        bits = change_code_lengths(tabled)
    return tabled


def count(model: Autoencoder, music: Music, number: int, seed: int = 0) -> tuple[Tables, NDArray[np.float64]]:
    """Tables with frequencies from `number` pieces, each at two tiers and gains as trained.

    What encoders choose depends on the tables: a quarter as many pieces give those that the pieces are quantized under.

    Returns:
        the tables, and the counts [48, 18] of plain magnitudes by level, which training's rate term interpolates.
    """

    def analysed(x: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            return np.asarray(model.encoder(torch.from_numpy(np.ascontiguousarray(x))[None])[0].cpu().numpy())

    few = -(-number // 4)
    first = pieces(music, few, np.random.default_rng(seed + 1))
    changes = change_tables([(analysed(x), x) for x in first])
    tables = Tables(**{**vars(integer_part(model)), "hyper": changes})
    plain = np.zeros((SCALES, MAGNITUDES))
    for many, rng in ((few, np.random.default_rng(seed + 2)), (number, np.random.default_rng(seed))):
        main, plain = np.zeros((CONTEXTS, SCALES, MAGNITUDES)), np.zeros((SCALES, MAGNITUDES))
        steps = np.zeros((HYPER_TABLES, HYPER_SYMBOLS))
        bits = change_code_lengths(tables.hyper)
        for x in pieces(music, many, rng):
            vectors = quantize_hyper(analysed(x), x, bits)
            count_changes(steps, vectors)
            expected = predict_scales(vectors, len(x), tables)
            for tier in rng.choice(TIERS, 2, replace=False):
                low, high = GAINS[int(tier)]
                gain = round(-32 * (math.log2(low) + rng.random() * math.log2(high / low)))
                ranked, index = best(expected, main_count(int(tier)), gain, tables)
                magnitude = np.abs(quantize(x, expected, ranked, index, gain, tables))
                count_magnitudes(main, ranked, index, magnitude)
                np.add.at(plain, (ranked, np.minimum(magnitude, MAGNITUDES - 1)), 1)
        tabled = frequencies(by_context(main).reshape(-1, MAGNITUDES)).reshape(main.shape)
        tables = Tables(**{**vars(tables), "main": tabled, "hyper": hyper_frequencies(steps)})
    return tables, plain


def code_lengths(tables: Tables, plain: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """What training needs to know of tables.

    Returns:
        main [48, 18]: bits of plain magnitudes by level, sign included; change [56, 64]: of changes of hyper latents;
        limits [9, 48, 11]: thresholds between magnitudes.
    """
    smooth = smoothed(plain)
    main = -np.log2(smooth / smooth.sum(1, keepdims=True))
    main[:, 1:] += 1
    limits = thresholds(tables)
    return {"main": main.astype(np.float32), "change": change_code_lengths(tables.hyper), "limits": limits}
