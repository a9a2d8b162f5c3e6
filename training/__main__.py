"""`python -m training` lists every command, one line each; `python -m training COMMAND ...` runs it."""

import importlib
import sys

COMMANDS = {
    "study": ("training.study", "the whole study in one line"),
    "train": ("training.ranked.train", "train the ranked autoencoder"),
    "train-plain": ("training.plain.train", "train a plain autoencoder of the study"),
    "smooth-noise": ("training.ranked.smooth_noise", "make the noise pattern that training begins with"),
    "merge": ("training.ranked.merge", "one checkpoint from several runs"),
    "export": ("training.ranked.export", "make a model folder from a checkpoint"),
    "frontier": ("training.evaluation.frontier", "measure where each tier stands, and set its defaults"),
    "evaluate": ("training.evaluation.evaluate", "codecs side by side on real songs, at equal measured rate"),
    "stress": ("training.evaluation.stress", "write synthesized stress signals"),
    "card": ("training.ship.card", "finish a model's card"),
    "pin": ("training.ship.pin", "list a model's hashes, so that the package runs it"),
    "golden": ("training.ship.golden", "write the golden files that models lack"),
    "tiny": ("training.ship.tiny", "make the tiny models of the tests"),
    "bit-flips": ("training.ship.bit_flips", "whether every damage to a file is noticed"),
    "speed": ("training.speed.processes", "time whole processes next to LAME and Opus"),
    "speed-coding": ("training.speed.entropy_coding", "time entropy coding alone"),
    "memory": ("training.speed.memory", "a thousand short files, one of ten hours: time and memory"),
    "genre": ("training.genre.study", "the genre study"),
    "latents": ("training.latents.maps", "maps of the latent space"),
    "report": ("training.report.build", "the page that shows a study"),
    "fma-imitation": ("training.data.fma_imitation", "synthesize a tree in FMA's layout"),
    "resampling-codec": ("training.evaluation.resampling_codec", "the founding study's baseline as a codec"),
}
"""Module and purpose of every command."""


def main() -> int:
    """List the commands, or run the one that is named."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        width = max(map(len, COMMANDS))
        print(__doc__, *(f"  {key:<{width}}  {what}" for key, (_, what) in COMMANDS.items()), sep="\n")
        return 0 if name in ("", "-h", "--help") else 2
    sys.argv[:2] = [f"python -m training {name}"]
    result = importlib.import_module(COMMANDS[name][0]).main()
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    raise SystemExit(main())
