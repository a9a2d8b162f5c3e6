"""Train the ranked autoencoder: `python -m training train --music DIR --out runs/NAME [--minutes M]`.

One loop, read top to bottom. It stops by itself at its wall-clock limit and writes checkpoints every few minutes.

A resumed run (`--resume CHECKPOINT`) has the checkpoint's configuration: numbers given on the command line replace
those of the checkpoint, but the network keeps its sizes. It also goes on with the optimiser's state, unless `--fresh`
takes the averaged weights only. `--bitstream CHECKPOINT` trains another decoder for the checkpoint's bitstream.
`training.loop` has what this loop shares with that of plain autoencoders: schedule, processes, log, progress.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from formats.errors import UsageError
from training.data.batches import Maker
from training.data.produce import Recipe
from training.items.source import Supply, items, open_music
from training.items.synthesis import rotate_back, synthesize
from training.loop import command
from training.loop.checkpoint import Run, load, load_optimiser, load_weights
from training.loop.course import LAST, Course
from training.loop.devices import choose, prepare
from training.loop.group import Group
from training.loop.schedule import Position, Schedule, Stream, generator, set_learning_rates
from training.loop.weights import clip_gradients, update_average
from training.ranked.code_length import CodeLengths
from training.ranked.config import TrainConfig
from training.ranked.discriminator import Discriminators
from training.ranked.network import Autoencoder
from training.ranked.objective import (
    draw_comparison,
    draw_settings,
    encode,
    rate_term,
    reconstruction_terms,
    run_codec,
)
from training.ranked.options import FRAME_RATE, Options, checked, configured, frames_of, parser
from training.ranked.tuning import tune
from training.ranked.widening import start_from


def train(config: TrainConfig, options: Options) -> None:
    """Run until the limit. Discriminators are not kept: a resumed run begins with new ones.

    A run that was interrupted goes on in its schedule, with the same music and the same random numbers, unless it draws
    items from a library.

    Raises:
        StoppedError: it was asked to stop, and has written a checkpoint to go on from.
        UsageError: the options, the music, the checkpoint or the code lengths cannot be used.
        AezError: another process of the training has ended.
        OSError: the folder of the run cannot be written.
    """
    called = time.monotonic()
    checked(config, options)
    name = choose(options.device)
    with command.claimed("train", options) as reports, Group.joined(name) as group, ExitStack() as opened:
        if config.adversarial and group.size > 1:
            raise UsageError("discriminators learn in a single process: start it without torchrun")
        device = group.device(name)
        prepare(device)
        torch.manual_seed(config.seed)
        lengths = decisions(config, options, device)
        run = begin(config, options, device)
        group.begin_alike(run.model)
        discriminators = Discriminators(config.rate_discriminator, device) if config.adversarial else None
        peaks = learning_rates(config)
        learning = [p for part in run.optimiser.param_groups for p in part["params"]]
        position = Position.of(run.resumed, run.step)
        music = open_music(Recipe(options.music, options.cache, options.voices, options.cache_gb), group)
        supply = Supply(config.batch, config.seed, options.library, options.jobs, options.renew)
        maker = Maker(*music, frames_of(config), waves=supply.sends_waves(device))
        known = None if config.rate_encoder else lambda x: encode(run.model, x, lengths)
        source = opened.enter_context(items(maker, supply, position.first, run.step, device, group, known))
        tuned = tuning(run.model, config, maker.frames, options)
        schedule = Schedule(position, 60 * options.minutes, options.steps, called if options.counted else None)
        audio = group.size * config.batch * maker.frames / FRAME_RATE
        course = opened.enter_context(Course(run, schedule, group, reports, audio, partial(write, run, options, group)))
        course.say(tuned)

        for done in course:
            set_learning_rates(run.optimiser, peaks, run.step - position.first, config.warmup, done)
            rng = generator(config.seed, Stream.SETTINGS, run.step)
            x, long, rotation, waves, hyper = next(source)
            settings = draw_settings(config, rng, device, group)
            coded = run_codec(run.model, x, long, settings, lengths, hyper=hyper, bf16=options.bf16)
            decoded = synthesize(rotate_back(coded.decoded, rotation), long)

            comparison = draw_comparison(config, rng, device, group)
            terms = reconstruction_terms(
                config, run.model, coded.decoded, x, (decoded, waves), settings.fine, comparison
            )
            if discriminators and (coarse := settings.coarse.cpu()).any():
                channel = int(rng.integers(2))
                loss = discriminators.term(decoded[coarse, channel], waves[coarse, channel], rng)
                terms["adversarial"] = config.adversarial * loss
            if config.rate_encoder and lengths:
                terms["rate"] = rate_term(config, coded, lengths)
            loss = torch.stack(list(terms.values())).sum()

            run.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            group.average_gradients(learning)
            norm = clip_gradients(learning)
            run.optimiser.step()

            update_average(run.average, run.model, config.ema, run.step + 1 - position.first)
            course.finish({"loss": loss, **terms, "norm": norm})


def tuning(model: Autoencoder, config: TrainConfig, frames: int, options: Options) -> str:
    """Choose the decoder's fastest way, if that was asked for; a line about what was found."""
    if not options.tune:
        return ""
    found = tune(model, config.batch, frames, bf16=options.bf16, compiled=options.compile)
    return "ms a step of the decoder: " + ", ".join(f"{name} {1000 * value:.1f}" for name, value in found.items())


