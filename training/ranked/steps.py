"""Change the quantizer steps of a checkpoint: `python -m training steps --checkpoint A --out B --band -0.3 4000 12000`.

Steps are not trained (their gradients mislead, training/LOG.md); they are set, exported and measured. The decoder knows
steps that differ a little from those that it was trained with. Changed steps are a new bitstream.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from formats.errors import AezError, UsageError
from formats.grid import HOP, SAMPLE_RATE
from training.loop import checkpoint
from training.numbers import real
from training.ranked.checkpoint import load_ranked

SLOPE = 10.0
"""How steeply a change sets in at the edges of its band: it goes from 27 to 73 % within a fifth of an octave."""


def band(low: float, high: float) -> Tensor:
    """Weights of the 1400 coefficients, 1 inside of a band in Hz and 0 outside, with smooth edges."""
    octave = torch.log2((torch.arange(HOP) + 0.5) * SAMPLE_RATE / 2 / HOP)
    edges = torch.log2(torch.tensor([low, high]))
    inside = torch.sigmoid(SLOPE * (octave - edges[0])) * torch.sigmoid(SLOPE * (edges[1] - octave))
    return inside.repeat(2)


def change(weights: dict[str, Tensor], bands: Sequence[Sequence[float]], shape: float, steady: float) -> None:
    """Change the steps of a checkpoint's weights, in place.

    Args:
        weights: of an `Autoencoder`.
        bands: for each band its change in octaves, above 0 for coarser steps, and its edges in Hz.
        shape: added to the exponent within a frame.
        steady: added to the exponent across frames.
    """
    for octaves, low, high in bands:
        weights["scales.bias"] += octaves * band(low, high)
    weights["scales.shape"] += shape
    weights["scales.steady"] += steady


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training steps", description="Change a checkpoint's quantizer steps.")
    p.add_argument("--checkpoint", type=Path, required=True, help="of the commands train or merge")
    p.add_argument(
        "--band", type=real(), nargs=3, action="append", default=[], metavar=("OCTAVES", "LOW", "HIGH"),
        help="make the steps of a band in Hz coarser by so many octaves, or finer if below 0; may be repeated",
    )  # fmt: skip
    p.add_argument("--shape", type=real(), default=0.0, help="added to the exponent within a frame")
    p.add_argument("--steady", type=real(), default=0.0, help="added to the exponent across frames")
    p.add_argument("--out", type=Path, required=True, help="new checkpoint")
    a = p.parse_args(arguments)
    try:
        for _, low, high in a.band:
            if not 0 < low < high:
                raise UsageError(f"a band goes from above 0 Hz up, not from {low:g} to {high:g}")
        state = load_ranked(a.checkpoint)
        change(state["ema"], a.band, a.shape, a.steady)
        checkpoint.save(a.out, **checkpoint.stripped(state))
    except (AezError, OSError) as error:
        print(f"steps: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
