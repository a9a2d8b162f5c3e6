"""From a trained checkpoint to a shipped model, in one command.

    python -m training ship --checkpoint C.pt --music DIR --history "what is new" [--tiers]
    python -m training ship --checkpoint C.pt --music DIR --history "what is new" --same-bitstream
    python -m training ship --checkpoint C.pt --music DIR --history "what is new" --decoder NAME [--default]

The first form replaces the model of models/NAME, by default the one that the codec encodes with: new tables, a new
encoder and a new decoder, so that the bitstream is another one. The second form is for a checkpoint with the predictor
and the steps of the model: its encoder and its decoder take the place of the standard ones, and files stay valid. The
third form adds a decoder to it; files stay valid, and with --default it is the one that decodes where nobody asks for
another.

A decoder's weights are rounded to half precision, because browsers load them: 0.14 MB less, and no metric notices.

Everything is made in a temporary folder first, in these steps, each of which is a command of its own:

    export      graphs, tables, card (export-plain for checkpoints of train-plain)
    frontier    with --tiers: default gain of each tier, and rates from which it is the best
    card        licences and attribution of the training music, date, history; with --results the metrics
    floors      quality that the tests hold each decoder to
    pin         hashes in codec/runtime/hashes.py
    golden      files that later versions must decode to the same

What is left then is said at the end. No constant and no test has to be edited.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codec.runtime.cards import NAME
from codec.runtime.classifiers import Classifier
from codec.runtime.models import DEFAULT, Model
from formats.errors import AezError, ModelError, UsageError
from training.loop import checkpoint
from training.model_files.folder import read_card, update_card
from training.numbers import whole
from training.plain import export as plain_export
from training.ranked import export as ranked_export
from training.ship import card, floors, golden, pin

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"


@dataclass(frozen=True)
class Destination:
    """Where a model is shipped to: the folders of models, golden files and checkpoints, and the list of hashes."""

    models: Path = pin.MODELS
    golden: Path = golden.GOLDEN
    checkpoints: Path = CHECKPOINTS
    hashes: Path = pin.LIST


def ship(given: argparse.Namespace, destination: Destination) -> Model:
    """Make the model and put it in its place; returns it.

    Raises:
        UsageError: the checkpoint does not fit what is asked for, the name is none for a model, or the manifest says
            too little for a card; SystemExit: a step failed. Nothing is replaced then.
    """
    if not NAME.fullmatch(given.name):
        raise UsageError(f"a model is called by small letters, digits, '.', '_' and '-', and not {given.name!r}")
    card.training_rows(given.music)  # what is wrong with them is said before any work
    target = destination.models / given.name
    if given.same_bitstream and not target.exists():
        raise UsageError(f"there is no model {given.name}, whose bitstream could stay the same")
    kept = to_keep(given.checkpoint)
    with tempfile.TemporaryDirectory() as temporary:
        stage = Path(temporary) / given.name  # a model is called as its folder
        rounded = Path(temporary) / "rounded" / given.checkpoint.name
        rounded.parent.mkdir()
        checkpoint.save(rounded, **kept)
        if target.exists():
            shutil.copytree(target, stage)
        export(argparse.Namespace(**{**vars(given), "checkpoint": rounded}), stage)
        if given.tiers:
            from training.evaluation import frontier  # which needs ViSQOL

            measurements = Path(temporary) / "frontier.csv"
            run(frontier.main, "--model", stage, *_music(given), "--out", measurements, "--write")
        card.finish(
            stage, given.music, given.history, results=given.results, system=given.system, hardware=given.hardware
        )
        floors.write(stage)
        if target.exists():
            shutil.rmtree(target)
        shutil.move(stage, target)
    model = Model(target)
    pin.pin(destination.models, replace=True, target=destination.hashes)
    golden.write_all([model], destination.golden, replace=not given.decoder)
    if not given.decoder:
        checkpoint.save(destination.checkpoints / f"{given.name}.pt", **kept)
    return model


def export(given: argparse.Namespace, stage: Path) -> None:
    """The networks, tables and card of a checkpoint into a folder, or one more decoder into it."""
    state = checkpoint.load(given.checkpoint)
    if checkpoint.is_plain(state) and (given.decoder or given.same_bitstream):
        raise UsageError(f"{given.checkpoint} is a plain autoencoder's, whose decoder goes with its encoder only")
    if given.decoder:
        run(ranked_export.main, "--checkpoint", given.checkpoint, "--decoder", given.decoder, "--out", stage)
        if given.default:
            update_card(stage, decoder=given.decoder)
        return
    if given.same_bitstream:
        run(ranked_export.main, "--checkpoint", given.checkpoint, "--tables", stage, "--out", stage)
        return
    main = plain_export.main if checkpoint.is_plain(state) else ranked_export.main
    pieces = ("--pieces", given.pieces) if given.pieces else ()
    run(main, "--checkpoint", given.checkpoint, *_music(given), *pieces, "--out", stage)
    for folder in (stage / "decoders").iterdir():
        if folder.name not in read_card(stage)["decoders"]:
            shutil.rmtree(folder)  # it belongs to the bitstream that was there before


def run(main: Callable[[Sequence[str]], int], *arguments: object) -> None:
    """Run another command; SystemExit where it fails."""
    if code := main([str(argument) for argument in arguments]):
        raise SystemExit(code)


def _music(given: argparse.Namespace) -> tuple[object, ...]:
    return "--music", given.music, "--cache", given.cache


def to_keep(path: Path) -> dict[str, Any]:
    """What training needs to go on from a checkpoint's averaged weights; a ranked decoder's are in half precision."""
    state = checkpoint.stripped(checkpoint.load(path))
    if not checkpoint.is_plain(state):
        state["ema"] = checkpoint.halved(state["ema"], {name for name in state["ema"] if name.startswith("decoder.")})
    return state


def left_to_do(model: Model, destination: Destination) -> list[str]:
    """What shipping a model does not do, a line each."""
    lines = ["run the tests, and say in README.md and training/LOG.md what the model measures"]
    for folder in sorted(path.parent for path in destination.models.glob(f"*/{Classifier.CARD}")):
        try:
            known = Classifier(folder).knows(model.id)
        except ModelError as error:
            lines.append(str(error))
        else:
            if not known and model.kind == "ranked":
                lines.append(f"classifier {folder.name} does not know this bitstream: python -m training genre")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = _parser().parse_args(arguments)
    destination = Destination()
    try:
        model = ship(given, destination)
    except (AezError, OSError) as error:
        print(f"ship: {error}", file=sys.stderr)
        return 2
    print(f"{model.name}: bitstream {model.id.hex()}, decoders {', '.join(model.decoder_names)}. Left to do:")
    print(*(f"- {line}" for line in left_to_do(model, destination)), sep="\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(
        prog="python -m training ship", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--checkpoint", type=Path, required=True, help="of the commands train, merge or train-plain")
    p.add_argument("--name", default=DEFAULT, help=f"folder of the model (default: {DEFAULT})")
    form = p.add_mutually_exclusive_group()
    form.add_argument("--decoder", metavar="NAME", help="add a decoder of this name, and leave the bitstream as it is")
    form.add_argument(
        "--same-bitstream",
        action="store_true",
        help="replace encoder and standard decoder, and leave the bitstream as it is",
    )
    p.add_argument("--default", action="store_true", help="make that decoder the default one")
    p.add_argument("--tiers", action="store_true", help="measure the tiers' default gains and rates, which takes hours")
    p.add_argument("--pieces", type=whole(1), help="ten-second pieces that the tables are counted on")
    p.add_argument("--cache", type=Path, default=Path(".cache"), help="folder for decoded music")
    card.options(p)
    return p


if __name__ == "__main__":
    sys.exit(main())
