"""Every number of a training run, in one place; stored as plain values in each checkpoint."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the two networks; both work on patches of 25 bins of mid and side, 28 tokens a frame."""

    patch: int = 25  # bins of each channel in a token
    width: int = 64  # channels of a decoder token
    blocks: int = 4  # residual blocks of the decoder
    expansion: int = 2  # hidden channels of a block's pointwise pair, over width
    time: int = 5  # frames a depthwise kernel sees
    frequency: int = 3  # tokens a depthwise kernel sees
    encoder_width: int = 32
    encoder_blocks: int = 2

    @property
    def decoder_reach(self) -> int:
        """Frames of context on either side that decide a decoded frame."""
        return self.blocks * (self.time // 2)

    @property
    def encoder_reach(self) -> int:
        """Frames of context on either side that decide an encoded frame, hyper vectors included."""
        return self.encoder_blocks * (self.time // 2) + 2


@dataclass(frozen=True)
class TrainConfig:
    """One run. Times are wall-clock seconds, so that a run fits a lease whatever the machine."""

    network: NetworkConfig = NetworkConfig()
    seconds: float = 4.0  # length of a training item
    batch: int = 4  # items a step
    rate_decoder: float = 2e-3  # AdamW
    rate_encoder: float = 0.0  # 0 keeps analysis, hyper latents, predictor and steps at their start
    rate_noise: float = 2e-3  # the pattern of noise
    warmup: int = 50  # steps
    ema: float = 0.997  # decay a step of the averaged weights that are exported
    mel: float = 1.4
    stft: float = 0.35
    similarity: float = 0.3  # an opinion point lost by ViSQOL's structural similarity
    coefficient: float = 0.3
    mask: float = 0.3  # ten decibels of noise over the masking threshold, for items coded finely
    sides: float = 0.3  # share of steps whose spectral distances are of mid and side, not of left and right
    adversary: float = 0.0  # critics, for items coded coarsely; 0: there are none
    rate_adversary: float = 3e-4  # of the critics, AdamW
    rate: float = 0.2  # natural logarithm of the bit rate: about what the other terms fall by per e-fold of it
    vary: float = 0.06  # largest change of a step's exponents, drawn for each item: decoders then know other steps
    seed: int = 0

    def plain(self) -> dict[str, Any]:
        """The run as nested dicts of numbers, for the checkpoint."""
        return asdict(self)

    @staticmethod
    def from_plain(values: dict[str, Any]) -> "TrainConfig":
        """Inverse of `plain`."""
        return TrainConfig(**{**values, "network": NetworkConfig(**values["network"])})


GAINS = {32: (0.7, 2.0), 64: (0.7, 2.8), 128: (0.5, 3.2), 256: (0.3, 2.2), 512: (0.05, 1.5), 1024: (0.03, 0.6)}
"""Step factors d that each tier is trained over, drawn log-uniformly."""

CHANCES = {32: 0.04, 64: 0.08, 128: 0.28, 256: 0.32, 512: 0.19, 1024: 0.09}
"""How often a training item is of each tier: most where most files are."""

COARSE = 1.0
"""Step factor d from which an item counts as coded coarsely: about 16 kbit/s at 256 latents."""

FINE = 0.3
"""Step factor d under which an item counts as coded finely: about 40 kbit/s at 512 latents."""
