"""What training on all of FMA would take, on paper, from what was measured: `python -m training training-cost`.

Nothing is run. MEASURED are figures of training/LOG.md, with the session that has them; what is assumed is an option.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from formats.errors import UsageError
from formats.grid import SAMPLE_RATE
from training import markdown
from training.numbers import positive, whole

DAY = 86_400.0

COLLECTIONS = {"FMA large": (106_574, 106_574 * 30.0), "FMA full": (106_574, 343 * DAY)}
"""Files, and seconds of audio, as FMA states them: clips of 30 s, and whole songs."""


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        value: the figure.
        what: in words.
        where: the session of training/LOG.md.
    """

    value: float
    what: str
    where: str


STEPS = Measured(17, "steps a second on an H100: decoder only, bf16, items from a library", "twelfth session, run n2")
BATCH = Measured(32, "items a step", "twelfth session, run n2")
SECONDS = Measured(4, "seconds an item", "twelfth session, run n2")
WHOLE = Measured(3432 / 240, "steps a second of that run from its start, preparation included", "3,432 in 4 minutes")
ITEM = Measured(13, "ms of a core for an item of 4 s", "tenth session, items on the GPU")
READING = Measured(2.0, "ms of a core to read and resample a second of mp3", "tenth session, 1.1 and 0.9")
SLOWER = Measured(
    13.3 / 5.3, "times as slow is a processor of the rented machine, where two share a core", "twelfth session"
)
MEASURED = (STEPS, BATCH, SECONDS, WHOLE, ITEM, READING, SLOWER)


@dataclass(frozen=True)
class Assumed:
    """What nobody has measured.

    Attributes:
        passes: how often every second of the music is taken.
        efficiency: of eight GPUs, share of eight times the speed of one.
        processors: beside each GPU.
    """

    passes: float = 1.0
    efficiency: float = 0.9
    processors: int = 16


@dataclass(frozen=True)
class Cost:
    """Of a collection on some GPUs: hours, terabytes, and processors beside each GPU that make items as fast."""

    training: float
    decoding: float
    storage: float
    processors: float


def cost(audio: float, gpus: int, assumed: Assumed) -> Cost:
    """What `audio` seconds take."""
    speed = STEPS.value * BATCH.value * SECONDS.value * (gpus * assumed.efficiency if gpus > 1 else 1)
    made = 1000 * SECONDS.value / ITEM.value / SLOWER.value  # seconds of audio a second of a processor there
    reading = audio * READING.value / 1000 * SLOWER.value / (gpus * assumed.processors)
    return Cost(
        assumed.passes * audio / speed / 3600, reading / 3600, audio * SAMPLE_RATE * 4 / 1e12, speed / gpus / made
    )


def report(assumed: Assumed) -> Iterator[str]:
    """Everything as markdown."""
    rows = [[f"{one.value:.3g}", one.what, one.where] for one in MEASURED]
    yield markdown.section("Measured", "", ["", "what", "where"], rows)
    rows = [
        [f"{assumed.passes:g}", "passes over the music"],
        [f"{assumed.efficiency:g}", "efficiency of eight GPUs with averaged gradients"],
        [f"{assumed.processors}", "processors beside each GPU, as slow as those of the rented machine"],
        ["", "storage that reads as fast as decoded music is asked for, and room for all of it"],
    ]
    yield markdown.section("Assumed", "", ["", "what"], rows)
    head = ["music", "GPUs", "training, h", "GPU hours", "decoding before it, h", "decoded music, TB",
            "processors a GPU without a library"]  # fmt: skip
    lines = []
    for name, (_, audio) in COLLECTIONS.items():
        for gpus in (1, 8):
            one = cost(audio, gpus, assumed)
            lines.append([
                name, str(gpus), f"{one.training:.2f}", f"{gpus * one.training:.1f}", f"{one.decoding:.2f}",
                f"{one.storage:.2f}", f"{one.processors:.0f}",
            ])  # fmt: skip
    yield markdown.section("Cost", "", head, lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training training-cost", description="What training on FMA would take.")
    default = Assumed()
    p.add_argument("--passes", type=positive, default=default.passes, help="over the music (default: %(default)g)")
    p.add_argument(
        "--efficiency", type=positive, default=default.efficiency, help="of eight GPUs (default: %(default)g)"
    )
    p.add_argument("--processors", type=whole(1), default=default.processors, help="a GPU (default: %(default)d)")
    given = p.parse_args(arguments)
    try:
        if given.efficiency > 1:
            raise UsageError("--efficiency has to be at most 1")
    except UsageError as error:
        print(f"training-cost: {error}", file=sys.stderr)
        return 2
    print("\n".join(report(Assumed(given.passes, given.efficiency, given.processors))), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
