"""Speed of entropy coding alone: `python -m training speed-coding FILE.aez... [--runs 5]`.

Decodes the chunks of a file to their integers and encodes them again, one after another, and prints the best processor
time of several rounds. Scale indices, ranks and context modelling are included, networks and transform are not.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from codec.pipeline.payload import unpack
from codec.runtime import models
from formats import Reader
from formats.errors import FormatError, ModelError
from formats.payload.chunk import encode_payload
from training.numbers import whole


def measure(path: Path, runs: int) -> tuple[float, float, float]:
    """Seconds of audio, and the best processor seconds of decoding and of encoding all payloads of a file.

    Raises:
        FormatError: the file is damaged, or its integers give other bytes; ModelError: its model is not installed;
        OSError: it cannot be read.
    """
    decoding, encoding = [], []
    with path.open("rb") as file:
        reader = Reader(file)
        header, model = reader.header, models.by_id(reader.header.bitstream)
        chunks = list(reader)
        for _ in range(runs):
            begun = time.process_time()
            found = [unpack(header, chunk, model) for chunk in chunks]
            half = time.process_time()
            again = [encode_payload(latents, header.gain, header.coder, model.tables) for latents in found]
            decoding.append(half - begun)
            encoding.append(time.process_time() - half)
        if again != [chunk.payload for chunk in chunks]:
            raise FormatError("its integers do not give the same bytes again")
    return sum(chunk.frames for chunk in chunks) / 63, min(decoding), min(encoding)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training speed-coding", description="Speed of entropy coding alone."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.aez")
    parser.add_argument("--runs", type=whole(1), default=5)
    options = parser.parse_args(arguments)
    for path in options.files:
        try:
            seconds, decoding, encoding = measure(path, max(1, options.runs))
        except (FormatError, ModelError, OSError) as error:
            print(f"speed-coding: {path}: {error.strerror if isinstance(error, OSError) else error}", file=sys.stderr)
            return 1
        times = f"encoding {seconds / encoding:.0f}, decoding {seconds / decoding:.0f} times real time"
        print(f"{path}: {seconds:.0f} s, {8 * path.stat().st_size / 1000 / seconds:.1f} kbit/s, {times}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
