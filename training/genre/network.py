"""A small convolutional network over time that classifies a segment's genre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.genre.calibration import Calibration


@dataclass(frozen=True)
class FitConfig:
    """One fit. The defaults suit a few hundred songs."""

    width: int = 32
    blocks: int = 2
    dropout: float = 0.4
    epochs: int = 15
    crops: int = 4  # random segments of each song an epoch
    batch: int = 48
    rate: float = 2e-3  # AdamW, cosine to zero
    decay: float = 0.05
    smoothing: float = 0.1  # label smoothing, because labels are uncertain
    offset: float = 4.0  # largest shift of loudness, half octaves
    members: int = 5  # networks whose logits are averaged; each leaves out an equal part of the artists
    shrinkage: float = 10.0  # of the calibration's bias, in songs: how strongly it is held at zero
    seed: int = 0

    def quick(self) -> FitConfig:
        """The same, but finished in seconds."""
        return replace(self, epochs=5, crops=3, members=2, width=16)


class GenreNet(nn.Module):
    """Feature vectors -> logits: [B, T, D] -> [B, C]."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: int, classes: int, c: FitConfig) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(size))
        self.enter = nn.Conv1d(size, c.width, 2, stride=2)  # 42 steps become 21 of 95 ms
        self.blocks = nn.ModuleList(nn.Conv1d(c.width, c.width, 3, padding=1) for _ in range(c.blocks))
        self.leave = nn.Linear(2 * c.width, classes)
        self.dropout = c.dropout

    def forward(self, x: Tensor) -> Tensor:
        """Normalise, mix over time, pool to mean and deviation over time, decide."""
        x = ((x - self.mean) / self.deviation).clamp(-5.0, 5.0).transpose(1, 2)
        x = functional.dropout1d(x, self.dropout / 2, self.training)
        x = self.enter(x).relu()
        for block in self.blocks:
            x = x + functional.dropout(block(x).relu(), self.dropout, self.training)
        mean = x.mean(2)
        spread = torch.sqrt(((x - mean[:, :, None]) ** 2).mean(2) + 1e-5)
        pooled = functional.dropout(torch.cat([mean, spread], 1), self.dropout, self.training)
        return self.leave(pooled)  # type: ignore[no-any-return]


class Ensemble(nn.Module):
    """Networks whose logits are averaged, and calibrated by a temperature and a bias for each class.

    Attributes:
        certain_from: probability of the likeliest class from which on an answer is worth giving.
    """

    bias: Tensor

    def __init__(self, members: Sequence[GenreNet], calibration: Calibration, certain_from: float = 0.5) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.temperature = calibration.temperature
        self.register_buffer("bias", torch.tensor(calibration.bias, dtype=torch.float32))
        self.certain_from = certain_from

    def forward(self, features: Tensor) -> Tensor:
        """[B, T, D] -> [B, C]."""
        return torch.stack([member(features) for member in self.members]).mean(0) / self.temperature + self.bias


def predict(net: nn.Module, x: Tensor, batch: int = 512) -> NDArray[np.float64]:
    """Logits of segments: [S, 42, D] -> [S, C]."""
    with torch.no_grad():
        return np.concatenate([net(part).double().numpy() for part in torch.split(x, batch)])
