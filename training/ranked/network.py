"""The ranked autoencoder in torch.

    coefficients --Encoder--> hyper latents --round--> ScalePredictor --> sigma, steps, scale indices
         |                                                                   |
         +------------------- quantize, rank ------> indices ------------> Decoder <-- NoisePattern
                                                                             |
                                                                        coefficients

All parts are frame-major: coefficients [B, T, 1400] (first channel, then second), hyper vectors [B, T / 3, 48]. The
last layer of every network starts at zero, so that step 0 computes exactly what the design's untrained start does.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.dsp.window_switching import BAND_MEAN
from formats.grid import (
    COEFFICIENTS,
    HOP,
    HYPER_FRAMES,
    HYPER_MAX,
    HYPER_MIN,
    HYPER_SIZE,
    SCALES,
    SEGMENT,
    UNIT_SCALE,
    WINDOW_UNIT,
)
from training.ranked.config import NetworkConfig
from training.ranked.start import START_BIAS, START_SHAPE, interpolation, noise

FLOOR_RMS = 2e-5
"""Added to a band's RMS before the logarithm."""

LOG_SCALE = 0.2
"""By what the encoder multiplies logarithms, which are -11 to 1, before it adds 1."""

SCALED = 2.0
"""Magnitude up to which the decoder scales a sent value, by half at most."""

ZERO_RATIO, UNSENT_RATIO = 0.25, 0.8
"""Standard deviation of the noise that fills a sent zero, in steps, and an unsent coefficient, in sigmas."""

SEGMENT_VECTORS = SEGMENT // HYPER_FRAMES


