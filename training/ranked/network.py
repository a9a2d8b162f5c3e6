"""The autoencoder in torch: analysis, hyper latents, integer levels as differentiable twins, and the decoder.

Three named parts with one shape contract, all frame-major: coefficients [B, T, 1400] (mid then side), hyper vectors
[B, T / 3, 48]. Every last layer starts at zero, so that step 0 is the untrained start of the design, exactly.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.dsp import noise_filling
from codec.dsp.window_switching import BAND_MEAN
from formats.grid import (
    COEFFICIENTS,
    HOP,
    HYPER_FRAMES,
    HYPER_MAX,
    HYPER_MIN,
    HYPER_SIZE,
    SCALES,
    UNIT_SCALE,
    WINDOW_UNIT,
)
from training.ranked.config import NetworkConfig
from training.ranked.start import START_BIAS, START_SHAPE, interpolation

FLOOR_RMS = 2e-5  # added to band RMS before the logarithm; the design's start
SCALED = 2.0  # magnitude up to which the decoder scales what was sent, by half at most
ZERO_RATIO, UNSENT_RATIO = 0.25, 0.8  # noise of a sent zero in steps, of an unsent coefficient in sigmas


def round_through(x: Tensor) -> Tensor:
    """Round in the forward pass, identity in the backward pass."""
    return x + (x.round() - x).detach()


class Block(nn.Module):
    """Depthwise over time and frequency, then a pointwise pair; starts as identity. [B, W, T, P] -> same."""

    def __init__(self, width: int, expansion: int, time: int, frequency: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, width, (time, frequency), padding=(time // 2, frequency // 2), groups=width)
        self.up = nn.Conv2d(width, width * expansion, 1)
        self.down = nn.Conv2d(width * expansion, width, 1)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[B, W, T, P] -> same."""
        hidden: Tensor = functional.relu(self.up(self.mix(x)))
        return x + self.down(hidden)  # type: ignore[no-any-return]


class Trunk(nn.Module):
    """Patches of several feature planes -> tokens -> blocks -> tokens."""

    def __init__(self, planes: int, patch: int, width: int, blocks: int, expansion: int, time: int, frequency: int):
        super().__init__()
        self.patch, self.tokens = patch, HOP // patch
        self.enter = nn.Conv2d(planes * 2 * patch, width, 1)
        self.place = nn.Parameter(torch.zeros(1, width, 1, self.tokens))
        self.blocks = nn.ModuleList(Block(width, expansion, time, frequency) for _ in range(blocks))

    def forward(self, planes: list[Tensor], shift: Tensor | float = 0.0) -> Tensor:
        """Planes of [B, T, 1400], and what is added to every token [B, W, T, 1] -> [B, W, T, P]."""
        x = torch.cat([self.fold(plane) for plane in planes], 1)
        x = self.enter(x) + self.place + shift
        for block in self.blocks:
            x = block(x)
        return x  # type: ignore[no-any-return]

    def fold(self, plane: Tensor) -> Tensor:
        """[B, T, 1400] -> [B, 2 patch, T, P]: both channels of a patch become channels of its token."""
        b, t, _ = plane.shape
        return plane.reshape(b, t, 2, self.tokens, self.patch).permute(0, 2, 4, 1, 3).reshape(b, -1, t, self.tokens)

    def unfold(self, x: Tensor, planes: int) -> list[Tensor]:
        """[B, planes 2 patch, T, P] -> planes of [B, T, 1400]."""
        b, _, t, _ = x.shape
        x = x.reshape(b, planes, 2, self.patch, t, self.tokens).permute(0, 1, 4, 2, 5, 3)
        return list(x.reshape(b, planes, t, COEFFICIENTS).unbind(1))


