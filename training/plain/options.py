"""Options of the command train-plain."""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from formats.errors import UsageError
from training.loop.checkpoint import is_plain, load
from training.loop.command import CommonOptions, add_common, check
from training.plain.losses import LOSSES
from training.plain.network import DEFAULTS, PlainConfig

BATCH = 6
"""Items a step."""

START_PIECES = 60
"""Ten-second pieces that the first directions are found on."""


@dataclass(frozen=True)
class Options(CommonOptions):
    """What is not in a PlainConfig."""

    minutes: float = 10.0
    start_pieces: int = START_PIECES
    batch: int = BATCH
    seed: int = 0


def checked(options: Options) -> None:
    """Refuse numbers that no run can have.

    Raises:
        UsageError: naming the option.
    """
    check(options, batch=options.batch, seed=options.seed)
    if options.start_pieces < 1:
        raise UsageError(f"--start-pieces has to be 1 or more, not {options.start_pieces}")


def config_of(state: dict[str, Any], path: Path) -> PlainConfig:
    """The configuration of the run that wrote a checkpoint.

    Raises:
        UsageError: it is one of another version.
    """
    try:
        return PlainConfig.from_dict(state["config"])
    except (TypeError, KeyError):
        raise UsageError(f"{path} was written by another version of the training") from None


def configured(given: argparse.Namespace) -> PlainConfig:
    """The configuration of a run: the checkpoint's if one is resumed, with the loss of the command line.

    Raises:
        UsageError: the checkpoint cannot be read or is of another kind, or the kind has a loss of its own.
    """
    if given.resume:
        state = load(given.resume)
        if not is_plain(state):
            raise UsageError(f"{given.resume} is a checkpoint of a ranked autoencoder, not of a plain one")
        config = config_of(state, given.resume)
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


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    p = argparse.ArgumentParser(prog="python -m training train-plain", description="Train a plain autoencoder.")
    p.add_argument("--kind", choices=sorted(DEFAULTS), help="default: the checkpoint's, or time")
    p.add_argument("--loss", choices=sorted(LOSSES), help="of the kind time (default: the checkpoint's, or mse)")
    add_common(p, Options, "the networks' layers")
    p.add_argument("--batch", type=int, default=BATCH, help="items a step of each process (default: %(default)d)")
    p.add_argument(
        "--start-pieces", type=int, default=START_PIECES, metavar="N", help="ten-second pieces for the start"
    )
    p.add_argument("--seed", type=int, help="default: the checkpoint's, or 0")
    return p