class Block(nn.Module):
    """A residual of a depthwise convolution and a pointwise pair; starts as identity. [B, W, T, P] -> same."""

    def __init__(self, width: int, expansion: int, time: int, frequency: int) -> None:
        super().__init__()
        padding = (time // 2, frequency // 2)
        self.depthwise = nn.Conv2d(width, width, (time, frequency), padding=padding, groups=width)
        self.up = nn.Conv2d(width, width * expansion, 1)
        self.down = nn.Conv2d(width * expansion, width, 1)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """[B, W, T, P] -> same."""
        hidden: Tensor = functional.relu(self.up(self.depthwise(x)))
        return x + self.down(hidden)  # type: ignore[no-any-return]


class Trunk(nn.Module):
    """Patches of several feature planes -> tokens -> blocks -> tokens."""

    def __init__(self, planes: int, width: int, times: Sequence[int], c: NetworkConfig) -> None:
        """`times`: frames that the kernels of each block cover."""
        super().__init__()
        self.patch, self.tokens = c.patch, HOP // c.patch
        self.layout = torch.contiguous_format
        self.enter = nn.Conv2d(planes * 2 * c.patch, width, 1)
        self.position = nn.Parameter(torch.zeros(1, width, 1, self.tokens))
        self.blocks = nn.ModuleList(Block(width, c.expansion, time, c.frequency) for time in times)

    def forward(self, planes: list[Tensor], shift: Tensor | float = 0.0) -> Tensor:
        """Planes of [B, T, 1400], and what is added to every token [B, W, T, 1] -> [B, W, T, P]."""
        x = torch.cat([self.fold(plane) for plane in planes], 1).contiguous(memory_format=self.layout)
        x = self.enter(x) + self.position + shift
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
    """MDCT frames -> hyper latents before rounding. Main latents are the coefficients themselves, in steps.

    A token holds a patch of all three frames of a hyper vector; a token for each frame takes 1.6 times the time for the
    same result (training/LOG.md).

    A gate on each coefficient was tried: it limits the precision that bits can buy to 25 dB (training/LOG.md).
    """

    bands: Tensor

    def __init__(self, c: NetworkConfig) -> None:
        super().__init__()
        self.trunk = Trunk(HYPER_FRAMES, c.encoder_width, [c.encoder_time] * c.encoder_blocks, c)
        self.hyper = nn.Linear(c.encoder_width * self.trunk.tokens, HYPER_SIZE)
        nn.init.zeros_(self.hyper.weight)
        nn.init.zeros_(self.hyper.bias)
        self.register_buffer("bands", torch.tensor(BAND_MEAN))  # a copy: checkpoints are loaded into it

    def envelope(self, x: Tensor) -> Tensor:
        """Band RMS in half octaves, which hyper latents start as: [B, T, 1400], T a multiple of 3 -> [B, T / 3, 48]."""
        b, t, _ = x.shape
        power = (x * x).reshape(b, t // HYPER_FRAMES, HYPER_FRAMES, COEFFICIENTS).mean(2)
        bands = (power.reshape(b, -1, 2, HOP) @ self.bands).reshape(b, -1, HYPER_SIZE)
        return 2 / math.log(2) * torch.log(torch.sqrt(bands + 1e-20) + FLOOR_RMS)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, 1400], T a multiple of 3 -> hyper [B, T / 3, 48] in half octaves."""
        b, t, _ = x.shape
        logs = torch.log(x.abs() + FLOOR_RMS) * LOG_SCALE + 1.0
        tokens = self.trunk(list(logs.reshape(b, t // HYPER_FRAMES, HYPER_FRAMES, COEFFICIENTS).unbind(2)))
        together = tokens.permute(0, 2, 1, 3).flatten(2)
        return self.envelope(x) + 2 * torch.tanh(self.hyper(together))


class ScalePredictor(nn.Module):
    """Scales and quantizer steps from hyper latents: the differentiable twin of `formats.model.scales`."""

    interpolation: Tensor
    band_mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("interpolation", torch.from_numpy(interpolation()))
        self.predictor = nn.Parameter(torch.zeros(HYPER_SIZE, COEFFICIENTS))
        self.offset = nn.Parameter(torch.zeros(COEFFICIENTS))
        self.shape = nn.Parameter(torch.from_numpy(START_SHAPE.astype(np.float32)))
        self.bias = nn.Parameter(torch.from_numpy(START_BIAS.astype(np.float32)))
        self.steady = nn.Parameter(torch.zeros(COEFFICIENTS))
        self.register_buffer("band_mean", torch.from_numpy(np.pad(BAND_MEAN.mean(1), (0, HOP))))

    def log_sigma(self, hyper: Tensor) -> Tensor:
        """Whole-numbered hyper latents [B, G, 48], from a segment's start on -> log2 of sigma [B, 3 G, 1400].

        A hyper vector stands for the middle one of its three frames. The outer two take a third from the neighbouring
        vector, if that lies in the same segment.
        """
        e = (hyper @ (self.interpolation + self.predictor)) / 2 + self.offset
        position = torch.arange(e.shape[1], device=e.device) % SEGMENT_VECTORS
        before = torch.where((position == 0)[:, None], e, torch.cat([e[:, :1], e[:, :-1]], 1))
        after = torch.where((position == SEGMENT_VECTORS - 1)[:, None], e, torch.cat([e[:, 1:], e[:, -1:]], 1))
        return torch.stack([(before + 2 * e) / 3, e, (2 * e + after) / 3], 2).reshape(e.shape[0], -1, COEFFICIENTS)

    def log_step(self, log_sigma: Tensor, log_d: Tensor, loudness: Tensor | None = None) -> Tensor:
        """log2 of the quantizer's step; `log_d` broadcasts against [B, T, 1400], `loudness`, if known, is [B, T, 1]."""
        loudness = self.loudness(log_sigma) if loudness is None else loudness
        return self.shape * log_sigma + self.steady * loudness + self.bias + log_d

    def loudness(self, log_sigma: Tensor) -> Tensor:
        """Mean over the first channel's 24 bands: [B, T, 1400] -> [B, T, 1]."""
        return (log_sigma @ self.band_mean)[..., None]

    @staticmethod
    def scale_index(log_sigma: Tensor, log_step: Tensor) -> Tensor:
        """Sigma in steps, in quarter octaves, before rounding; [B, T, 1400]."""
        return (4 * (log_sigma - log_step) + UNIT_SCALE).clamp(0, SCALES - 1)


class Decoder(nn.Module):
    """Quantization indices and their scales -> MDCT frames; starts as dequantization with noise filling."""

    def __init__(self, c: NetworkConfig) -> None:
        super().__init__()
        self.trunk = Trunk(4, c.width, [c.time, *[1] * c.frame_blocks] * c.blocks, c)
        self.long = nn.Parameter(torch.zeros(1, c.width, 1, 1))  # added to the tokens of frames with long windows
        self.heads = nn.Conv2d(c.width, 3 * 2 * c.patch, 1)
        nn.init.zeros_(self.heads.weight)
        nn.init.zeros_(self.heads.bias)  # type: ignore[arg-type]

    def forward(
        self, q: Tensor, log_sigma: Tensor, log_step: Tensor, sent: Tensor, noise: Tensor, long: Tensor
    ) -> Tensor:
        """Frames to frames.

        Shape:
            q, log_sigma, log_step, sent, noise: [B, T, 1400]: quantization indices, log2 sigma, log2 step, 0/1 mask of
            what was sent, noise of unit variance. long: 0/1 [B, T] -> coefficients [B, T, 1400].
        """
        step, sigma = torch.exp2(log_step), torch.exp2(log_sigma)
        magnitude = q.abs()
        planes = [
            torch.clamp(q * (step / sigma), -4.0, 4.0),
            torch.log(1 + magnitude),
            (log_sigma - log_step) * 0.5,
            log_sigma * 0.125 + sent,
        ]
        tokens = self.trunk(planes, self.long * long[:, None, :, None])
        # The layers may compute in bfloat16; what they decide is applied in float32.
        factor, noise_gain, residual = self.trunk.unfold(self.heads(tokens).float(), 3)
        zero = torch.minimum(step * ZERO_RATIO, sigma) * sent + UNSENT_RATIO * sigma * (1 - sent)
        # A sent value that is not zero starts without noise; the network may add up to a quarter of a step.
        more = 0.25 * step * torch.tanh(noise_gain).relu()
        amplitude = torch.where(magnitude < 0.5, zero * torch.exp(noise_gain.clamp(-4.0, 1.5)), more)
        bound = 0.5 * step * sent + sigma * (1 - sent)
        # The change of a sent value is bounded in steps, not in proportion: bits must be able to buy any precision.
        scaled = q + q.clamp(-SCALED, SCALED) * 0.5 * torch.tanh(factor)
        return scaled * step + noise * amplitude + bound * torch.tanh(residual)


class NoisePattern(nn.Module):
    """Noise for noise filling: a learned segment for short windows and one for long windows, repeated over the song.

    Noise that fluctuates less than random noise is nearer to any sound that it replaces
    (`training.ranked.smooth_noise`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.pattern = nn.Parameter(torch.from_numpy(noise()))

    def forward(self, long: Tensor, first_unit: int = 0) -> Tensor:
        """Units with long windows, bool [B, S, 7] -> noise [B, 126 S, 1400], from this unit of the pattern on."""
        units = self.pattern.reshape(2, -1, WINDOW_UNIT, COEFFICIENTS).roll(-first_unit, 1)
        short_windows, long_windows = units.unbind()
        return torch.where(long[..., None, None], long_windows, short_windows).reshape(len(long), -1, COEFFICIENTS)


class Autoencoder(nn.Module):
    """The four parts under one roof, so that a checkpoint is one dictionary of tensors."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.scales, self.decoder = Encoder(config), ScalePredictor(), Decoder(config)
        self.noise = NoisePattern()

    @staticmethod
    def round_hyper(hyper: Tensor) -> Tensor:
        """Hyper latents rounded and clamped, with the gradient passed straight through."""
        clamped = hyper.clamp(HYPER_MIN + 1, HYPER_MAX)
        return clamped + (clamped.round() - clamped).detach()
