"""Files of the repository from what came back: `python -m training lease-land DIR --name NAME [--music DIR ...]`.

The checkpoint becomes training/checkpoints/NAME.pt, and its decoder one of models/music: by the command ship if the
music is named whose licences the card shall carry, else by export alone. Measurements are printed as tables for
training/LOG.md.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from formats.errors import AezError, UsageError
from training import markdown
from training.lease import results
from training.loop import log
from training.model_files.folder import STANDARD
from training.ranked import export
from training.ship import ship

MEASURED = ("check", "speed", "speed-flac", "compare")
"""JSON files that become tables."""


def land(given: argparse.Namespace) -> Iterator[str]:
    """Put everything in its place; yields what was done, line by line.

    Raises:
        UsageError: there is no such folder, or the decoder cannot be added.
    """
    if not given.folder.is_dir():
        raise UsageError(f"{given.folder} is no folder")
    checkpoint: Path = given.checkpoints / f"{given.name}.pt"
    if results.collect(given.folder, results.CHECKPOINT, checkpoint):
        yield f"{checkpoint}: {checkpoint.stat().st_size / results.MIB:.1f} MiB"
        if given.music:
            form = ["--same-bitstream"] if given.same_bitstream else ["--decoder", given.name]
            arguments = ["--checkpoint", checkpoint, *form, "--music", given.music]
            code = ship.main([str(word) for word in (*arguments, "--history", given.history)])
        else:
            form = ["--tables", given.model] if given.same_bitstream else ["--decoder", given.name]
            arguments = ["--checkpoint", checkpoint, *form, "--out", given.model]
            code = export.main([str(word) for word in arguments])
        if code:
            raise UsageError(f"the decoder {given.name} could not be added; the checkpoint is kept")
        if given.music and given.same_bitstream:
            checkpoint.unlink()  # it has become the model's own
        yield f"{given.model}: decoder {STANDARD if given.same_bitstream else given.name}"
        if not given.music:
            yield "left to do: python -m training ship --decoder, for card, floors, hashes and golden files"
    else:
        yield f"{given.folder} holds no {results.CHECKPOINT}"
    yield from training_log(given.folder / log.NAME)
    for name in MEASURED:
        path = given.folder / f"{name}.json"
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                found.pop("each", None)
            yield from ("", *tables(name, found))


def training_log(path: Path) -> Iterator[str]:
    """The first and the last row of a training log as a table."""
    found = log.read(path)
    if found:
        yield from ("", *tables("training", [found[0], found[-1]]))


def tables(title: str, found: Any) -> Iterator[str]:
    """JSON as sections in markdown: plain values in one table, and one for every list or group of objects."""
    if isinstance(found, list) and found and all(isinstance(row, dict) for row in found):
        found = {str(number): row for number, row in enumerate(found, 1)}
    if not isinstance(found, dict):
        return
    groups = {key: value for key, value in found.items() if isinstance(value, dict)}
    if (
        groups
        and len(groups) == len(found)
        and not any(isinstance(v, dict) for g in groups.values() for v in g.values())
    ):
        head = list(dict.fromkeys(key for row in groups.values() for key in row))
        rows = [[name, *(_text(row.get(key, "")) for key in head)] for name, row in groups.items()]
        yield markdown.section(title, "", ["", *head], rows)
        return
    plain = [[key, _text(value)] for key, value in found.items() if not isinstance(value, dict | list)]
    if plain:
        yield markdown.section(title, "", ["", ""], plain)
    for key, value in found.items():
        if isinstance(value, dict | list):
            yield from tables(f"{title}: {key}", value)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training lease-land", description="Keep what a lease gave.")
    p.add_argument("folder", type=Path, metavar="DIR", help="the files that came back")
    p.add_argument("--name", default="next", help="of the decoder and the checkpoint (default: %(default)s)")
    p.add_argument("--music", type=Path, help="collection it was trained on: ship the decoder")
    p.add_argument("--same-bitstream", action="store_true", help="replace the standard decoder instead of adding one")
    p.add_argument("--history", default="a decoder trained on a rented GPU", help="for the card of a shipped one")
    p.add_argument("--model", type=Path, default=Path("models/music"), help="folder that gets the decoder")
    p.add_argument("--checkpoints", type=Path, default=ship.CHECKPOINTS, help="folder that gets the checkpoint")
    try:
        for line in land(p.parse_args(arguments)):
            print(line)
    except (AezError, OSError) as error:
        print(f"lease-land: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
