"""Another encoder for a trained model, which learns to give the same hyper latents.

    python -m training distill --model models/music --start C.pt --music DIR --out NEW.pt

The model's own encoder is the teacher (Hinton et al. 2015). The checkpoint gives everything but the encoder, and where
its encoder has the sizes that are asked for, that is where the new one begins. Predictor, steps, decoder and so the
bitstream stay as they are: `ship --same-bitstream` puts the new encoder in its place.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.files import check_target
from codec.runtime import models
from codec.runtime.session import Network
from formats.errors import UsageError
from formats.grid import COEFFICIENTS, HYPER_FRAMES, HYPER_SIZE, SEGMENT
from training.data.batches import Maker, names
from training.data.produce import Recipe
from training.loop.checkpoint import load_weights, save, stripped
from training.loop.progress import Display
from training.loop.schedule import Position, Schedule, set_learning_rates
from training.loop.weights import update_average
from training.model_files.graphs import run_graph
from training.numbers import positive, whole
from training.ranked.checkpoint import config_of, load_ranked
from training.ranked.config import NetworkConfig, TrainConfig
from training.ranked.network import Autoencoder, Encoder
from training.ranked.options import FRAME_RATE, check_sizes

FRAMES = 4 * SEGMENT
"""Frames of an item, 8 s."""

BATCH, CROP = 8, 84
"""Items of a step, and hyper vectors of each."""

EDGE = 2
"""Hyper vectors at both ends of a crop that are not compared: the teacher knows more of what surrounds them."""

WARMUP, DECAY = 100, 0.998
"""Steps until the highest learning rate of AdamW is reached, and decay a step of the averaged weights."""

ENCODER_SIZES = tuple(name for name in vars(NetworkConfig()) if name.startswith("encoder_"))
"""Sizes of NetworkConfig that the encoder alone has."""

HELD_OUT = 16
"""Of so many items one is only measured."""


class Examples(NamedTuple):
    """Coefficients float32 [N, T, 1400] and what the teacher makes of them, hyper latents float32 [N, T / 3, 48]."""

    coefficients: Tensor
    hyper: Tensor


def examples(maker: Maker, teacher: Network, count: int, seed: int) -> Examples:
    """So many items of music, all of which are kept in memory: 3 MB each."""
    coefficients = np.empty((count, maker.frames, COEFFICIENTS), np.float32)
    hyper = np.empty((count, maker.frames // HYPER_FRAMES, HYPER_SIZE), np.float32)
    for number, name in enumerate(names(seed, 0, count)):
        coefficients[number] = maker.make([name]).coefficients[0]
        hyper[number] = teacher(coefficients=coefficients[number : number + 1])["hyper"][0]
    return Examples(torch.from_numpy(coefficients), torch.from_numpy(hyper))


def learn(encoder: Encoder, known: Examples, schedule: Schedule, rate: float, display: Display, seed: int) -> int:
    """Teach the encoder until the schedule ends; it gets the averaged weights. Returns the steps."""
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=0.0, weight_decay=1e-3)
    average = {name: value.clone() for name, value in encoder.state_dict().items()}
    vectors = known.hyper.shape[1]
    step, begun = 0, time.monotonic()
    while (done := schedule.done(step, schedule.elapsed())) < 1:
        set_learning_rates(optimiser, [rate], step, WARMUP, done)
        chosen = torch.from_numpy(rng.integers(0, len(known.hyper), BATCH))
        first = int(rng.integers(0, vectors - min(CROP, vectors) + 1))
        crop = slice(first, first + CROP)
        x = known.coefficients[chosen, HYPER_FRAMES * crop.start : HYPER_FRAMES * crop.stop]
        loss = functional.mse_loss(encoder(x)[:, EDGE:-EDGE], known.hyper[chosen, crop][:, EDGE:-EDGE])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        step += 1
        update_average(average, encoder, DECAY, step)
        pace = (time.monotonic() - begun) / step
        audio = BATCH * x.shape[1] / FRAME_RATE / pace
        display.step(step, done, float(loss.detach()), audio, schedule.left(step, schedule.elapsed(), pace))
    encoder.load_state_dict(average)
    return step


@torch.no_grad()
def difference(encoder: Encoder, known: Examples) -> float:
    """Root mean square of the difference from the teacher, in half octaves."""
    squares = [(encoder(x[None]) - y)[:, EDGE:-EDGE].square().mean() for x, y in zip(*known, strict=True)]
    return float(torch.stack(squares).mean().sqrt())


def begin(state: dict[str, Any], config: TrainConfig, path: Path) -> Autoencoder:
    """The checkpoint's autoencoder with an encoder of other sizes, which begins as the old one if it has the same."""
    model, weights = Autoencoder(config.network), state["ema"]
    if config.network != config_of(state, path).network:
        rest = {name: value for name, value in weights.items() if not name.startswith("encoder.")}
        weights = {name: value for name, value in model.state_dict().items() if name.startswith("encoder.")} | rest
    load_weights(model, weights, path)
    return model


