"""Train a plain autoencoder: `python -m training train-plain --kind time --loss mse --music DIR --out runs/NAME`.

One loop, read top to bottom. It starts from PCA of the training music, stops by itself at its wall-clock limit and
writes a checkpoint every few minutes. A resumed run has the checkpoint's kind, loss and seed, and goes on with its
optimiser's state. `training.loop` has what this loop shares with that of ranked autoencoders: schedule, processes,
log, progress.

A step minimises log(distance) + RATE log(bits) of each item, so that neither the unit of a loss nor the loudness of an
item changes its weight.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from formats.errors import UsageError
from training.data.batches import Maker, Music
from training.data.produce import Recipe
from training.items.library import Items
from training.items.source import Supply, items, open_music
from training.items.synthesis import inverse_mdct_matrix
from training.loop import command
from training.loop.checkpoint import Run, load, load_optimiser, load_weights
from training.loop.course import LAST, Course
from training.loop.devices import choose, prepare
from training.loop.group import ALONE, Group
from training.loop.schedule import Position, Schedule, Stream, generator, set_learning_rates
from training.loop.weights import clip_gradients, update_average
from training.plain.losses import LOSSES, SIZES, compressed
from training.plain.network import PlainAutoencoder, PlainConfig, compress, overlap_add, windows
from training.plain.options import Options, checked, configured, parser
from training.ranked.straight_through import quantize_dead_zone
from training.ranked.tables import pieces

RATE = 0.1
"""Weight of the logarithm of the bit rate against that of the distance."""

STEPS = (0.125, 8.0)
"""Quantizer steps d that a model is trained over, drawn log-uniformly."""

FRAMES, WARMUP, DECAY = 64, 20, 0.98
"""Frames of an item; steps to the full learning rate; the averaged weights' decay a step."""

PEAKS = (6e-4, 3e-5)
"""Learning rates of the blocks, which start as identity, and of the filterbanks, which start as PCA and whose weights
are about 0.02: with five times as much, the noisy gradients of log spectra destroyed them."""

FRAME_RATE = 63


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
        model: either kind; under autocast its layers compute in bfloat16, and nothing else.
        x: frames.
        step: [B, 1, 1] quantizer steps.
        sent: [B, 1, L], 1 for latents that are sent.

    Returns:
        decoded frames, and bits an item: a smooth substitute for entropy, log2 of the values' spread in steps.
    """
    ratio = model.encoder(x).float() / step * sent
    bits = 0.5 * torch.log2(1 + ratio.square()).sum(2).mean(1)
    return model.decoder(quantize_dead_zone(ratio) * step).float(), bits


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


def frames_of(config: PlainConfig, items: Items) -> Tensor:
    """A batch as the kind's frames."""
    if config.transform == "mdct":
        return items.coefficients
    left, right = items.waves.unbind(1)
    return windows(torch.stack([left + right, left - right], 1) / 2)


