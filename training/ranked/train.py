"""Train the ranked autoencoder: `python -m training train --music DIR --out runs/NAME [--minutes M]`.

One loop, read top to bottom. It stops by itself at its wall-clock limit and writes checkpoints every few minutes.

A resumed run (`--resume CHECKPOINT`) has the checkpoint's configuration: numbers given on the command line replace
those of the checkpoint, but the network keeps its sizes. It also goes on with the optimiser's state, unless `--fresh`
takes the averaged weights only. `--bitstream CHECKPOINT` trains another decoder for the checkpoint's bitstream. The
log is one JSON object a line.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch

from formats.errors import AezError, UsageError
from formats.grid import SEGMENT
from training.ranked import position
from training.ranked.checkpoint import Run, load, load_weights
from training.ranked.code_length import CodeLengths
from training.ranked.config import TrainConfig
from training.ranked.devices import prepare
from training.ranked.discriminator import Discriminators
from training.ranked.group import Group
from training.ranked.loop import TrainingLog, clip_gradients, set_learning_rates, update_average
from training.ranked.network import Autoencoder
from training.ranked.objective import (
    draw_comparison,
    draw_settings,
    encode,
    rate_term,
    reconstruction_terms,
    run_codec,
)
from training.ranked.options import Options, configured, parser
from training.ranked.position import Position, interrupted, stoppable
from training.ranked.source import items
from training.ranked.synthesis import rotate_back, synthesize
from training.ranked.tuning import tune
from training.ranked.widening import start_from

FRAME_RATE = 63


def train(config: TrainConfig, options: Options) -> None:
    """Run until the limit. Discriminators are not kept: a resumed run begins with new ones.

    A run that was interrupted goes on in its schedule; one of a single process that makes every item anew also with the
    same music and the same random numbers.

    Raises:
        KeyboardInterrupt: it was asked to stop, and has written a checkpoint to go on from.
        UsageError: the music, the checkpoint or the code lengths cannot be used.
    """
    called = time.monotonic()
    group = Group.join(options.device)
    device = group.device(options.device)
    prepare(device)
    torch.manual_seed(config.seed)
    lengths = decisions(config, options, device)
    run = begin(config, options, device)
    group.begin_alike(run.model)
    discriminators = Discriminators(config.rate_discriminator, device) if config.adversarial else None
    frames = round(config.seconds * FRAME_RATE) // SEGMENT * SEGMENT
    rng = np.random.default_rng(config.seed + run.step + 1000 * group.rank)
    drawn = np.random.default_rng([config.seed + run.step])
    # Of several processes, and where items come from a library, only the schedule goes on.
    generators = [rng, drawn] if group.size == 1 and not options.library else []
    first, before = position.begin(run.resumed, run.step, generators)
    peaks = learning_rates(config)
    learning = [p for part in run.optimiser.param_groups for p in part["params"]]
    known = None if config.rate_encoder else lambda x: encode(run.model, x, lengths)

    options.out.mkdir(parents=True, exist_ok=True)
    with (
        items(options, config, run.step, frames, device, group, known, drawn) as source,
        stoppable() as asked,
        (options.out / (f"log-{group.rank}.jsonl" if group.rank else "log.jsonl")).open("a") as file,
    ):
        log = TrainingLog(file, options.every)
        if options.tune:
            log.note(tune(run.model, config.batch, frames, bf16=options.bf16, compiled=options.compile))
        saved = called if options.counted else time.monotonic()
        began, limit = saved - before, options.minutes * 60

        def place() -> dict[str, object]:
            return {position.KEY: Position(first, time.monotonic() - began).entry(generators)}

        while (elapsed := group.agree(time.monotonic() - began)) < limit:
            if group.agree(float(asked())):
                write(run, options, group, time.monotonic() - began - before, **place())
                raise KeyboardInterrupt
            set_learning_rates(run.optimiser, peaks, run.step - first, config.warmup, elapsed / limit)

            x, long, rotation, waves, hyper = next(source)
            settings = draw_settings(config, rng, device)
            coded = run_codec(run.model, x, long, settings, lengths, hyper=hyper, bf16=options.bf16)
            decoded = synthesize(rotate_back(coded.decoded, rotation), long)

            comparison = draw_comparison(config, rng, device)
            terms = reconstruction_terms(
                config, run.model, coded.decoded, x, (decoded, waves), settings.fine, comparison
            )
            if discriminators and (coarse := settings.coarse.cpu()).any():
                channel = int(rng.integers(2))
                loss = discriminators.term(decoded[coarse, channel], waves[coarse, channel], rng)
                terms["adversarial"] = config.adversarial * loss
            if config.rate_encoder and lengths:
                terms["rate"] = rate_term(config, coded, lengths)

            run.optimiser.zero_grad(set_to_none=True)
            torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
            group.average_gradients(learning)
            norm = clip_gradients(learning)
            run.optimiser.step()

            update_average(run.average, run.model, config.ema, run.step + 1 - first)
            run.step, run.seen = run.step + 1, run.seen + group.size * config.batch * frames / FRAME_RATE
            log.add({**terms, "norm": norm})
            log.write(run.step, run.spent + elapsed - before, run.seen)
            if time.monotonic() - saved > options.save_minutes * 60:
                saved = time.monotonic()
                write(run, options, group, saved - began - before, **place())
        write(run, options, group, time.monotonic() - began - before)
    group.leave()


def write(run: Run[TrainConfig, Autoencoder], options: Options, group: Group, elapsed: float, **more: object) -> None:
    """Write last.pt, from which the run can be resumed, and small.pt, which is enough for an export."""
    if group.rank == 0:
        run.save_small(options.out / "small.pt", elapsed)
        run.save(options.out / "last.pt", elapsed, **more)


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
    model.to(device)
    average = {name: value.clone() for name, value in model.state_dict().items()}
    state = load(options.resume, device) if options.resume else None
    if state and options.resume:
        average = state["ema"]
        if not options.fresh and not {"model", "optimiser"} <= state.keys():
            raise UsageError(f"{options.resume} holds averaged weights only: go on from them with --fresh")
        load_weights(model, average if options.fresh else state["model"], options.resume)
        average = {name: value.clone() for name, value in average.items()}
    if options.noise:
        model.noise.load_state_dict({"pattern": torch.from_numpy(np.load(options.noise, allow_pickle=False))})
        average["noise.pattern"] = model.noise.pattern.detach().clone()
    # Not fused: a fused step refuses gradients whose memory layout is not that of the weights.
    optimiser = torch.optim.AdamW(parameters(model, config), lr=0.0, betas=(0.9, 0.98), weight_decay=1e-3, foreach=True)
    if state and not options.fresh:
        try:
            optimiser.load_state_dict(state["optimiser"])
        except ValueError:
            hint = "go on from its averaged weights with --fresh"
            raise UsageError(f"{options.resume} trained other parts of the network: {hint}") from None
    if not config.rate_encoder:
        model.encoder.requires_grad_(False)
        model.scales.requires_grad_(False)
    before = state or base  # a decoder that begins as another one has learned what that one has
    if not before:
        return Run(config, model, average, optimiser)
    resumed = None if options.fresh else state
    return Run(config, model, average, optimiser, before["step"], before["seen"], before["spent"], resumed)


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
    try:
        train(configured(given), Options(**{f.name: getattr(given, f.name) for f in fields(Options)}))
    except (AezError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(interrupted("train", given.out), file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