class Encoder(nn.Module):
    """MDCT frames -> hyper latents before rounding. Main latents are the frames themselves, in steps.

    A gate on each coefficient was tried: it limits what bits can buy to 25 dB (training/LOG.md).
    """

    bands: Tensor

    def __init__(self, c: NetworkConfig) -> None:
        super().__init__()
        self.trunk = Trunk(1, c.patch, c.encoder_width, c.encoder_blocks, c.expansion, c.time, c.frequency)
        self.hyper = nn.Linear(c.encoder_width * self.trunk.tokens, HYPER_SIZE)
        nn.init.zeros_(self.hyper.weight)
        nn.init.zeros_(self.hyper.bias)
        self.register_buffer("bands", torch.tensor(BAND_MEAN))  # a copy: checkpoints are loaded into it

    def envelope(self, x: Tensor) -> Tensor:
        """Band RMS in half octaves, which hyper latents start as: [B, T, 1400], T a multiple of 3 -> [B, T / 3, 48]."""
        b, t, _ = x.shape
        power = (x * x).reshape(b, t, 2, HOP) @ self.bands
        power = power.reshape(b, t // HYPER_FRAMES, HYPER_FRAMES, HYPER_SIZE).mean(2)
        return 2 / math.log(2) * torch.log(torch.sqrt(power + 1e-20) + FLOOR_RMS)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, 1400], T a multiple of 3 -> hyper [B, T / 3, 48] in half octaves."""
        b, t, _ = x.shape
        tokens = self.trunk([torch.log(x.abs() + FLOOR_RMS) * 0.2 + 1.0])
        pooled = tokens.permute(0, 2, 1, 3).reshape(b, t // HYPER_FRAMES, HYPER_FRAMES, -1).mean(2)
        return self.envelope(x) + 2 * torch.tanh(self.hyper(pooled))


class ScalePredictor(nn.Module):
    """The differentiable twin of `formats.model.scales`: expected sizes and steps from hyper latents."""

    start: Tensor
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("start", torch.from_numpy(interpolation()))
        self.predictor = nn.Parameter(torch.zeros(HYPER_SIZE, COEFFICIENTS))
        self.offset = nn.Parameter(torch.zeros(COEFFICIENTS))
        self.shape = nn.Parameter(torch.from_numpy(START_SHAPE.astype(np.float32)))
        self.bias = nn.Parameter(torch.from_numpy(START_BIAS.astype(np.float32)))
        self.steady = nn.Parameter(torch.zeros(COEFFICIENTS))
        self.register_buffer("mean", torch.from_numpy(np.pad(BAND_MEAN.mean(1), (0, HOP))))

    def log_sigma(self, hyper: Tensor, first: int = 0) -> Tensor:
        """Integer-valued hyper [B, G, 48] -> log2 of expected size [B, 3 G, 1400]; `first`: place in its segment."""
        e = (hyper @ (self.start + self.predictor)) / 2 + self.offset
        place = (torch.arange(e.shape[1]) + first) % 42
        before = torch.where((place == 0)[:, None], e, torch.cat([e[:, :1], e[:, :-1]], 1))
        after = torch.where((place == 41)[:, None], e, torch.cat([e[:, 1:], e[:, -1:]], 1))
        return torch.stack([(before + 2 * e) / 3, e, (2 * e + after) / 3], 2).reshape(e.shape[0], -1, COEFFICIENTS)

    def log_step(self, log_sigma: Tensor, log_d: Tensor, loudness: Tensor | None = None) -> Tensor:
        """log2 of the quantizer's step; `log_d` broadcasts against [B, T, 1400], `loudness` if known is [B, T, 1]."""
        loudness = self.loudness(log_sigma) if loudness is None else loudness
        return self.shape * log_sigma + self.steady * loudness + self.bias + log_d

    def loudness(self, log_sigma: Tensor) -> Tensor:
        """Mean of the first channel's 24 bands: [B, T, 1400] -> [B, T, 1]."""
        return (log_sigma @ self.mean)[..., None]

    @staticmethod
    def level(log_sigma: Tensor, log_step: Tensor) -> Tensor:
        """Scales size in steps, quarter octaves, before rounding; [B, T, 1400]."""
        return (4 * (log_sigma - log_step) + UNIT_SCALE).clamp(0, SCALES - 1)


