"""What the two training commands have in common: options, their limits, and how they end."""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from formats.errors import AezError, UsageError
from training import lock
from training.data.shards import LIMIT_GB
from training.loop.course import LAST, Reports
from training.loop.devices import DEVICES
from training.loop.group import Group
from training.loop.log import summary_writer
from training.loop.stopping import StoppedError


@dataclass(frozen=True)
class CommonOptions:
    """Where a run reads and writes, how long it lasts, and how it computes; each is the option of the same name."""

    music: Path
    out: Path
    force: bool = False
    cache: Path = Path(".cache")
    cache_gb: float | None = None
    minutes: float = 60.0
    steps: int = 0
    save_minutes: float = 3.0
    every: int = 20
    tensorboard: Path | None = None
    device: str = "cpu"
    bf16: bool = False
    library: int = 0
    renew: bool = False
    jobs: int | None = None
    resume: Path | None = None


def add_common(p: argparse.ArgumentParser, defaults: type[CommonOptions], bf16: str) -> None:
    """The options of both commands; `bf16` says what is computed in bfloat16."""
    p.add_argument("--music", type=Path, required=True, help="a collection of music, with or without a folder loops/")
    p.add_argument("--out", type=Path, required=True, help="folder for checkpoints (last.pt) and log.csv")
    p.add_argument("--force", action="store_true", help="replace the run that is in the folder already")
    p.add_argument("--cache", type=Path, default=defaults.cache, help="folder for decoded music")
    p.add_argument(
        "--cache-gb", type=float, metavar="GB",
        help=f"size of that folder: where all music would take more, the middle of every song (default: {LIMIT_GB:g})",
    )  # fmt: skip
    p.add_argument("--minutes", type=float, default=defaults.minutes, help="length of the run (default: %(default)g)")
    p.add_argument("--steps", type=int, default=0, help="stop at this step if it comes first: equal training for all")
    p.add_argument(
        "--save-minutes", type=float, default=defaults.save_minutes, metavar="MINUTES",
        help="from one checkpoint to the next (default: %(default)g)",
    )  # fmt: skip
    p.add_argument("--every", type=int, default=defaults.every, help="steps a row of the log (default: %(default)d)")
    p.add_argument("--tensorboard", type=Path, metavar="DIR", help="write the log there too, for TensorBoard")
    p.add_argument("--resume", type=Path, metavar="CHECKPOINT", help="go on from here, with its configuration")
    speed = p.add_argument_group("speed", "torchrun starts several processes, which share a batch of all their items")
    speed.add_argument("--device", choices=DEVICES, default="cpu", help="auto: a GPU if there is one (default: cpu)")
    speed.add_argument("--bf16", action="store_true", help=f"compute {bf16} in bfloat16")
    speed.add_argument(
        "--library", type=int, default=0, metavar="N",
        help="keep N items on the device and draw from them; 0 makes every item anew (default)",
    )  # fmt: skip
    speed.add_argument(
        "--renew", action="store_true",
        help="go on making items when the library is full, in place of its oldest ones: for music that it cannot hold",
    )  # fmt: skip
    speed.add_argument(
        "--jobs", type=int, metavar="N",
        help="processes that make items (default: none on the CPU without a library, else all cores but two)",
    )  # fmt: skip


def check(options: CommonOptions, *, batch: int, seed: int) -> None:
    """Refuse numbers that no run can have.

    Raises:
        UsageError: naming the option.
    """
    values = {"batch": batch, "seed": seed}
    least = {"steps": 0, "every": 1, "library": 0, "jobs": 0, "batch": 1, "seed": 0, "minutes": 0, "save_minutes": 0}
    for name, low in least.items():
        value = values.get(name, getattr(options, name, None))
        if value is not None and not low <= value:  # a NaN is not above anything
            raise UsageError(f"--{name.replace('_', '-')} has to be {low} or more, not {value:g}")
    if options.cache_gb is not None and not 0 < options.cache_gb < math.inf:
        raise UsageError(f"--cache-gb has to be above 0, not {options.cache_gb:g}")
    if options.renew and not options.library:
        raise UsageError("--renew is for a library: name its size with --library")
    if options.library and options.jobs == 0:
        raise UsageError("a library is filled by processes of its own: --jobs has to be 1 or more")


@contextmanager
def claimed(name: str, options: CommonOptions) -> Iterator[Reports]:
    """Make the folder of a run, keep other processes out of it, and say how the run reports there.

    A folder that holds another run is left alone.

    Raises:
        UsageError: it holds a checkpoint that this run does not go on from, and may not be replaced; another process
            trains there; or there is no TensorBoard, which was asked for.
        OSError: it cannot be made.
    """
    out, resume = options.out, options.resume
    if options.tensorboard:
        summary_writer()
    out.mkdir(parents=True, exist_ok=True)
    last = out / LAST
    goes_on = resume is not None and resume.resolve().parent == out.resolve()
    if last.exists() and not options.force and not goes_on:
        raise UsageError(f"{out} holds a run already: go on with --resume {last}, or replace it with --force")
    # Of several processes of one training the first one writes.
    with lock.held(out) if Group.described().rank == 0 else nullcontext():
        yield Reports(name, out, options.every, options.save_minutes, options.tensorboard, goes_on)


def run(command: str, given: argparse.Namespace, train: Callable[[], None]) -> int:
    """Train; returns the exit code. Whatever goes wrong is one line on stderr, and of several processes' one."""
    group = Group.described()
    name = command if group.size == 1 else f"{command}, process {group.rank}"
    try:
        train()
    except UsageError as error:  # the same in all processes
        if group.local_rank == 0:
            print(f"{command}: {error}", file=sys.stderr)
        return 2
    except AezError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"{name}: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        if group.rank == 0:
            print(f"{command}: interrupted; {_hint(given, isinstance(stop, StoppedError))}", file=sys.stderr)
        return 130
    return 0


def _hint(given: argparse.Namespace, saved: bool) -> str:
    """How to go on with a run that was interrupted."""
    if not saved:
        return "nothing new is kept"
    words = [name for name in ("fresh", "bitstream") if getattr(given, name, None)]
    without = f", without {' and '.join(f'--{name}' for name in words)}" if words else ""
    return f"go on with the same command and --resume {given.out / LAST}{without}"
