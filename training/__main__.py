"""`python -m training` lists the commands, one line each; `python -m training COMMAND ...` runs one of them."""

import importlib
import sys
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool

from codec.audio.c_stderr import keep_quiet

COMMANDS = {
    "study": ("training.study.study", "run the whole study"),
    "train": ("training.ranked.train", "train the ranked autoencoder"),
    "smooth-noise": ("training.ranked.smooth_noise", "make the noise pattern that training begins with"),
    "distill": ("training.ranked.distill", "teach another encoder what the encoder of a model gives"),
    "merge": ("training.ranked.merge", "merge several runs into one checkpoint"),
    "steps": ("training.ranked.steps", "change the quantizer steps of a checkpoint"),
    "export": ("training.ranked.export", "make a model folder from a checkpoint, or add a decoder to one"),
    "train-plain": ("training.plain.train", "train a plain autoencoder of the study"),
    "export-plain": ("training.plain.export", "make a model folder from a checkpoint of a plain autoencoder"),
    "frontier": ("training.evaluation.frontier", "find the default gains and the rate bounds of the tiers"),
    "compare-models": ("training.evaluation.compare_models", "compare models at one tier, by all judges"),
    "evaluate": ("training.evaluation.evaluate", "compare codecs on real songs, at equal measured rate"),
    "founding": ("training.evaluation.founding_run", "measure the founding study's table alone, in its own unit"),
    "stress": ("training.evaluation.stress", "write synthesized stress signals"),
    "resampling-codec": (
        "training.evaluation.resampling_codec",
        "the founding study's baseline as a codec",
    ),
    "ship": ("training.ship.ship", "make a trained checkpoint the default model"),
    "floors": ("training.ship.floors", "measure the quality floors of the tests"),
    "card": ("training.ship.card", "finish a model's card"),
    "pin": ("training.ship.pin", "list the hashes of all shipped models, so that the package runs them"),
    "golden": ("training.ship.golden", "write the golden files that models lack"),
    "tiny": ("training.ship.tiny", "make the tiny models of the tests"),
    "bit-flips": ("training.ship.bit_flips", "check that every damage to a file is noticed"),
    "speed": ("training.speed.processes", "time whole processes next to LAME and Opus"),
    "speed-coding": ("training.speed.entropy_coding", "time entropy coding alone"),
    "speed-device": ("training.speed.devices", "time a folder of songs on a GPU and on the CPU, and compare both"),
    "speed-stages": ("training.speed.stages", "print the processor time of a song by stage"),
    "speed-loader": ("training.speed.loader", "time how training items are made, by several numbers of processes"),
    "training-cost": ("training.speed.training_cost", "estimate what training on FMA would take on one and eight GPUs"),
    "memory": ("training.speed.memory", "measure time and memory of many files, and of a long one"),
    "genre": ("training.genre.study", "study what latents say about genre"),
    "genre-measure": ("training.genre.measure", "measure a genre classifier on music that it was not trained on"),
    "latents": ("training.latents.maps", "draw maps of the latent space"),
    "similar": ("training.latents.similar", "measure what aez similar finds, against chance and MFCCs"),
    "report": ("training.report.build", "build the page that shows a study"),
    "lease-prepare": ("training.lease.prepare", "make what travels to a rented GPU"),
    "lease-run": ("training.lease.run", "list the calls of a lease, or go through the steps of one there"),
    "lease-step": ("training.lease.step", "run one step on the rented machine"),
    "lease-rehearse": ("training.lease.rehearse", "go through a whole lease here, on the CPU"),
    "lease-land": ("training.lease.land", "make files of the repository of what came back"),
    "fma-imitation": ("training.data.fma_imitation", "synthesize a collection in FMA's layout"),
}
"""Module and purpose of every command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """List the commands, or run the one that is named; returns the exit code.

    What a command does not say itself of what went wrong is one line here.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    name, *rest = given or [""]
    if name not in COMMANDS:
        width = max(map(len, COMMANDS))
        print(__doc__, *(f"  {key:<{width}}  {what}" for key, (_, what) in COMMANDS.items()), sep="\n")
        return 0 if name in ("", "-h", "--help") else 2
    try:
        return int(importlib.import_module(COMMANDS[name][0]).main(rest))
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    except BrokenProcessPool:
        print(f"{name}: one of its processes died (out of memory?)", file=sys.stderr)
    except Exception as error:
        if _is_ours(error):
            print(f"{name}: {error}", file=sys.stderr)
        elif isinstance(error, OSError):
            where = f"{error.filename}: " if error.filename else ""
            print(f"{name}: {where}{error.strerror or error}", file=sys.stderr)
        else:
            raise
    return 2


def _is_ours(error: Exception) -> bool:
    """Whether aez raised it on purpose. In the first steps of a lease, nothing of `formats` can be imported yet."""
    errors = sys.modules.get("formats.errors")
    return errors is not None and isinstance(error, errors.AezError)


if __name__ == "__main__":
    keep_quiet()  # what is wrong with a file is said by those who read it
    sys.exit(main())
