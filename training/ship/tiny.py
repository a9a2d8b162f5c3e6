"""The tiny models of the tests: `python -m training tiny --out tests/models/tiny`, and `--kind dense|time` for the
mixed ones, `--out tests/models/tiny-dense` and `tiny-time`.

Networks of a few thousand weights that no music has seen: random where the start is zero, so that context, every
plane and every head have an effect, but small, so that what comes back still resembles what went in.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.batches import Music
from training.data.songs import song
from training.plain import export as plain_export
from training.plain.network import Block, PlainAutoencoder, PlainConfig
from training.plain.train import start
from training.ranked.config import NetworkConfig
from training.ranked.export import export
from training.ranked.network import Autoencoder

TINY = NetworkConfig(width=8, blocks=1, encoder_width=4, encoder_blocks=1)
MIXED = {
    "dense": PlainConfig("dense", "compressed", (20, 40), width=40, hidden=8),
    "time": PlainConfig("time", "mse", (16, 24), width=24, hidden=8, blocks=2, time=3),
}
"""Both transforms, with latents that are not those of other models."""

SPREAD = 0.06
"""Standard deviation of what is added to weights that start at zero."""

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
    torch.manual_seed(0)
    model = Autoencoder(TINY).eval()
    with torch.no_grad():
        for value in model.parameters():
            if not value.any():
                value.copy_(SPREAD * torch.randn_like(value))
        predictor, shape = model.levels.predictor, model.levels.shape
        predictor.mul_(0.5 * (torch.rand_like(predictor) < 0.05))  # few, so that the file is small
        shape.add_(0.05 * torch.rand_like(shape))
    return model


def untrained_mixed(kind: str) -> PlainAutoencoder:
    """A tiny mixed model: PCA of synthesized songs, and random blocks; the same weights every time on one machine."""
    model = start(MIXED[kind], SyntheticMusic(), 4, seed=0).eval()
    with torch.no_grad():
        for value in model.parameters():
            if not value.any():
                value.copy_(SPREAD * torch.randn_like(value))
        for block in model.modules():
            if isinstance(block, Block):
                block.taps.add_(0.3 * torch.randn_like(block.taps))
    return model


def main() -> None:
    """Parse the command line and write the folder."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--kind", choices=("ranked", *sorted(MIXED)), default="ranked")
    p.add_argument("--pieces", type=int, default=24, help="ten-second pieces the tables are counted on")
    a = p.parse_args()
    if a.kind != "ranked":
        told = {"what": "principal directions of synthesized songs and random blocks, for tests"}
        card = plain_export.export(untrained_mixed(a.kind), told, SyntheticMusic(), a.pieces, a.out)
        print(json.dumps({"id": card["id"], "parity": card["parity_with_torch"]}))
        return
    card = export(untrained(), {"what": "random weights, for tests"}, SyntheticMusic(), a.pieces, a.out)
    a.out.with_name(f"{a.out.name}-code-lengths.npz").unlink()  # only training's rate term wants them
    for tier, (gain, kbps) in FRONTIER.items():
        card["tiers"][str(tier)].update(gain=gain, from_kbps=kbps)
    (a.out / "model.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps({"id": card["id"], "parity": card["parity_with_torch"]}))


if __name__ == "__main__":
    main()