def distill(given: argparse.Namespace) -> None:
    """Run the command.

    Raises:
        UsageError: the checkpoint, the music or the place of the result cannot be used; ModelError: there is no such
        model; OSError: the result cannot be written.
    """
    check_target(given.out, force=True)  # now, and not when all is done
    state = load_ranked(given.start)
    config = config_of(state, given.start)
    sizes = {name: value for name in ENCODER_SIZES if (value := getattr(given, f"net_{name}")) is not None}
    config = replace(config, network=replace(config.network, **sizes))
    check_sizes(config.network)
    torch.manual_seed(given.seed)
    model = begin(state, config, given.start)
    folder = models.by_name(str(given.model))
    if folder.kind != "ranked":
        raise UsageError(f"{given.model} is a plain model, whose encoder gives no hyper latents")
    maker = Maker(*Recipe(given.music, given.cache, given.voices).open(), FRAMES, waves=False)
    with Display("distill") as display:
        display.say(f"takes {given.items} items of {FRAMES / FRAME_RATE:g} s from the music")
        known = examples(maker, run_graph(folder.encoder, ("coefficients",)), given.items, given.seed)
        apart = max(1, given.items // HELD_OUT)
        held_out, heard = (Examples(*(part[own] for part in known)) for own in (slice(apart), slice(apart, None)))
        before = difference(model.encoder, held_out)
        schedule = Schedule(Position(0), 60 * given.minutes, given.steps)
        steps = learn(model.encoder, heard, schedule, given.rate, display, given.seed)
        after = difference(model.encoder, held_out)
    save(given.out, **{**stripped(state), "ema": model.state_dict(), "config": config.as_dict()})
    print(f"{given.out}: {steps} steps, difference from the teacher {before:.3f} -> {after:.3f} half octaves")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training distill", description=__doc__.splitlines()[0])
    p.add_argument("--model", type=Path, required=True, help="model whose encoder is the teacher, by name or folder")
    p.add_argument("--start", type=Path, required=True, help="checkpoint that gives everything but the encoder")
    p.add_argument("--music", type=Path, required=True, help="collection whose training split is heard")
    p.add_argument("--out", type=Path, required=True, help="the new checkpoint")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    p.add_argument("--voices", type=positive, default=1.0, help="weight of songs with voices (default: 1)")
    p.add_argument("--minutes", type=positive, default=50.0, help="length of the training (default: %(default)g)")
    p.add_argument("--steps", type=whole(1), default=0, help="stop at this step if it comes first")
    p.add_argument("--items", type=whole(2), default=1200, help="items of 8 s, of 3 MB each (default: %(default)d)")
    p.add_argument("--rate", type=positive, default=3e-3, help="highest learning rate (default: %(default)g)")
    p.add_argument("--seed", type=whole(0), default=0)
    for name in ENCODER_SIZES:
        p.add_argument(f"--net-{name.replace('_', '-')}", type=whole(1), metavar="N", help="default: the checkpoint's")
    distill(p.parse_args(arguments))  # what goes wrong is told by `python -m training`
    return 0


if __name__ == "__main__":
    sys.exit(main())