def train(config: PlainConfig, options: Options) -> None:
    """Run until the limit of time or steps; `config` is that of the checkpoint if one is resumed.

    A run that was interrupted goes on in its schedule, with the same music and the same random numbers, unless it draws
    items from a library.

    Raises:
        StoppedError: it was asked to stop, and has written a checkpoint to go on from.
        UsageError: the options, the music or the checkpoint cannot be used.
        AezError: another process of the training has ended.
        OSError: the folder of the run cannot be written.
    """
    checked(options)
    name = choose(options.device)
    with command.claimed("train-plain", options) as reports, Group.joined(name) as group, ExitStack() as opened:
        device = group.device(name)
        prepare(device)
        music, loops = open_music(Recipe(options.music, options.cache, cache_gb=options.cache_gb), group)
        run = begin(config, options, music, device)
        group.begin_alike(run.model)
        position = Position.of(run.resumed, run.step)
        supply = Supply(options.batch, run.seed, options.library, options.jobs, options.renew)
        wanted = config.transform == "frames"  # of waves
        whole = wanted and supply.sends_waves(device)
        maker = Maker(music, loops, FRAMES, "none" if whole else "plain", whole)
        found = items(maker, supply, position.first, run.step, device, group, waves=wanted)
        source = opened.enter_context(found)
        schedule = Schedule(position, 60 * options.minutes, options.steps)
        audio = group.size * options.batch * FRAMES / FRAME_RATE
        course = opened.enter_context(Course(run, schedule, group, reports, audio, partial(write, run, options, group)))

        for done in course:
            set_learning_rates(run.optimiser, PEAKS, run.step - position.first, WARMUP, done)
            rng = generator(run.seed, Stream.SETTINGS, run.step)
            x = frames_of(config, next(source))
            sent, steps = (part.to(device) for part in draw_settings(config, options.batch, rng, group))
            with torch.autocast(device.type, torch.bfloat16, enabled=options.bf16):
                decoded, bits = run_codec(run.model, x, steps, sent)
            lost = torch.log(distance(config, decoded, x, [int(rng.choice(SIZES))]) + 1e-9).mean()
            rate = torch.log(bits + 8).mean()
            loss = lost + RATE * rate

            run.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            group.average_gradients(run.model.parameters())
            norm = clip_gradients(run.model.parameters())
            run.optimiser.step()

            update_average(run.average, run.model, DECAY, run.step + 1 - position.first)
            course.finish({"loss": loss, "log_distance": lost, "log_bits": rate, "norm": norm})


def draw_settings(
    config: PlainConfig, batch: int, rng: np.random.Generator, group: Group = ALONE
) -> tuple[Tensor, Tensor]:
    """What is sent of each item, and its quantizer step: of the batch of all processes, this one's part.

    Shape:
        0/1 mask [B, 1, L]; steps [B, 1, 1].
    """
    count, own = group.size * batch, group.part(batch)
    tiers = rng.choice(config.latents, count)[own]
    steps = np.exp(rng.uniform(math.log(STEPS[0]), math.log(STEPS[1]), count)).astype(np.float32)[own]
    sent = (np.arange(max(config.latents)) < tiers[:, None]).astype(np.float32)
    return torch.from_numpy(sent)[:, None], torch.from_numpy(steps)[:, None, None]


def write(run: PlainRun, options: Options, group: Group, elapsed: float, **more: object) -> None:
    """Write last.pt, from which the run can be resumed and which can be exported."""
    if group.rank == 0:
        run.save(options.out / LAST, elapsed, **more)


def begin(config: PlainConfig, options: Options, music: Music, device: torch.device) -> PlainRun:
    """A new run from PCA of the music, or the one of the checkpoint that is to be resumed.

    Raises:
        UsageError: the checkpoint is another network's, or does not have what is to be resumed.
    """
    # Read to the CPU: an optimiser leaves its counts of steps where they were read, and would wait for a GPU's.
    state = load(options.resume) if options.resume else None
    if state and options.resume:
        if not {"model", "optimiser", "seed"} <= state.keys():
            raise UsageError(f"{options.resume} holds averaged weights only: it can be exported, but not resumed")
        model = PlainAutoencoder(config)
        load_weights(model, state["model"], options.resume)
    else:
        model = start(config, music, options.start_pieces, options.seed)
    model.to(device)
    filters = {id(value) for value in model.filterbanks()}
    blocks = [value for value in model.parameters() if id(value) not in filters]
    groups: list[dict[str, Any]] = [{"params": blocks}, {"params": model.filterbanks()}]
    optimiser = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), weight_decay=0.0, foreach=True)
    if not state or not options.resume:
        average = {name: value.clone() for name, value in model.state_dict().items()}
        return PlainRun(config, model, average, optimiser, seed=options.seed)
    load_optimiser(optimiser, state, options.resume)
    average = {name: value.to(device) for name, value in state["ema"].items()}
    return PlainRun(
        config, model, average, optimiser, state["step"], state["seen"], state["spent"], seed=state["seed"],
        resumed=state,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = parser().parse_args(arguments)
    values: dict[str, Any] = {f.name: getattr(given, f.name) for f in fields(Options)}
    options = Options(**{**values, "seed": given.seed or 0})
    return command.run("train-plain", given, lambda: train(configured(given), options))


if __name__ == "__main__":
    sys.exit(main())
