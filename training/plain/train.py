"""Train a plain autoencoder: `python -m training train-plain --kind time --loss mse --music DIR --out runs/NAME`.

One loop, read top to bottom. It starts from PCA of the training music, stops by itself at its wall-clock limit and
writes a checkpoint every few minutes. A resumed run has the checkpoint's kind, loss and seed, and goes on with its
optimiser's state. The log is one JSON object a line.

A step minimises log(distance) + RATE log(bits) of each item, so that neither the unit of a loss nor the loudness of an
item changes its weight.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from formats.errors import AezError, UsageError
from training.data.batches import Music, batches, listed
from training.plain.losses import LOSSES, SIZES, compressed
from training.plain.network import DEFAULTS, PlainAutoencoder, PlainConfig, compress, overlap_add, windows
from training.ranked import position
from training.ranked.checkpoint import Run, is_plain, load, load_weights
from training.ranked.loop import TrainingLog, set_learning_rates, update_average
from training.ranked.position import Position, interrupted, stoppable
from training.ranked.straight_through import quantize_dead_zone
from training.ranked.synthesis import inverse_mdct_matrix
from training.ranked.tables import pieces

RATE = 0.1
"""Weight of the logarithm of the bit rate against that of the distance."""

STEPS = (0.125, 8.0)
"""Quantizer steps d that a model is trained over, drawn log-uniformly."""

BATCH, FRAMES, WARMUP, DECAY = 6, 64, 20, 0.98
"""Items a step and frames of each; steps to the full learning rate; the averaged weights' decay a step."""

PEAKS = (6e-4, 3e-5)
"""Learning rates of the blocks, which start as identity, and of the filterbanks, which start as PCA and whose weights
are about 0.02: with five times as much, the noisy gradients of log spectra destroyed them."""

START_PIECES = 60
"""Ten-second pieces that the first directions are found on."""

FRAME_RATE = 63


@dataclass(frozen=True)
class Options:
    """Where a run reads and writes, and how long it lasts."""

    music: Path
    out: Path
    cache: Path = Path(".cache")
    minutes: float = 10.0
    steps: int = 0
    save_minutes: float = 3.0
    every: int = 20
    start_pieces: int = START_PIECES
    seed: int = 0
    resume: Path | None = None


@dataclass
class PlainRun(Run[PlainConfig, PlainAutoencoder]):
    """All that a checkpoint keeps of a run; the seed is not part of the configuration of a plain autoencoder."""

    seed: int = 0

    def save(self, path: Path, elapsed: float, **more: object) -> None:
        """Write a checkpoint, as `Run.save` does."""
        super().save(path, elapsed, seed=self.seed, **more)


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
    drawn = pieces(music, number, np.random.default_rng(seed), adapted=False)
    found = (torch.from_numpy(np.ascontiguousarray(x)) for x in drawn)
    if config.transform == "mdct":
        found = (compress(x) for x in found)
    model.begin(principal(found, config.width), inverse_mdct_matrix())
    return model


def run_codec(model: PlainAutoencoder, x: Tensor, step: Tensor, sent: Tensor) -> tuple[Tensor, Tensor]:
    """Frames [B, T, D] through quantizer and decoder as a file would carry them.

    Args:
        model: either kind.
        x: frames.
        step: [B, 1, 1] quantizer steps.
        sent: [B, 1, L], 1 for latents that are sent.

    Returns:
        decoded frames, and bits an item: a smooth substitute for entropy, log2 of the values' spread in steps.
    """
    ratio = model.encoder(x) / step * sent
    bits = 0.5 * torch.log2(1 + ratio.square()).sum(2).mean(1)
    return model.decoder(quantize_dead_zone(ratio) * step), bits


def distance(config: PlainConfig, decoded: Tensor, x: Tensor, sizes: Sequence[int] = SIZES) -> Tensor:
    """The configured loss of decoded frames, [B]; `sizes` are windows of spectral losses."""
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


def train(config: PlainConfig, options: Options) -> None:
    """Run until the limit of time or steps; `config` is that of the checkpoint if one is resumed.

    A run that was interrupted goes on in its schedule, with the same music and the same random numbers.

    Raises:
        KeyboardInterrupt: it was asked to stop, and has written a checkpoint to go on from.
        UsageError: the music or the checkpoint cannot be used.
    """
    torch.set_flush_denormal(True)
    music = Music(listed(options.music, "train"), options.cache, "train")
    loops = Music(sorted((options.music / "loops").glob("*")), options.cache, "loops")
    run = begin(config, options, music)
    items, rng = (np.random.default_rng(run.seed + run.step) for _ in range(2))
    first, before = position.begin(run.resumed, run.step, (items, rng))
    source = batches(music, loops, items, BATCH, FRAMES, adapted=False)

    options.out.mkdir(parents=True, exist_ok=True)
    saved = time.monotonic()
    began = saved - before
    limit, last = options.minutes * 60, options.steps or math.inf

    def save(**more: object) -> None:
        run.save(options.out / "last.pt", time.monotonic() - began - before, **more)

    def place() -> dict[str, object]:
        return {position.KEY: Position(first, time.monotonic() - began).entry((items, rng))}

    with (options.out / "log.jsonl").open("a") as file, stoppable() as asked:
        log = TrainingLog(file, options.every)
        while (elapsed := time.monotonic() - began) < limit and run.step < last:
            if asked():
                save(**place())
                raise KeyboardInterrupt
            done = max(elapsed / limit, (run.step - first) / (last - first))
            set_learning_rates(run.optimiser, PEAKS, run.step - first, WARMUP, done)

            coefficients, _, _, waves = next(source)
            x = frames_of(config, *(torch.from_numpy(np.ascontiguousarray(v)) for v in (coefficients, waves)))
            tiers = rng.choice(config.latents, BATCH)
            sent = torch.from_numpy((np.arange(max(config.latents)) < tiers[:, None]).astype(np.float32))[:, None]
            steps = np.exp(rng.uniform(math.log(STEPS[0]), math.log(STEPS[1]), BATCH)).astype(np.float32)
            decoded, bits = run_codec(run.model, x, torch.from_numpy(steps)[:, None, None], sent)
            lost = torch.log(distance(config, decoded, x, [int(rng.choice(SIZES))]) + 1e-9).mean()
            rate = torch.log(bits + 8).mean()

            run.optimiser.zero_grad(set_to_none=True)
            (lost + RATE * rate).backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
            if torch.isfinite(norm):
                run.optimiser.step()

            update_average(run.average, run.model, DECAY, run.step + 1 - first)
            run.step, run.seen = run.step + 1, run.seen + BATCH * FRAMES / FRAME_RATE
            log.add({"log_distance": lost, "log_bits": rate, "norm": norm})
            log.write(run.step, run.spent + elapsed - before, run.seen)
            if time.monotonic() - saved > options.save_minutes * 60:
                saved = time.monotonic()
                save(**place())
    save()


