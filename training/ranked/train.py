"""Train the ranked autoencoder: `python -m training train --music DIR --out runs/NAME [--minutes M]`.

One loop, read top to bottom. It stops by itself at its wall-clock limit and writes a checkpoint every few minutes.

A resumed run (`--resume CHECKPOINT`) has the checkpoint's configuration: numbers given on the command line replace
those of the checkpoint, but the network keeps its sizes. It also goes on with the optimiser's state, unless `--fresh`
takes the averaged weights only. The log is one JSON object a line.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from formats.errors import AezError, UsageError
from formats.grid import SEGMENT
from training.data.batches import Batch, Music, batches, listed
from training.ranked.checkpoint import Run, config_of, load, load_weights
from training.ranked.code_length import CodeLengths
from training.ranked.config import NetworkConfig, TrainConfig
from training.ranked.discriminator import Discriminators
from training.ranked.loop import TrainingLog, set_learning_rates, update_average
from training.ranked.network import Autoencoder
from training.ranked.objective import draw_settings, rate_term, reconstruction_terms, run_codec
from training.ranked.synthesis import rotate_back, synthesize

FRAME_RATE = 63


@dataclass(frozen=True)
class Options:
    """Where a run reads and writes, and how long it lasts; everything else is in its TrainConfig."""

    music: Path
    out: Path
    cache: Path = Path(".cache")
    code_lengths: Path | None = None
    noise: Path | None = None
    minutes: float = 60.0
    save_minutes: float = 3.0
    every: int = 20
    device: str = "cpu"
    resume: Path | None = None
    fresh: bool = False


def train(config: TrainConfig, options: Options) -> None:
    """Run until the limit. Discriminators are not kept: a resumed run begins with new ones.

    Raises:
        UsageError: the music, the checkpoint or the code lengths cannot be used.
    """
    torch.manual_seed(config.seed)
    torch.set_flush_denormal(True)
    device = torch.device(options.device)
    lengths = CodeLengths.load(options.code_lengths, device) if options.code_lengths else None
    if config.rate_encoder and lengths is None:
        raise UsageError("an encoder that learns needs the code lengths that an export wrote: name them")
    run = begin(config, options, device)
    discriminators = Discriminators(config.rate_discriminator, device) if config.adversarial else None
    frames = round(config.seconds * FRAME_RATE) // SEGMENT * SEGMENT
    source = items(options, config, run.step, frames)
    rng = np.random.default_rng(config.seed + run.step)
    peaks = learning_rates(config)

    options.out.mkdir(parents=True, exist_ok=True)
    began = saved = time.monotonic()
    first, limit = run.step, options.minutes * 60
    with (options.out / "log.jsonl").open("a") as file:
        log = TrainingLog(file, options.every)
        while (elapsed := time.monotonic() - began) < limit:
            set_learning_rates(run.optimiser, peaks, run.step - first, config.warmup, elapsed / limit)

            x, long, rotation, waves = (torch.from_numpy(np.ascontiguousarray(v)).to(device) for v in next(source))
            settings = draw_settings(config, rng, device)
            coded = run_codec(run.model, x, long, settings, lengths)
            decoded = synthesize(rotate_back(coded.decoded, rotation), long)

            terms = reconstruction_terms(config, run.model, coded.decoded, x, (decoded, waves), settings.fine, rng)
            coarse = settings.coarse.cpu()
            if discriminators and coarse.any():
                channel = int(rng.integers(2))
                loss = discriminators.term(decoded[coarse, channel], waves[coarse, channel], rng)
                terms["adversarial"] = config.adversarial * loss
            if config.rate_encoder and lengths:
                terms["rate"] = rate_term(config, coded, lengths)

            run.optimiser.zero_grad(set_to_none=True)
            torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
            if torch.isfinite(norm):
                run.optimiser.step()

            update_average(run.average, run.model, config.ema, run.step + 1 - first)
            run.step, run.seen = run.step + 1, run.seen + config.batch * frames / FRAME_RATE
            log.add({**terms, "norm": norm})
            log.write(run.step, run.spent + elapsed, run.seen)
            if time.monotonic() - saved > options.save_minutes * 60:
                saved = time.monotonic()
                run.save(options.out / "last.pt", saved - began)
    run.save(options.out / "last.pt", time.monotonic() - began)


def begin(config: TrainConfig, options: Options, device: torch.device) -> Run[TrainConfig, Autoencoder]:
    """A new run, or the one of the checkpoint that is to be resumed.

    Raises:
        UsageError: the checkpoint is another network's, or does not have what is to be resumed.
    """
    model = Autoencoder(config.network).to(device)
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
    if not state:
        return Run(config, model, average, optimiser)
    return Run(config, model, average, optimiser, state["step"], state["seen"], state["spent"])


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


def items(options: Options, config: TrainConfig, step: int, frames: int) -> Iterator[Batch]:
    """Endless batches of the training split; they depend on the seed and the step that a run begins at."""
    music = Music(listed(options.music, "train"), options.cache, "train")
    loops = Music(sorted((options.music / "loops").glob("*")), options.cache, "loops")
    return batches(music, loops, config.seed + step, config.batch, frames)


def configured(given: argparse.Namespace) -> TrainConfig:
    """The configuration of a run: the checkpoint's if one is resumed, with the numbers of the command line.

    Raises:
        UsageError: the checkpoint cannot be read, or its network has other sizes than were asked for.
    """
    start = config_of(load(given.resume), given.resume) if given.resume else TrainConfig()
    sizes = {f.name: value for f in fields(NetworkConfig) if (value := getattr(given, f"net_{f.name}")) is not None}
    if given.resume:
        for name, value in sizes.items():
            if value != (known := getattr(start.network, name)):
                raise UsageError(f"the network of {given.resume} has {name} {known}, not {value}, and keeps it")
    numbers = {name: value for name in _numbers() if (value := getattr(given, name)) is not None}
    return replace(start, network=replace(start.network, **sizes), **numbers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. Every number of TrainConfig is an option of the same name."""
    given = _parser().parse_args(arguments)
    try:
        train(configured(given), Options(**{f.name: getattr(given, f.name) for f in fields(Options)}))
    except (AezError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    return 0


def _numbers() -> list[str]:
    return [f.name for f in fields(TrainConfig) if f.name != "network"]


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m training train", description="Train the ranked autoencoder.")
    p.add_argument("--music", type=Path, required=True, help="a collection of music, with or without a folder loops/")
    p.add_argument("--out", type=Path, required=True, help="folder for last.pt and log.jsonl")
    p.add_argument("--cache", type=Path, default=Options.cache, help="folder for decoded music")
    p.add_argument(
        "--code-lengths", type=Path, metavar="NPZ",
        help="NAME-code-lengths.npz beside a model folder of the export command; needed where the encoder learns",
    )  # fmt: skip
    p.add_argument("--noise", type=Path, metavar="NPY", help="noise pattern to begin with, see smooth-noise")
    p.add_argument("--minutes", type=float, default=Options.minutes, help="length of the run (default: %(default)g)")
    p.add_argument("--save-minutes", type=float, default=Options.save_minutes, help="from one checkpoint to the next")
    p.add_argument("--every", type=int, default=Options.every, help="steps a line of the log (default: %(default)d)")
    p.add_argument("--device", default=Options.device)
    p.add_argument("--resume", type=Path, metavar="CHECKPOINT", help="go on from here, with its configuration")
    p.add_argument("--fresh", action="store_true", help="resume the averaged weights only, with a new optimiser")
    defaults = TrainConfig()
    numbers = p.add_argument_group("numbers of the run", "without a value: the checkpoint's, or the default")
    for name in _numbers():
        default = getattr(defaults, name)
        numbers.add_argument(f"--{name.replace('_', '-')}", type=type(default), help=f"default: {default:g}")
    sizes = p.add_argument_group("sizes of the network", "a resumed run keeps the checkpoint's")
    for f in fields(NetworkConfig):
        default = getattr(defaults.network, f.name)
        sizes.add_argument(f"--net-{f.name.replace('_', '-')}", type=int, metavar="N", help=f"default: {default}")
    return p


if __name__ == "__main__":
    sys.exit(main())
