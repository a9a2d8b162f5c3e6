"""Options of the command train: where a run reads and writes, and the numbers of its TrainConfig."""

import argparse
from dataclasses import dataclass, fields, replace
from pathlib import Path

from formats.errors import UsageError
from training.ranked.checkpoint import config_of, load
from training.ranked.config import NetworkConfig, TrainConfig
from training.ranked.widening import DECODER_SIZES


@dataclass(frozen=True)
class Options:
    """Where a run reads and writes, how long it lasts, and how it computes; what it learns is in its TrainConfig."""

    music: Path
    out: Path
    cache: Path = Path(".cache")
    code_lengths: Path | None = None
    model: Path | None = None
    noise: Path | None = None
    voices: float = 1.0
    minutes: float = 60.0
    counted: bool = False
    save_minutes: float = 3.0
    every: int = 20
    device: str = "cpu"
    library: int = 0
    jobs: int | None = None
    bf16: bool = False
    tune: bool = False
    compile: bool = False
    resume: Path | None = None
    fresh: bool = False
    bitstream: Path | None = None


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
    p.add_argument("--music", type=Path, required=True, help="a collection of music, with or without a folder loops/")
    p.add_argument("--out", type=Path, required=True, help="folder for last.pt, small.pt and log.jsonl")
    p.add_argument("--cache", type=Path, default=Options.cache, help="folder for decoded music")
    p.add_argument(
        "--code-lengths", type=Path, metavar="NPZ",
        help="NAME-code-lengths.npz of the export command; needed where the encoder learns",
    )  # fmt: skip
    p.add_argument("--model", type=Path, metavar="DIR", help="model folder whose encoder's decisions are taken")
    p.add_argument("--noise", type=Path, metavar="NPY", help="noise pattern to begin with, see smooth-noise")
    p.add_argument(
        "--voices", type=float, default=1.0, metavar="TIMES", help="weight of songs with voices (default: 1)"
    )
    p.add_argument("--minutes", type=float, default=Options.minutes, help="length of the run (default: %(default)g)")
    p.add_argument("--counted", action="store_true", help="the minutes include the preparation of the music")
    p.add_argument("--save-minutes", type=float, default=Options.save_minutes, help="from one checkpoint to the next")
    p.add_argument("--every", type=int, default=Options.every, help="steps a line of the log (default: %(default)d)")
    p.add_argument("--resume", type=Path, metavar="CHECKPOINT", help="go on from here, with its configuration")
    p.add_argument("--fresh", action="store_true", help="resume the averaged weights only, with a new optimiser")
    p.add_argument(
        "--bitstream", type=Path, metavar="CHECKPOINT",
        help="train another decoder for this bitstream, of the sizes that are given; a wider one begins as the same",
    )  # fmt: skip
    speed = p.add_argument_group("speed")
    speed.add_argument("--device", default=Options.device, help="cpu or cuda (default: %(default)s)")
    speed.add_argument(
        "--library", type=int, default=0, metavar="N",
        help="keep N items on the device and draw from them; 0 makes every item anew (default)",
    )  # fmt: skip
    speed.add_argument("--jobs", type=int, help="processes that fill the library (default: all cores but two)")
    speed.add_argument("--bf16", action="store_true", help="compute the decoder's layers in bfloat16")
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