class Decoder(nn.Module):
    """Integers and what is known of them -> MDCT frames; starts as dequantization with noise filling."""

    def __init__(self, c: NetworkConfig) -> None:
        super().__init__()
        self.trunk = Trunk(4, c.patch, c.width, c.blocks, c.expansion, c.time, c.frequency)
        self.long = nn.Parameter(torch.zeros(1, c.width, 1, 1))  # what tokens of long blocks have more
        self.heads = nn.Conv2d(c.width, 3 * 2 * c.patch, 1)
        nn.init.zeros_(self.heads.weight)
        nn.init.zeros_(self.heads.bias)  # type: ignore[arg-type]

    def forward(
        self, q: Tensor, log_sigma: Tensor, log_step: Tensor, sent: Tensor, noise: Tensor, long: Tensor
    ) -> Tensor:
        """Frames to frames.

        Shape:
            q, log_sigma, log_step, sent, noise: [B, T, 1400], integers, log2 sigma, log2 step, 0/1 mask, unit noise.
            long: 0/1 [B, T] -> coefficients [B, T, 1400].
        """
        step, sigma = torch.exp2(log_step), torch.exp2(log_sigma)
        magnitude = q.abs()
        planes = [
            torch.clamp(q * (step / sigma), -4.0, 4.0),
            torch.log(1 + magnitude),
            (log_sigma - log_step) * 0.5,
            log_sigma * 0.125 + sent,
        ]
        gain, level, residual = self.trunk.unfold(self.heads(self.trunk(planes, self.long * long[:, None, :, None])), 3)
        empty = magnitude < 0.5
        zero = torch.minimum(step * ZERO_RATIO, sigma) * sent + UNSENT_RATIO * sigma * (1 - sent)
        # A sent value that is not zero starts without noise; the network may add up to a quarter step.
        amplitude = torch.where(empty, zero * torch.exp(level.clamp(-4.0, 1.5)), 0.25 * step * torch.tanh(level).relu())
        bound = 0.5 * step * sent + sigma * (1 - sent)
        # What a sent value is moved by is bounded in steps, not in proportion: bits must be able to buy any precision.
        scaled = q + q.clamp(-SCALED, SCALED) * 0.5 * torch.tanh(gain)
        return scaled * step + noise * amplitude + bound * torch.tanh(residual)


class Noise(nn.Module):
    """What fills where nothing was sent: two seconds of noise, one of short blocks and one of long ones, learned.

    Noise that fluctuates less than chance has it is nearer to any sound that it stands for (`training.ranked.smooth_noise`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.pattern = nn.Parameter(torch.from_numpy(np.stack([noise_filling.segment(number) for number in (0, 1)])))

    def forward(self, long: Tensor, place: int = 0) -> Tensor:
        """Which units are long, bool [B, S, 7] -> noise [B, 126 S, 1400]; `place`: the pattern's unit to begin with."""
        short, held = self.pattern.reshape(2, -1, WINDOW_UNIT, COEFFICIENTS).roll(-place, 1).unbind()
        return torch.where(long[..., None, None], held, short).reshape(len(long), -1, COEFFICIENTS)


class Autoencoder(nn.Module):
    """The four parts under one roof, so that a checkpoint is one dictionary of tensors."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.levels, self.decoder = Encoder(config), ScalePredictor(), Decoder(config)
        self.noise = Noise()

    @staticmethod
    def quantized_hyper(hyper: Tensor) -> Tensor:
        """Rounded and clamped, with the gradient passed straight through."""
        return round_through(hyper.clamp(HYPER_MIN + 1, HYPER_MAX))


def whole(model: Autoencoder, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint's tensors; those that older ones lack are as an untrained model has them, zero in effect."""
    return Autoencoder(model.config).state_dict() | state
