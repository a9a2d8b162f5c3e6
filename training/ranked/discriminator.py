"""Critics that tell coded music from uncoded: the adversarial stage of training, for coarsely coded items.

One critic a window length on complex short-time spectra, hinge loss and distance of features, as EnCodec's (Défossez et
al. 2022, High fidelity neural audio compression, section 3.4), but small. What it was worth is in LOG.md.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from formats.grid import SAMPLE_RATE
from training.ranked.losses import hann

WINDOWS = (2048, 1024, 512)
WIDTH = 16  # channels
POWER = 0.3  # of magnitudes: quiet bands are to be seen too


class Critic(nn.Module):
    """Convolutions over time and frequency of one short-time spectrum."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window
        sizes = [(2, 1), (WIDTH, 2), (WIDTH, 2), (WIDTH, 2)]
        self.layers = nn.ModuleList(nn.Conv2d(n, WIDTH, (3, 9), (1, by), (1, 4)) for n, by in sizes)
        self.last = nn.Conv2d(WIDTH, 1, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Signals [S, N] -> scores [S, 1, frames, bins], above 0 for uncoded music, and the features of each layer."""
        spectrum = torch.stft(x, self.window, self.window // 4, window=hann(self.window, x.device), return_complex=True)
        size = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + 1e-10)
        y = torch.view_as_real(spectrum * size ** (POWER - 1)).permute(0, 3, 2, 1)
        features = []
        for layer in self.layers:
            y = functional.leaky_relu(layer(y), 0.2)
            features.append(y)
        return self.last(y), features


class Adversary:
    """The critics with their optimiser; one of them, drawn anew, works in a step."""

    def __init__(self, rate: float, device: torch.device) -> None:
        self.critics = [Critic(window).to(device) for window in WINDOWS]
        every = [p for critic in self.critics for p in critic.parameters()]
        self._optimiser = torch.optim.AdamW(every, lr=rate, betas=(0.8, 0.98), foreach=True)

    def term(self, coded: Tensor, real: Tensor, rng: np.random.Generator) -> Tensor:
        """One step of a critic on a second of the signals [S, N]; then what the coded ones lose by it."""
        critic = self.critics[int(rng.integers(len(self.critics)))]
        start = int(rng.integers(0, coded.shape[1] - SAMPLE_RATE + 1)) if coded.shape[1] > SAMPLE_RATE else 0
        coded, real = (x[:, start : start + SAMPLE_RATE] for x in (coded, real))
        told = functional.relu(1 - critic(real)[0]).mean() + functional.relu(1 + critic(coded.detach())[0]).mean()
        self._optimiser.zero_grad(set_to_none=True)
        told.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        score, features = critic(coded)
        with torch.no_grad():
            wanted = critic(real)[1]
        near = [(a - b).abs().mean() / b.abs().mean().clamp(min=1e-6) for a, b in zip(features, wanted, strict=True)]
        return functional.relu(1 - score).mean() + 2 * torch.stack(near).mean()
