"""Is every damage to a file noticed? `python -m training bit-flips FILE... [--sampled N]`

Flips each bit of a file, one at a time, and cuts it at each length (or N of both, drawn at random), and checks each
result as `codec.inspection.verify` does, as a file and as a pipe in turn. Exit code 1 if any damage went unnoticed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from codec.inspection.verify import Verifier
from training.numbers import whole


class Pipe(BytesIO):
    """Bytes that can be read once, from front to back."""

    def seekable(self) -> bool:
        """Return False."""
        return False


def flipped(data: bytes, bit: int) -> bytes:
    """The same bytes but for one bit."""
    at = bit // 8
    return data[:at] + bytes([data[at] ^ 1 << bit % 8]) + data[at + 1 :]


def unnoticed(data: bytes, bits: Iterable[int], sizes: Iterable[int], verifier: Verifier) -> list[str]:
    """Those of these flipped bits and these lengths with which the file passes for undamaged."""

    def passes(raw: bytes, number: int) -> bool:
        return verifier.check((Pipe if number % 2 else BytesIO)(raw)).good

    flips = [f"bit {bit}" for bit in bits if passes(flipped(data, bit), bit)]
    return flips + [f"length {size}" for size in sizes if passes(data[:size], size)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 1 where damage went unnoticed."""
    parser = argparse.ArgumentParser(prog="python -m training bit-flips", description="Is every damage noticed?")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--sampled", type=whole(1), metavar="N", help="N flips and N lengths of each file, not all")
    parser.add_argument("--seed", type=whole(0), default=0)
    options = parser.parse_args(arguments)
    draw, verifier, bad = random.Random(options.seed), Verifier(), 0
    for file in options.files:
        data, begun = file.read_bytes(), time.monotonic()
        if not verifier.check(BytesIO(data)).good:
            parser.error(f"{file} is damaged already")
        bits: Iterable[int] = range(8 * len(data))
        sizes: Iterable[int] = range(len(data))
        if options.sampled:
            bits = draw.sample(range(8 * len(data)), min(options.sampled, 8 * len(data)))
            sizes = draw.sample(range(len(data)), min(options.sampled, len(data)))
        found = unnoticed(data, bits, sizes, verifier)
        bad += len(found)
        seconds = time.monotonic() - begun
        counts = f"{len(list(bits))} flipped bits and {len(list(sizes))} truncations"
        print(f"{file}: {len(data)} bytes, {counts}, {len(found)} unnoticed, {seconds:.0f} s", flush=True)
        for line in found[:20]:
            print(f"  {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
