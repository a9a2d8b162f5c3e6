"""Train a plain autoencoder: `python -m training train-plain --kind time --loss mse --music DIR --out runs/NAME --minutes M`.

One loop, read top to bottom. It starts from PCA of the training music, stops by itself at its wall-clock limit, writes
a checkpoint every few minutes, and a resumed run goes on with the same optimiser state. The log is one JSON object a
line. What is minimised is, an item, log(distance) + RATE log(bits): no unit of a loss and no loudness weighs anything.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.data.batches import Music, batches, listed
from training.plain.losses import LOSSES, SIZES, compressed
from training.plain.network import DEFAULTS, PlainAutoencoder, PlainConfig, compress, overlap_add, windows
from training.ranked.losses import basis
from training.ranked.tables import pieces
from training.ranked.train import quantize_through, save

RATE = 0.1
"""Weight of the logarithm of the bit rate against that of the distance."""

STEPS = (0.125, 8.0)
"""Quantizer steps d that a model is trained over, drawn log-uniformly."""

BATCH, FRAMES, WARMUP, DECAY = 6, 64, 20, 0.98
"""Items a step and frames of each; steps to the full learning rate; the averaged weights' decay a step."""

PEAK, PEAK_FILTERS = 6e-4, 3e-5
"""Learning rates of the blocks, which start at nothing, and of the filterbanks, which start as PCA and whose
weights are about 0.02: five times as much undid them under the noisy gradients of log spectra."""

START_PIECES = 60
"""Ten-second pieces that the first directions are found on."""


def principal(frames: Iterator[Tensor], width: int) -> Tensor:
    """Orthonormal directions of most energy, best first: pieces [T, 1400], each scaled to unit RMS -> [1400, width]."""
    total = torch.zeros(0)
    for piece in frames:
        x = piece.double()
        x = x / x.square().mean().sqrt().clamp(min=1e-4)
        total = x.T @ x if not len(total) else total + x.T @ x
    directions: Tensor = torch.linalg.eigh(total)[1]
    return directions.flip(1)[:, :width].float()


def start(config: PlainConfig, music: Music, number: int, seed: int) -> PlainAutoencoder:
    """A model that is PCA of `number` pieces of the music."""
    torch.manual_seed(seed)
    model = PlainAutoencoder(config)
    drawn = pieces(music, number, np.random.default_rng(seed), turned=False)
    found = (torch.from_numpy(np.ascontiguousarray(x)) for x in drawn)
    if config.transform == "mdct":
        found = (compress(x) for x in found)
    model.begin(principal(found, config.width), basis())
    return model