def begin(config: PlainConfig, options: Options, music: Music) -> PlainRun:
    """A new run from PCA of the music, or the one of the checkpoint that is to be resumed.

    Raises:
        UsageError: the checkpoint is another network's, or does not have what is to be resumed.
    """
    state = load(options.resume) if options.resume else None
    if state and options.resume:
        if not {"model", "optimiser", "seed"} <= state.keys():
            raise UsageError(f"{options.resume} holds averaged weights only: it can be exported, but not resumed")
        model = PlainAutoencoder(config)
        load_weights(model, state["model"], options.resume)
    else:
        model = start(config, music, options.start_pieces, options.seed)
    filters = {id(value) for value in model.filterbanks()}
    blocks = [value for value in model.parameters() if id(value) not in filters]
    groups: list[dict[str, Any]] = [{"params": blocks}, {"params": model.filterbanks()}]
    optimiser = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), weight_decay=0.0, foreach=True)
    if not state:
        average = {name: value.clone() for name, value in model.state_dict().items()}
        return PlainRun(config, model, average, optimiser, seed=options.seed)
    optimiser.load_state_dict(state["optimiser"])
    return PlainRun(
        config, model, state["ema"], optimiser, state["step"], state["seen"], state["spent"], seed=state["seed"],
        resumed=state,
    )  # fmt: skip


def configured(given: argparse.Namespace) -> PlainConfig:
    """The configuration of a run: the checkpoint's if one is resumed, with the loss of the command line.

    Raises:
        UsageError: the checkpoint cannot be read or is of another kind, or the kind has a loss of its own.
    """
    if given.resume:
        state = load(given.resume)
        if not is_plain(state):
            raise UsageError(f"{given.resume} is a checkpoint of a ranked autoencoder, not of a plain one")
        config = PlainConfig.from_dict(state["config"])
        if given.kind not in (None, config.kind):
            raise UsageError(f"{given.resume} is of kind {config.kind}, not {given.kind}")
        if given.seed not in (None, state.get("seed")):
            raise UsageError(f"{given.resume} was begun with seed {state.get('seed')}, not {given.seed}")
    else:
        config = DEFAULTS[given.kind or "time"]
    if given.loss is None:
        return config
    if config.kind == "dense":
        raise UsageError("the kind dense has a loss of its own; --loss is for the kind time")
    return replace(config, loss=given.loss)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        values: dict[str, Any] = {f.name: getattr(given, f.name) for f in fields(Options)}
        train(configured(given), Options(**{**values, "seed": given.seed or 0}))
    except (AezError, OSError) as error:
        print(f"train-plain: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(interrupted("train-plain", given.out), file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m training train-plain", description="Train a plain autoencoder.")
    p.add_argument("--kind", choices=sorted(DEFAULTS), help="default: the checkpoint's, or time")
    p.add_argument("--loss", choices=sorted(LOSSES), help="of the kind time (default: the checkpoint's, or mse)")
    p.add_argument("--music", type=Path, required=True, help="a collection of music, with or without a folder loops/")
    p.add_argument("--out", type=Path, required=True, help="folder for last.pt and log.jsonl")
    p.add_argument("--cache", type=Path, default=Options.cache, help="folder for decoded music")
    p.add_argument("--minutes", type=float, default=Options.minutes, help="length of the run (default: %(default)g)")
    p.add_argument("--steps", type=int, default=0, help="stop at this step if it comes first: equal training for all")
    p.add_argument("--save-minutes", type=float, default=Options.save_minutes, help="from one checkpoint to the next")
    p.add_argument("--every", type=int, default=Options.every, help="steps a line of the log (default: %(default)d)")
    p.add_argument(
        "--start-pieces", type=int, default=START_PIECES, metavar="N", help="ten-second pieces for the start"
    )
    p.add_argument("--seed", type=int, help="default: the checkpoint's, or 0")
    p.add_argument("--resume", type=Path, metavar="CHECKPOINT", help="go on from here, with its kind, loss and seed")
    return p


if __name__ == "__main__":
    sys.exit(main())
