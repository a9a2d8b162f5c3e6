"""The tiny models of the tests.

    python -m training tiny --out tests/models/tiny
    python -m training tiny --kind dense --out tests/models/tiny-dense
    python -m training tiny --kind time --out tests/models/tiny-time

Networks of a few thousand weights that were not trained: random where a network starts at zero, so that context, every
input and every head have an effect, but small, so that the output still resembles the input.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.batches import Music
from training.data.songs import song
from training.model_files.folder import summary, write_card
from training.numbers import whole
from training.plain import export as plain_export
from training.plain.network import Block, PlainAutoencoder, PlainConfig
from training.plain.train import start
from training.ranked import export as ranked_export
from training.ranked.config import NetworkConfig
from training.ranked.network import Autoencoder

TINY = NetworkConfig(width=8, blocks=1, encoder_width=4, encoder_blocks=1)
PLAIN = {
    "dense": PlainConfig("dense", "compressed", (20, 40), width=40, hidden=8),
    "time": PlainConfig("time", "mse", (16, 24), width=24, hidden=8, blocks=2, time=3),
}
"""Both transforms, with latent counts that other models do not have."""

SPREAD = 0.06
"""Standard deviation of what is added to weights that start at zero."""

SEED = 4
"""Of the ranked model's weights. With three of the first five, a song comes back with less than 2 dB of signal to noise
at 32 latents, which says little about an order or a sign; with this one it has 2.5."""

FRONTIER = {32: (-16, 0.0), 64: (-8, 8.0), 128: (0, 14.0), 256: (16, 30.0), 512: (40, 60.0), 1024: (64, 150.0)}
"""Default gain of each tier, and the rate from which it is chosen: plausible, not measured."""


class SyntheticMusic(Music):
    """Crops of synthesized songs, in place of a folder of real ones."""

    def __init__(self) -> None:
        pass

    def __len__(self) -> int:
        return 1

    def crop(self, rng: np.random.Generator, length: int) -> NDArray[np.float32]:
        """A new song each time, some of them quiet: [2, length]."""
        piece = song(length / 44100, seed=int(rng.integers(1 << 30)))[:, :length]
        return np.pad(piece, ((0, 0), (0, length - piece.shape[1]))) * np.float32(10 ** rng.uniform(-1, 0))


def untrained() -> Autoencoder:
    """The tiny autoencoder; the same weights every time."""
    torch.manual_seed(SEED)
    model = Autoencoder(TINY).eval()
    with torch.no_grad():
        for value in model.parameters():
            if not value.any():
                value.copy_(SPREAD * torch.randn_like(value))
        predictor, shape = model.scales.predictor, model.scales.shape
        predictor.mul_(0.5 * (torch.rand_like(predictor) < 0.05))  # few, so that the file is small
        shape.add_(0.05 * torch.rand_like(shape))
    return model


def untrained_plain(kind: str) -> PlainAutoencoder:
    """A tiny plain model: PCA of synthesized songs, and random blocks; the same weights every time on one machine."""
    model = start(PLAIN[kind], SyntheticMusic(), 4, seed=0).eval()
    with torch.no_grad():
        for value in model.parameters():
            if not value.any():
                value.copy_(SPREAD * torch.randn_like(value))
        for block in model.modules():
            if isinstance(block, Block):
                block.taps.add_(0.3 * torch.randn_like(block.taps))
    return model


def write(kind: str, pieces: int, out: Path) -> dict[str, Any]:
    """Write a tiny model of a kind, "ranked" or one of PLAIN, with tables counted on `pieces` pieces; the card."""
    if kind != "ranked":
        what = {"what": "principal directions of synthesized songs and random blocks, for tests"}
        return plain_export.export(untrained_plain(kind), what, SyntheticMusic(), pieces, out)
    card = ranked_export.export(untrained(), {"what": "random weights, for tests"}, SyntheticMusic(), pieces, out)
    out.with_name(f"{out.name}-code-lengths.npz").unlink()  # which training alone needs
    for tier, (gain, kbps) in FRONTIER.items():
        card["tiers"][str(tier)].update(gain=gain, from_kbps=kbps)
    write_card(out, card)
    return card


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training tiny", description="Make a tiny model for the tests.")
    p.add_argument("--out", type=Path, required=True, help="model folder")
    p.add_argument("--kind", choices=("ranked", *sorted(PLAIN)), default="ranked")
    p.add_argument("--pieces", type=whole(1), default=24, help="ten-second pieces that the tables are counted on")
    given = p.parse_args(arguments)
    print(json.dumps(summary(write(given.kind, given.pieces, given.out))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