def write(run: Run[TrainConfig, Autoencoder], options: Options, group: Group, elapsed: float, **more: object) -> None:
    """Write last.pt, from which the run can be resumed, and small.pt, which is enough for an export."""
    if group.rank == 0:
        run.save_small(options.out / "small.pt", elapsed)
        run.save(options.out / LAST, elapsed, **more)


def decisions(config: TrainConfig, options: Options, device: torch.device) -> CodeLengths | None:
    """What the encoder's decisions follow, if it is given.

    Raises:
        UsageError: the encoder learns, and there are no code lengths for its rate.
        ModelError: there is no ranked model in the folder that was named.
    """
    if options.code_lengths:
        return CodeLengths.load(options.code_lengths, device)
    if config.rate_encoder:
        raise UsageError("an encoder that learns needs the code lengths that an export wrote: name them")
    return CodeLengths.of_model(options.model, device) if options.model else None


def begin(config: TrainConfig, options: Options, device: torch.device) -> Run[TrainConfig, Autoencoder]:
    """A new run, or the one of the checkpoint that is to be resumed.

    Raises:
        UsageError: the checkpoint is another network's, or does not have what is to be resumed.
    """
    model = Autoencoder(config.network)
    base = None
    if options.bitstream:
        base = load(options.bitstream)
        start_from(model, base, options.bitstream)
    average = model.state_dict()
    # Read to the CPU: an optimiser leaves its counts of steps where they were read, and would wait for a GPU's.
    state = load(options.resume) if options.resume else None
    if state and options.resume:
        average = state["ema"]
        if not options.fresh and not {"model", "optimiser"} <= state.keys():
            raise UsageError(f"{options.resume} holds averaged weights only: go on from them with --fresh")
        load_weights(model, average if options.fresh else state["model"], options.resume)
    if options.noise:
        model.noise.load_state_dict({"pattern": pattern(options.noise, model.noise.pattern.shape)})
        average = {**average, "noise.pattern": model.noise.pattern.detach()}
    model.to(device)
    average = {name: value.to(device, copy=True) for name, value in average.items()}
    # Not fused: a fused step refuses gradients whose memory layout is not that of the weights.
    optimiser = torch.optim.AdamW(parameters(model, config), lr=0.0, betas=(0.9, 0.98), weight_decay=1e-3, foreach=True)
    if state and options.resume and not options.fresh:
        hint = ": go on from its averaged weights with --fresh"
        load_optimiser(optimiser, state, options.resume, hint)
    if not config.rate_encoder:
        model.encoder.requires_grad_(False)
        model.scales.requires_grad_(False)
    before = state or base  # a decoder that begins as another one has learned what that one has
    if not before:
        return Run(config, model, average, optimiser)
    resumed = None if options.fresh else state
    return Run(config, model, average, optimiser, before["step"], before["seen"], before["spent"], resumed)


def pattern(path: Path, shape: torch.Size) -> torch.Tensor:
    """A noise pattern from an NPY file.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        found = np.load(path, allow_pickle=False)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError):
        raise UsageError(f"{path} is no NPY file") from None
    if getattr(found, "shape", None) != tuple(shape) or found.dtype.kind != "f":
        raise UsageError(f"{path} is no noise pattern, an array of {' x '.join(map(str, shape))} floats")
    return torch.from_numpy(found.astype(np.float32))


def parameters(model: Autoencoder, config: TrainConfig) -> list[dict[str, Any]]:
    """Optimiser groups: decoder, noise and, if it learns, what decides the bits of a file.

    The steps are not among them: gradients that are passed straight through the rounding mislead them
    (training/LOG.md).
    """
    groups: list[dict[str, Any]] = [
        {"params": list(model.decoder.parameters())},
        {"params": [model.noise.pattern], "weight_decay": 0.0},
    ]
    if config.rate_encoder:
        encoder = [*model.encoder.parameters(), model.scales.predictor, model.scales.offset]
        groups.append({"params": encoder, "weight_decay": 0.0})
    return groups


def learning_rates(config: TrainConfig) -> list[float]:
    """Highest learning rates of the groups of `parameters`."""
    return [config.rate_decoder, config.rate_noise, *([config.rate_encoder] if config.rate_encoder else [])]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = parser().parse_args(arguments)
    options = Options(**{f.name: getattr(given, f.name) for f in fields(Options)})
    return command.run("train", given, lambda: train(configured(given), options))


if __name__ == "__main__":
    sys.exit(main())
