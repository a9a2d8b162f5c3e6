"""The study's plain autoencoders: a dense bottleneck in which every latent is a fixed combination of the frame.

`dense` works on compressed MDCT coefficients, `time` on raw windows of samples with a learned filterbank in place of
the MDCT. Both start as PCA, so that step 0 is the best linear transform coder with this many directions, and both
decode any prefix of their latents. Everything is frame-major: frames [B, T, D], latents [B, T, L].
"""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from formats.grid import COEFFICIENTS, HOP

SCALE = 8.0
"""Factor from the start's coefficients to latents: a quantizer step of gain 0 is then 1/8 of a coefficient's unit."""

QUIET = 1e-4
"""Added to the mean square that a block divides by, so that gradients stay small at silence."""


@dataclass(frozen=True)
class PlainConfig:
    """One network pair and what it is trained for."""

    kind: str = "time"  # dense or time
    loss: str = "mse"
    latents: tuple[int, ...] = (32, 64, 128, 175)  # tiers; every one is a prefix of the next
    width: int = 384  # of the stream between the two filterbanks, whose first values are the latents
    hidden: int = 384
    blocks: int = 1
    time: int = 5  # frames that a block covers

    @property
    def transform(self) -> str:
        """What a frame is: `mdct` coefficients, or `frames` of raw samples."""
        return "mdct" if self.kind == "dense" else "frames"

    @property
    def size(self) -> int:
        """Numbers in a frame: 1400 coefficients, or 1400 samples of mid and as many of side."""
        return COEFFICIENTS if self.transform == "mdct" else 4 * HOP

    @property
    def receptive_field(self) -> int:
        """Frames of context on either side that decide a frame, of the encoder and of the decoder."""
        return self.blocks * (self.time // 2)

    def as_dict(self) -> dict[str, Any]:
        """Numbers, strings and lists, for the checkpoint and the card."""
        return {**asdict(self), "latents": list(self.latents)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> "PlainConfig":
        """Inverse of `as_dict`."""
        return PlainConfig(**{**values, "latents": tuple(values["latents"])})


DEFAULTS = {
    "time": PlainConfig(),
    "dense": PlainConfig("dense", "compressed", (32, 64, 128, 256, 512), width=512, hidden=512),
}
"""The two kinds as they are trained."""


def compress(x: Tensor) -> Tensor:
    """Signed square root: noise that is even in this domain follows the signal in the original one."""
    return x.sign() * x.abs().sqrt()


def expand(y: Tensor) -> Tensor:
    """Inverse of `compress`."""
    return y * y.abs()


class Block(nn.Module):
    """A residual over a few frames, relative to each frame's own loudness; starts as identity. [B, T, W] -> same."""

    def __init__(self, width: int, hidden: int, time: int) -> None:
        super().__init__()
        taps = torch.zeros(time, width)
        taps[time // 2] = 1
        self.taps = nn.Parameter(taps)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Its depthwise filter is written as shifted multiply-adds: torch's own is many times slower on a CPU."""
        size = torch.sqrt(x.square().mean(2, keepdim=True) + QUIET)
        normal = x / size
        half, frames = len(self.taps) // 2, x.shape[1]
        padded = functional.pad(normal, (0, 0, half, half))
        filtered = padded[:, :frames] * self.taps[0]
        for shift in range(1, len(self.taps)):
            filtered = filtered + padded[:, shift : shift + frames] * self.taps[shift]
        return x + size * self.down(functional.relu(self.up(filtered)))  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """Frames [B, T, D] -> latents [B, T, L] in steps of gain 0, before rounding."""

    def __init__(self, c: PlainConfig) -> None:
        super().__init__()
        self.latents, self.compressed = max(c.latents), c.transform == "mdct"
        self.enter = nn.Linear(c.size, c.width, bias=False)
        self.blocks = nn.Sequential(*(Block(c.width, c.hidden, c.time) for _ in range(c.blocks)))

    def forward(self, x: Tensor) -> Tensor:
        """The latents are the first values of the stream."""
        stream = SCALE * self.enter(compress(x) if self.compressed else x)
        return self.blocks(stream)[..., : self.latents]  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Dequantized latents [B, T, L], zero where not sent -> frames [B, T, D]; overlap-add of `time` comes later."""

    def __init__(self, c: PlainConfig) -> None:
        super().__init__()
        self.spare, self.compressed = c.width - max(c.latents), c.transform == "mdct"
        self.blocks = nn.Sequential(*(Block(c.width, c.hidden, c.time) for _ in range(c.blocks)))
        self.leave = nn.Linear(c.width, c.size, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        """The rest of the stream starts at zero; blocks may predict it from what was sent."""
        y = self.leave(self.blocks(functional.pad(z, (0, self.spare)))) / SCALE
        return expand(y) if self.compressed else y


class PlainAutoencoder(nn.Module):
    """Both parts under one roof, so that a checkpoint is one dictionary of tensors."""

    def __init__(self, config: PlainConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = Encoder(config), Decoder(config)

    @torch.no_grad()
    def begin(self, directions: Tensor, basis: Tensor) -> None:
        """Start as a projection on orthonormal directions and back.

        Shape:
            directions: [1400, W], of MDCT frames (`dense`: of their `compress`), best first.
            basis: [700, 1400], see `training.items.synthesis.inverse_mdct_matrix`.
        """
        rows = directions.T
        if self.config.transform == "frames":  # the same directions as samples: W x 2 channels x 1400
            rows = torch.einsum("wck,kn->wcn", rows.reshape(-1, 2, HOP), basis).reshape(len(rows), -1)
        self.encoder.enter.weight.copy_(rows)
        self.decoder.leave.weight.copy_(rows.T)

    def filterbanks(self) -> list[Tensor]:
        """The two filterbanks, which start as PCA and have a learning rate of their own."""
        return [self.encoder.enter.weight, self.decoder.leave.weight]


def windows(x: Tensor) -> Tensor:
    """Samples [B, 2, (T + 1) 700] -> raw frames [B, T, 2800], each the 1400 samples of mid, then those of side."""
    b, _, n = x.shape
    blocks = x.reshape(b, 2, n // HOP, HOP)
    return torch.cat([blocks[:, :, :-1], blocks[:, :, 1:]], 3).transpose(1, 2).reshape(b, -1, 4 * HOP)


def overlap_add(y: Tensor) -> Tensor:
    """Raw frames [B, T, 2800] -> the samples that are covered by two frames: [B, 2, (T - 1) 700]."""
    b, t, _ = y.shape
    parts = y.reshape(b, t, 2, 2 * HOP)
    x = parts[:, 1:, :, :HOP] + parts[:, :-1, :, HOP:]
    return x.transpose(1, 2).reshape(b, 2, -1)
