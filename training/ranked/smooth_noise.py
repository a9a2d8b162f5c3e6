"""Noise that fluctuates as little as possible: `python -m training smooth-noise --out runs/noise.npy`.

Random noise rises and falls by chance, in each realisation elsewhere. Noise filling with it is therefore as far from a
sound as two realisations are from each other. A pattern whose energy is constant in every band of every window of the
mel and STFT distances is nearer to all of them. It is found by gradient descent on the deviation of its magnitudes from
the median magnitudes of random noise. The idea is Pumplin's (1985, low-noise noise), here in many bands and windows at
once. Training can begin with the pattern (`train --noise`).
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.dsp import mdct
from codec.dsp.window_switching import LONG
from codec.files import new_file
from formats.errors import AezError
from formats.grid import COEFFICIENTS, HOP, SEGMENT, WINDOW_UNIT
from training.items.synthesis import unfold
from training.metrics.spectral import MEL_SCALES, STFT_WINDOWS
from training.numbers import whole
from training.ranked.losses import log10, magnitudes, mel_matrix

QUIET = 0.03
"""Standard deviation of coefficients, at which no magnitude is clamped."""

SIDE = 0.5
"""Weight of side in the two mixes with mid that are smoothed as well."""

STFT = 0.3
"""Weight of single bins against mel bands."""

LOUDER = 1.1
"""Factor of the result: with it the mel distance at 12 to 32 kbit/s was least (training/LOG.md)."""


def sound(pattern: Tensor, hop: int) -> Tensor:
    """Samples of the pattern [126, 1400], repeated, with windows of hop 700 or 1400: mid, side, two mixes [4, N]."""
    ring = torch.cat([pattern[-WINDOW_UNIT:], pattern, pattern[:WINDOW_UNIT]])
    windows = ring.reshape(-1, hop // HOP, 2, HOP).permute(2, 0, 3, 1).reshape(2, -1, hop)
    rising, falling = torch.from_numpy(mdct.window(hop).reshape(2, hop)).unbind()
    mid, side = QUIET * unfold(windows, rising, falling)[:, hop:-hop]
    return torch.stack([mid, side, mid + SIDE * side, mid - SIDE * side])


def features(x: Tensor) -> Iterator[tuple[Tensor, float]]:
    """log10 magnitudes [S, bands, frames] of every scale, and their weight."""
    for size, bands in MEL_SCALES:
        spectrum = magnitudes(x, size, size // 4)
        yield log10(mel_matrix(size, bands, x.device) @ spectrum), 1.0
        if size in STFT_WINDOWS:
            yield log10(spectrum), STFT


def typical(x: Tensor) -> list[Tensor]:
    """Median over time of every feature of random noise, smoothed over frequency: [S, bands, 1] each."""
    out = []
    for feature, _ in features(x):
        median = feature.median(-1).values
        width = 5 if median.shape[1] > 50 else 1
        smooth = functional.avg_pool1d(median[:, None], width, 1, width // 2, count_include_pad=False)
        out.append(smooth[:, 0, :, None])
    return out


def smooth(hop: int, steps: int, seed: int = 0, rate: float = 0.04) -> tuple[Tensor, float, float]:
    """The pattern [126, 1400] for windows of this hop, and its mean deviation before and after the descent."""
    rng = torch.Generator().manual_seed(seed)
    wanted = typical(sound(torch.randn(SEGMENT, COEFFICIENTS, generator=rng), hop))
    pattern = torch.randn(SEGMENT, COEFFICIENTS, generator=rng).sign().requires_grad_(True)
    optimiser, found = torch.optim.Adam([pattern], lr=rate), []
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, eta_min=0.05 * rate)
    for _ in range(steps):
        deviations = [
            weight * (feature - median).abs().mean()
            for (feature, weight), median in zip(features(sound(pattern, hop)), wanted, strict=True)
        ]
        loss = torch.stack(deviations).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        found.append(loss.item())
    return pattern.detach(), found[0], found[-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command: descend, write [2, 126, 1400] and print how far it came; returns the exit code."""
    p = argparse.ArgumentParser(
        prog="python -m training smooth-noise", description="Make the noise pattern that training begins with."
    )
    p.add_argument("--out", type=Path, required=True, metavar="NPY")
    p.add_argument("--steps", type=whole(1), default=300, help="of the descent (default: 300)")
    given = p.parse_args(arguments)
    made = []
    try:
        with new_file(given.out, force=True) as file:  # opened first, because the descent takes minutes
            for name, hop in (("short", HOP), ("long", LONG)):
                pattern, before, after = smooth(hop, given.steps)
                print(f"{name} windows: deviation {before:.3f} -> {after:.3f}", flush=True)
                made.append(LOUDER * pattern.numpy())
            np.save(file, np.stack(made).astype(np.float32), allow_pickle=False)
    except (AezError, OSError) as error:
        print(f"smooth-noise: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
