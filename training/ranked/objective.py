"""What a step minimises: a batch is coded as a file would carry it, and the result is judged by weighted terms."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from formats.grid import HYPER_FRAMES, WINDOW_UNIT, WINDOW_UNITS, main_count
from training.loop.devices import to_device
from training.loop.group import ALONE, Group
from training.ranked.code_length import CodeLengths, change_length, code_length
from training.ranked.config import COARSE, FINE, STEP_FACTORS, TIER_SHARES, TrainConfig
from training.ranked.losses import dissimilarity, draw_scales, level_distance, noise_to_mask, spectral_distances
from training.ranked.network import Autoencoder
from training.ranked.straight_through import choose_sent, decide, quantize_dead_zone, quantize_hyper

TYPICAL_LOUDNESS = -8.5
"""Loudness, in octaves, at which a varied exponent leaves the step as it is."""


class Settings(NamedTuple):
    """What a batch is coded with, drawn anew for every step.

    Attributes:
        main: int64 [B], main latents a frame of each item.
        log_d: [B, 1, 1], log2 of the step factor.
        vary: what is added to both exponents of the step, [B, 1, 1] each, or None.
        first_unit: unit of the noise pattern to begin with.
    """

    main: Tensor
    log_d: Tensor
    vary: tuple[Tensor, Tensor] | None = None
    first_unit: int = 0

    @property
    def fine(self) -> Tensor:
        """Which items are finely coded: bool [B]."""
        return self.log_d[:, 0, 0] < math.log2(FINE)

    @property
    def coarse(self) -> Tensor:
        """Which items are coarsely coded: bool [B]."""
        return self.log_d[:, 0, 0] >= math.log2(COARSE)


def draw_settings(
    config: TrainConfig, rng: np.random.Generator, device: torch.device, group: Group = ALONE
) -> Settings:
    """Tier, step factor and exponents of each item of a batch: of that of all processes, this one's part."""
    count, own = group.size * config.batch, group.part(config.batch)
    tiers = rng.choice(list(TIER_SHARES), count, p=list(TIER_SHARES.values()))
    ranges = [np.log2(STEP_FACTORS[int(tier)]) for tier in tiers]
    log_d = [low + rng.random() * (high - low) for low, high in ranges]
    vary = rng.uniform(-config.vary, config.vary, (2, count, 1, 1)).astype(np.float32)
    main = np.array([main_count(int(tier)) for tier in tiers])
    within, overall = (to_device(part[own], device) for part in vary)
    d = to_device(np.array(log_d, np.float32)[own, None, None], device)
    return Settings(to_device(main[own], device), d, (within, overall), int(rng.integers(WINDOW_UNITS)))


class Comparison(NamedTuple):
    """What of a batch is compared, drawn anew for every step.

    Attributes:
        row: int64 [B], of all items' two signals (one item after the other) those of the spectral distances.
        as_sides: whether the signals are mid and side instead of left and right.
        scales: numbers of the spectral distances' STFTs.
    """

    row: Tensor
    as_sides: bool
    scales: Sequence[int]


def draw_comparison(
    config: TrainConfig, rng: np.random.Generator, device: torch.device, group: Group = ALONE
) -> Comparison:
    """One signal of each item: the distances cost as much as the network."""
    side = rng.integers(0, 2, group.size * config.batch)[group.part(config.batch)]
    row = 2 * np.arange(config.batch) + side
    as_sides = bool(rng.random() < config.sides)
    return Comparison(to_device(row, device), as_sides, draw_scales(config.scales, rng))


class Coded(NamedTuple):
    """A batch after quantizer and decoder; [B, T, 1400] unless said otherwise.

    Attributes:
        hyper: [B, T / 3, 48], quantized hyper latents.
        scale_index: before rounding.
        sent: 0/1 mask of what was sent.
        indices: quantization indices, 0 where nothing was sent.
        decoded: coefficients.
    """

    hyper: Tensor
    scale_index: Tensor
    sent: Tensor
    indices: Tensor
    decoded: Tensor


def encode(model: Autoencoder, x: Tensor, lengths: CodeLengths | None) -> Tensor:
    """Coefficients [B, T, 1400] -> quantized hyper latents [B, T / 3, 48]; without code lengths they are rounded."""
    hyper = model.encoder(x)
    return quantize_hyper(hyper, lengths.change) if lengths else model.round_hyper(hyper)


