"""Discriminators that tell coded from uncoded music: the adversarial term of training, for coarsely coded items.

One discriminator per window length works on complex short-time spectra, with hinge loss and distance of features, as
EnCodec's do (Défossez et al. 2022, High fidelity neural audio compression, section 3.4), but they are small. LOG.md has
the numbers.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from formats.grid import SAMPLE_RATE
from training.ranked.losses import hann

WINDOWS = (2048, 1024, 512)
WIDTH = 16  # channels
POWER = 0.3  # exponent of magnitudes, so that quiet bands count too


class Discriminator(nn.Module):
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


class Discriminators:
    """All discriminators and their optimiser; each step trains one of them, drawn at random."""

    def __init__(self, learning_rate: float, device: torch.device) -> None:
        self.networks = [Discriminator(window).to(device) for window in WINDOWS]
        parameters = [p for network in self.networks for p in network.parameters()]
        self._optimiser = torch.optim.AdamW(parameters, lr=learning_rate, betas=(0.8, 0.98), foreach=True)

    def term(self, coded: Tensor, uncoded: Tensor, rng: np.random.Generator) -> Tensor:
        """Train one discriminator on a second of the signals [S, N]; the loss of the coded ones under it."""
        network = self.networks[int(rng.integers(len(self.networks)))]
        start = int(rng.integers(0, coded.shape[1] - SAMPLE_RATE + 1)) if coded.shape[1] > SAMPLE_RATE else 0
        coded, uncoded = (x[:, start : start + SAMPLE_RATE] for x in (coded, uncoded))
        self._train(network, coded.detach(), uncoded)
        score, features = network(coded)
        with torch.no_grad():
            wanted = network(uncoded)[1]
        away = [(a - b).abs().mean() / b.abs().mean().clamp(min=1e-6) for a, b in zip(features, wanted, strict=True)]
        return functional.relu(1 - score).mean() + 2 * torch.stack(away).mean()

    def _train(self, network: Discriminator, coded: Tensor, uncoded: Tensor) -> None:
        """One step of hinge loss."""
        loss = functional.relu(1 - network(uncoded)[0]).mean() + functional.relu(1 + network(coded)[0]).mean()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