def through(model: PlainAutoencoder, x: Tensor, step: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Frames [B, T, D] through quantizer and decoder as a file would carry them.

    Args:
        model: either kind.
        x: frames.
        step: [B, 1, 1] quantizer steps.
        kept: [B, 1, L], 1 for latents that are sent.

    Returns:
        decoded frames, and bits an item: a smooth stand-in for an entropy, log2 of the values' spread in steps.
    """
    ratio = model.encoder(x) / step * kept
    bits = 0.5 * torch.log2(1 + ratio.square()).sum(2).mean(1)
    return model.decoder(quantize_through(ratio) * step), bits


def distance(config: PlainConfig, decoded: Tensor, x: Tensor, sizes: Sequence[int] = SIZES) -> Tensor:
    """The configured loss of decoded frames, [B]; `sizes` are windows of spectral ones."""
    if config.transform == "mdct":
        return compressed(compress_safely(decoded), compress(x))
    a, b = (overlap_add(v) for v in (decoded, x * 0.5))  # raw windows overlap twice: halves add up to the samples
    a, b = (torch.stack([v[:, 0] + v[:, 1], v[:, 0] - v[:, 1]], 1) for v in (a, b))
    return LOSSES[config.loss](a, b, sizes)


def compress_safely(x: Tensor) -> Tensor:
    """`compress` with a gradient that stays finite at zero."""
    return x / (x.abs() + 1e-6).sqrt()


def frames_of(config: PlainConfig, coefficients: Tensor, waves: Tensor) -> Tensor:
    """A batch of `training.data.batches` as the kind's frames."""
    if config.transform == "mdct":
        return coefficients
    return windows(torch.stack([waves[:, 0] + waves[:, 1], waves[:, 0] - waves[:, 1]], 1) / 2)


def train(config: PlainConfig, a: argparse.Namespace) -> None:
    """Run until the limit."""
    torch.set_flush_denormal(True)
    music = Music(listed(a.music, "train"), a.cache, "train")
    loops = Music(sorted((a.music / "loops").glob("*")), a.cache, "loops")
    state = torch.load(a.resume, map_location="cpu", weights_only=True) if a.resume else None
    if state:
        config = PlainConfig.from_plain(state["config"])
        model = PlainAutoencoder(config)
        model.load_state_dict(state["model"])
    else:
        model = start(config, music, START_PIECES, a.seed)
    average = state["ema"] if state else {k: v.clone() for k, v in model.state_dict().items()}
    step, seen, spent = (state["step"], state["seen"], state["spent"]) if state else (0, 0.0, 0.0)
    filters = {id(value) for value in model.filterbanks()}
    others = [value for value in model.parameters() if id(value) not in filters]
    optimiser = torch.optim.AdamW(
        [{"params": others, "peak": PEAK}, {"params": model.filterbanks(), "peak": PEAK_FILTERS}],
        lr=0.0, betas=(0.9, 0.98), weight_decay=0.0, foreach=True,
    )  # fmt: skip
    if state:
        optimiser.load_state_dict(state["optimiser"])
    source = batches(music, loops, a.seed + step, BATCH, FRAMES, turned=False)
    rng = np.random.default_rng(a.seed + step)
    first, began, limit = step, time.monotonic(), a.minutes * 60
    saved = began
    total: dict[str, float] = {}
    a.out.mkdir(parents=True, exist_ok=True)

    def keep(elapsed: float) -> None:
        save(
            a.out / "last.pt", model=model.state_dict(), ema=average, optimiser=optimiser.state_dict(),
            step=step, seen=seen, spent=spent + elapsed, config=config.plain(),
        )  # fmt: skip

    with (a.out / "log.jsonl").open("a") as log:
        while (elapsed := time.monotonic() - began) < limit and (not a.steps or step < a.steps):
            warm = min(1.0, (step - first + 1) / WARMUP)
            done = max(elapsed / limit, (step - first) / (a.steps - first) if a.steps else 0.0)
            cosine = 0.5 * (1 + math.cos(math.pi * done))
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * warm * (0.03 + 0.97 * cosine)
            coefficients, _, _, waves = next(source)
            x = frames_of(config, *(torch.from_numpy(np.ascontiguousarray(v)) for v in (coefficients, waves)))
            sent = rng.choice(config.latents, BATCH)
            kept = torch.from_numpy((np.arange(max(config.latents)) < sent[:, None]).astype(np.float32))[:, None]
            steps = np.exp(rng.uniform(math.log(STEPS[0]), math.log(STEPS[1]), BATCH)).astype(np.float32)
            decoded, bits = through(model, x, torch.from_numpy(steps)[:, None, None], kept)
            apart = torch.log(distance(config, decoded, x, [int(rng.choice(SIZES))]) + 1e-9).mean()
            rate = torch.log(bits + 8).mean()
            optimiser.zero_grad(set_to_none=True)
            (apart + RATE * rate).backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            if torch.isfinite(norm):
                optimiser.step()
            step, seen = step + 1, seen + BATCH * FRAMES / 63
            with torch.no_grad():
                for name, value in model.state_dict().items():
                    average[name].lerp_(value, max(1 - DECAY, 1 / (step - first + 10)))
            for name, number in {"log_distance": apart, "log_bits": rate, "norm": norm}.items():
                total[name] = total.get(name, 0.0) + number.item() / a.every
            if step % a.every == 0:
                told = {"step": step, "seconds": round(spent + elapsed), "seen": round(seen)}
                log.write(json.dumps(told | {name: round(value, 4) for name, value in total.items()}) + "\n")
                log.flush()
                total = {}
            if time.monotonic() - saved > a.save_minutes * 60:
                saved = time.monotonic()
                keep(saved - began)
    keep(time.monotonic() - began)


def main() -> None:
    """Parse the command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--kind", choices=sorted(DEFAULTS), default="time")
    p.add_argument("--loss", choices=sorted(LOSSES), default="mse", help="of the kind time; dense has its own")
    p.add_argument("--music", type=Path, required=True, help="folder with manifest.csv and loops/")
    p.add_argument("--out", type=Path, required=True, help="folder for last.pt and log.jsonl")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--steps", type=int, default=0, help="stop there if it comes first: equal training for comparisons")
    p.add_argument("--save-minutes", type=float, default=3)
    p.add_argument("--every", type=int, default=20, help="steps a log line")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--resume", type=Path, help="checkpoint whose kind, loss and optimiser are gone on with")
    a = p.parse_args()
    config = DEFAULTS[a.kind]
    train(config if a.kind == "dense" else replace(config, loss=a.loss), a)


if __name__ == "__main__":
    main()
