"""Noise that fluctuates least: `python -m training smooth-noise --out runs/noise.npy`, which training goes on from.

Chance makes noise rise and fall, each rendering elsewhere, so that the noise that fills is as far from a sound as two
noises are from each other. A pattern that holds still in every band of every window of the mel and STFT distances is
nearer to all of them: descent on the deviation of its magnitudes from what noise has in the median. The idea is
Pumplin's (1985, low-noise noise), here in many bands and windows at once.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.dsp import mdct
from codec.dsp.window_switching import LONG
from formats.grid import COEFFICIENTS, HOP, SEGMENT, WINDOW_UNIT
from training.metrics.spectral import STFT_WINDOWS
from training.ranked.losses import MEL_SCALES, log10, magnitudes, mel_matrix, unfold

QUIET = 0.03
"""Standard deviation of coefficients, at which no magnitude is clamped."""

SIDE = 0.5
"""Share of side in the mixes that hold still too."""

STFT = 0.3
"""Weight of plain bins against mel bands."""

LOUDER = 1.1
"""What the result is scaled by: mel distance of music3 at 12 to 32 kbit/s was least there (training/LOG.md)."""


def sound(pattern: Tensor, hop: int) -> Tensor:
    """The pattern [126, 1400] played round and round in blocks of 700 or 1400: mid, side and two mixes [4, N]."""
    ring = torch.cat([pattern[-WINDOW_UNIT:], pattern, pattern[:WINDOW_UNIT]])
    held = ring.reshape(-1, hop // HOP, 2, HOP).permute(2, 0, 3, 1).reshape(2, -1, hop)
    rising, falling = torch.from_numpy(mdct.window(hop).reshape(2, hop)).unbind()
    mid, side = QUIET * unfold(held, rising, falling)[:, hop:-hop]
    return torch.stack([mid, side, mid + SIDE * side, mid - SIDE * side])


def features(x: Tensor) -> Iterator[tuple[Tensor, float]]:
    """log10 magnitudes [S, bands, frames] of every scale, and what they count."""
    for size, bands in MEL_SCALES:
        spectrum = magnitudes(x, size, size // 4)
        yield log10(mel_matrix(size, bands, x.device) @ spectrum), 1.0
        if size in STFT_WINDOWS:
            yield log10(spectrum), STFT


def typical(x: Tensor) -> list[Tensor]:
    """Median over time of every feature of chance noise, smoothed over frequency: [S, bands, 1] each."""
    out = []
    for level, _ in features(x):
        median = level.median(-1).values
        width = 5 if median.shape[1] > 50 else 1
        smooth = functional.avg_pool1d(median[:, None], width, 1, width // 2, count_include_pad=False)
        out.append(smooth[:, 0, :, None])
    return out


def smooth(hop: int, steps: int, seed: int = 0, rate: float = 0.04) -> tuple[Tensor, float, float]:
    """The pattern [126, 1400] for blocks of `hop`, and its mean deviation before and after."""
    rng = torch.Generator().manual_seed(seed)
    wanted = typical(sound(torch.randn(SEGMENT, COEFFICIENTS, generator=rng), hop))
    pattern = torch.randn(SEGMENT, COEFFICIENTS, generator=rng).sign().requires_grad_(True)
    optimiser, found = torch.optim.Adam([pattern], lr=rate), []
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, eta_min=0.05 * rate)
    for _ in range(steps):
        away = [
            weight * (level - middle).abs().mean()
            for (level, weight), middle in zip(features(sound(pattern, hop)), wanted, strict=True)
        ]
        loss = torch.stack(away).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        found.append(loss.item())
    return pattern.detach(), found[0], found[-1]


def main() -> None:
    """Parse the command line, descend, write [2, 126, 1400] and say how far it came."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--steps", type=int, default=300)
    a = p.parse_args()
    made = []
    for name, hop in (("short", HOP), ("long", LONG)):
        pattern, before, after = smooth(hop, a.steps)
        print(f"{name} blocks: deviation {before:.3f} -> {after:.3f}", flush=True)
        made.append(LOUDER * pattern.numpy())
    np.save(a.out, np.stack(made).astype(np.float32), allow_pickle=False)


if __name__ == "__main__":
    main()
