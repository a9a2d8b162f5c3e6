"""Every number of a training run, in one place; each checkpoint stores them as plain values."""

from dataclasses import asdict, dataclass
from typing import Any

from formats.grid import HYPER_FRAMES


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the two networks. Both work on patches of 25 bins of mid and side, which makes 28 tokens a frame."""

    patch: int = 25  # bins of each channel in a token
    width: int = 64  # channels of a decoder token
    blocks: int = 4  # residual blocks of the decoder
    frame_blocks: int = 0  # further blocks after each of these, which see one frame only
    expansion: int = 2  # hidden channels of a block's pointwise pair, over width
    time: int = 5  # frames that a depthwise kernel covers
    frequency: int = 3  # tokens that a depthwise kernel covers
    encoder_width: int = 32
    encoder_blocks: int = 2
    encoder_time: int = 3  # hyper vectors that a depthwise kernel of the encoder covers

    @property
    def decoder_receptive_field(self) -> int:
        """Frames of context on either side that decide a decoded frame."""
        return self.blocks * (self.time // 2)

    @property
    def encoder_receptive_field(self) -> int:
        """Frames of context on either side of its own three that decide a hyper vector."""
        return HYPER_FRAMES * self.encoder_blocks * (self.encoder_time // 2)


@dataclass(frozen=True)
class TrainConfig:
    """One run. `rate_decoder`, `rate_encoder`, `rate_noise` and `rate_discriminator` are learning rates of AdamW."""

    network: NetworkConfig = NetworkConfig()
    seconds: float = 4.0  # length of a training item
    batch: int = 4  # items a step
    rate_decoder: float = 2e-3
    rate_encoder: float = 0.0  # 0 leaves analysis, hyper latents and scale predictor as they are
    rate_noise: float = 2e-3  # of the noise pattern
    warmup: int = 50  # steps
    ema: float = 0.997  # decay a step of the averaged weights, which are the ones that are exported
    mel: float = 1.4  # weight of the mel distance
    stft: float = 0.35  # weight of the STFT distance
    similarity: float = 0.3  # weight of an opinion point lost by ViSQOL's structural similarity
    coefficient: float = 0.3  # weight of the error of coefficients, relative to their band's RMS
    mask: float = 0.3  # weight of ten decibels of noise over the masking threshold, for finely coded items
    level: float = 1.0  # weight of ten decibels of error in the power of bands
    scales: int = 2  # STFT lengths of a step's spectral distances: 2 drawn of the seven, or all 7
    sides: float = 0.3  # share of steps whose spectral distances are those of mid and side instead of left and right
    adversarial: float = 0.0  # weight of the discriminators' term, for coarsely coded items; 0: no discriminators
    rate_discriminator: float = 3e-4
    rate: float = 0.2  # weight of the logarithm of the bit rate: about what other terms fall by per e-fold of it
    vary: float = 0.06  # largest change of a step's exponents, drawn for each item, so that decoders know other steps
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The run as nested dicts of numbers, for the checkpoint."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> "TrainConfig":
        """Inverse of `as_dict`."""
        return TrainConfig(**{**values, "network": NetworkConfig(**values["network"])})


STEP_FACTORS = {
    32: (0.7, 2.0), 64: (0.7, 2.8), 128: (0.5, 3.2), 256: (0.3, 3.2), 512: (0.05, 4.0), 1024: (0.03, 1.8),
}  # fmt: skip
"""Range of the step factor d that each tier is trained over, drawn log-uniformly."""

TIER_SHARES = {32: 0.04, 64: 0.07, 128: 0.18, 256: 0.21, 512: 0.34, 1024: 0.16}
"""Share of training items that are of each tier: most where most files are."""

COARSE = 1.0
"""Step factor d from which an item counts as coarsely coded: about 16 kbit/s at 256 latents."""

FINE = 0.3
"""Step factor d below which an item counts as finely coded: about 40 kbit/s at 512 latents."""
