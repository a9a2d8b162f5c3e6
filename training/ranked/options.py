"""Options of the command train: where a run reads and writes, and the numbers of its TrainConfig."""

import argparse
import math
from dataclasses import dataclass, fields, replace
from pathlib import Path

from formats.errors import UsageError
from formats.grid import HOP, SEGMENT
from training.loop.checkpoint import load
from training.loop.command import CommonOptions, add_common, check
from training.ranked.checkpoint import config_of
from training.ranked.config import NetworkConfig, TrainConfig
from training.ranked.widening import DECODER_SIZES


@dataclass(frozen=True)
class Options(CommonOptions):
    """What is not a number of a TrainConfig, which says what a run learns."""

    code_lengths: Path | None = None
    model: Path | None = None
    noise: Path | None = None
    voices: float = 1.0
    counted: bool = False
    tune: bool = False
    compile: bool = False
    fresh: bool = False
    bitstream: Path | None = None


FRAME_RATE = 63
"""MDCT frames a second."""


def frames_of(config: TrainConfig) -> int:
    """MDCT frames of an item: whole segments.

    Raises:
        UsageError: it is shorter than a segment.
    """
    frames = round(config.seconds * FRAME_RATE) // SEGMENT * SEGMENT
    if not frames:
        raise UsageError(f"items of {config.seconds:g} s are too short: --seconds has to be {SEGMENT / FRAME_RATE:g}")
    return frames


def checked(config: TrainConfig, options: Options) -> None:
    """Refuse numbers that no run can have.

    Raises:
        UsageError: naming the option.
    """
    check(options, batch=config.batch, seed=config.seed)
    if not 0 <= options.voices < math.inf:
        raise UsageError(f"--voices has to be 0 or more, not {options.voices:g}")
    for name in numbers_of_a_run():
        if not 0 <= (value := getattr(config, name)) < math.inf:
            raise UsageError(f"--{name.replace('_', '-')} has to be 0 or more, not {value:g}")
    check_sizes(config.network)
    if not 0 < config.seconds <= 3600:
        raise UsageError(f"--seconds has to be above 0 and at most 3600, not {config.seconds:g}")
    frames_of(config)


def check_sizes(sizes: NetworkConfig) -> None:
    """Refuse sizes that no network can have.

    Raises:
        UsageError: naming the option.
    """
    for f in fields(sizes):
        least = 0 if f.name == "frame_blocks" else 1
        if (size := getattr(sizes, f.name)) < least:
            raise UsageError(f"--net-{f.name.replace('_', '-')} has to be {least} or more, not {size}")
    if HOP % sizes.patch:
        raise UsageError(f"--net-patch has to divide {HOP}, and {sizes.patch} does not")
    for name in ("time", "encoder_time", "frequency"):
        if (size := getattr(sizes, name)) % 2 == 0:
            raise UsageError(f"--net-{name.replace('_', '-')} has to be odd, not {size}")


def configured(given: argparse.Namespace) -> TrainConfig:
    """The configuration of a run: the checkpoint's if there is one, with the numbers of the command line.

    Raises:
        UsageError: the checkpoint cannot be read, or its network has other sizes than were asked for.
    """
    if given.resume and given.bitstream:
        raise UsageError("a run goes on from a checkpoint (--resume) or trains another decoder for it (--bitstream)")
    path = given.resume or given.bitstream
    start = config_of(load(path), path) if path else TrainConfig()
    sizes = {f.name: value for f in fields(NetworkConfig) if (value := getattr(given, f"net_{f.name}")) is not None}
    free = DECODER_SIZES if given.bitstream else ()
    if path:
        for name, value in sizes.items():
            if value != (known := getattr(start.network, name)) and name not in free:
                raise UsageError(f"the network of {path} has {name} {known}, not {value}, and keeps it")
    numbers = {name: value for name in numbers_of_a_run() if (value := getattr(given, name)) is not None}
    return replace(start, network=replace(start.network, **sizes), **numbers)


def numbers_of_a_run() -> list[str]:
    """Names of TrainConfig's numbers."""
    return [f.name for f in fields(TrainConfig) if f.name != "network"]


def parser() -> argparse.ArgumentParser:
    """Every number of TrainConfig is an option of the same name."""
    p = argparse.ArgumentParser(prog="python -m training train", description="Train the ranked autoencoder.")
    add_common(p, Options, "the decoder's layers")
    p.add_argument(
        "--code-lengths", type=Path, metavar="NPZ",
        help="NAME-code-lengths.npz of the export command; needed where the encoder learns",
    )  # fmt: skip
    p.add_argument("--model", type=Path, metavar="DIR", help="model folder whose encoder's decisions are taken")
    p.add_argument("--noise", type=Path, metavar="NPY", help="noise pattern to begin with, see smooth-noise")
    p.add_argument(
        "--voices", type=float, default=1.0, metavar="TIMES", help="weight of songs with voices (default: 1)"
    )
    p.add_argument("--counted", action="store_true", help="the minutes include the preparation of the music")
    p.add_argument("--fresh", action="store_true", help="resume the averaged weights only, with a new optimiser")
    p.add_argument(
        "--bitstream", type=Path, metavar="CHECKPOINT",
        help="train another decoder for this bitstream, of the sizes that are given; a wider one begins as the same",
    )  # fmt: skip
    speed = p.add_argument_group("speed of the decoder")
    speed.add_argument("--tune", action="store_true", help="choose the fastest memory layout of the decoder")
    speed.add_argument("--compile", action="store_true", help="with --tune: compile the decoder, if that is faster")
    defaults = TrainConfig()
    numbers = p.add_argument_group("numbers of the run", "without a value: the checkpoint's, or the default")
    for name in numbers_of_a_run():
        default = getattr(defaults, name)
        numbers.add_argument(f"--{name.replace('_', '-')}", type=type(default), help=f"default: {default:g}")
    sizes = p.add_argument_group("sizes of the network", "a resumed run keeps the checkpoint's")
    for f in fields(NetworkConfig):
        default = getattr(defaults.network, f.name)
        sizes.add_argument(f"--net-{f.name.replace('_', '-')}", type=int, metavar="N", help=f"default: {default}")
    return p