def run_codec(
    model: Autoencoder,
    x: Tensor,
    long: Tensor,
    settings: Settings,
    lengths: CodeLengths | None = None,
    *,
    hyper: Tensor | None = None,
    bf16: bool = False,
) -> Coded:
    """Coefficients through quantizer and decoder as a file would carry them.

    Args:
        model: the autoencoder.
        x: coefficients [B, T, 1400], T a multiple of 126.
        long: units with long windows, bool [B, T / 126, 7].
        settings: tiers, steps and noise.
        lengths: for the decisions of a real encoder; without them values are rounded.
        hyper: what `encode` gave for these coefficients, if it is known.
        bf16: whether the decoder's layers compute in bfloat16.
    """
    hyper = encode(model, x, lengths) if hyper is None else hyper
    log_sigma = model.scales.log_sigma(hyper)
    loudness = model.scales.loudness(log_sigma)
    log_step = model.scales.log_step(log_sigma, settings.log_d, loudness)
    if settings.vary is not None:
        within, overall = settings.vary
        log_step = log_step + within * (log_sigma - loudness) + overall * (loudness - TYPICAL_LOUDNESS)
    scale_index = model.scales.scale_index(log_sigma, log_step)
    sent = choose_sent(scale_index, settings.main)
    value = x * torch.exp2(-log_step)
    indices = decide(value * sent, scale_index, lengths.limits) if lengths else quantize_dead_zone(value) * sent
    noise = model.noise(long, settings.first_unit)
    long_frames = long.flatten(1).repeat_interleave(WINDOW_UNIT, 1).to(x.dtype)
    with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
        decoded = model.decoder(indices, log_sigma, log_step, sent, noise, long_frames)
    return Coded(hyper, scale_index, sent, indices, decoded)


def reconstruction_terms(
    config: TrainConfig,
    model: Autoencoder,
    decoded: Tensor,
    x: Tensor,
    waves: tuple[Tensor, Tensor],
    fine: Tensor,
    comparison: Comparison,
) -> dict[str, Tensor]:
    """Weighted terms of what decoding lost.

    Args:
        config: the weights.
        model: for the encoder's bands and the start's interpolation.
        decoded: coefficients [B, T, 1400].
        x: the coefficients that were coded.
        waves: decoded and original left and right, [B, 2, N] each.
        fine: bool [B], which items are finely coded.
        comparison: signals and scales of the spectral distances.
    """
    a, b = (wave.flatten(0, 1) for wave in waves)
    p, q = ((mid_side(s) if comparison.as_sides else s).index_select(0, comparison.row) for s in (a, b))
    mel, stft = spectral_distances(p, q, comparison.scales)
    mono = (0.5 * wave.reshape(-1, 2, wave.shape[1]).sum(1) for wave in (a, b))
    with torch.no_grad():
        # The weight of an error is the song's own envelope: the learned one could drift to please the loss.
        envelope = (model.encoder.envelope(x) @ model.scales.interpolation / 2).repeat_interleave(HYPER_FRAMES, 1)
    coefficient = ((decoded - x).abs() * torch.exp2(-envelope)).clamp(max=20).mean()
    # Coarsely coded items are left out: their noise filling is heard less than the holes that it fills.
    mask = (noise_to_mask(decoded, x, model.encoder.bands) * fine).mean()
    return {
        "mel": config.mel * mel,
        "stft": config.stft * stft,
        "similarity": config.similarity * dissimilarity(*mono),
        "coefficient": config.coefficient * coefficient,
        "mask": config.mask * mask,
        "level": config.level * level_distance(decoded, x, model.encoder.bands),
    }


def mid_side(x: Tensor) -> Tensor:
    """Rows left, right, left, ... [2 B, N] -> rows mid, side, mid, ..."""
    left, right = x.reshape(-1, 2, x.shape[1]).unbind(1)
    return torch.stack([left + right, left - right], 1).flatten(0, 1) / 2


def rate_term(config: TrainConfig, coded: Coded, lengths: CodeLengths) -> Tensor:
    """The weighted logarithm of the bit rate in kbit/s, mean over the items."""
    return config.rate * torch.log(bits_per_frame(coded, lengths) * 0.063 + 0.5).mean()


def bits_per_frame(coded: Coded, lengths: CodeLengths) -> Tensor:
    """Bits a frame of each item under the tables: [B]."""
    sent = coded.sent > 0
    bits = torch.zeros_like(coded.indices)
    bits[sent] = code_length(coded.indices[sent].abs(), coded.scale_index[sent], lengths.main)
    change = coded.hyper[:, 1:] - coded.hyper[:, :-1]
    vectors = change_length(change, lengths.change).sum((1, 2)) / change.shape[1]
    return bits.sum((1, 2)) / bits.shape[1] + vectors / HYPER_FRAMES
