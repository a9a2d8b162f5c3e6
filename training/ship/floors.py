"""Quality floors: how well each decoder of a model does on the demo song, less a margin; the tests hold it to that.

`python -m training floors models/NAME...` measures and writes them into the card, under "floors": for each decoder and
latent count the largest mel distance and the least SI-SDR in dB that the tests accept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.audio.demo import song
from codec.runtime.models import Model
from formats.grid import SAMPLE_RATE
from training.metrics.clip import si_sdr
from training.metrics.spectral import mel_distance
from training.model_files.folder import read_card, write_card
from training.ship.coding import decoded, encoded

SECONDS = 12
"""Of the demo song, which is hard: noise and clicks."""

MARGIN, LEAST_MARGIN = 0.1, 0.1
"""Share of a measurement by which its floor is lower, and for SI-SDR the least difference in dB."""

Floors = dict[str, dict[str, dict[str, float]]]
"""By decoder and latent count: "mel", the largest distance, and "si_sdr", the least ratio."""


class Quality(NamedTuple):
    """What one file of the demo song measures: rate in kbit/s, mel distance, SI-SDR in dB."""

    kbps: float
    mel: float
    si_sdr: float


def original() -> NDArray[np.float32]:
    """The demo song, [2, N] at 44.1 kHz."""
    return np.concatenate(list(song(SECONDS)), 1)


def measure(model: Model, latent: int) -> dict[str, Quality]:
    """The demo song at a tier's default gain, by the name of each decoder."""
    samples = original()
    data = encoded(model, samples, SAMPLE_RATE, latent=latent)
    kbps = len(data) / 125 / SECONDS
    out = {}
    for name in model.decoder_names:
        again = decoded(data, model, name)
        out[name] = Quality(kbps, mel_distance(samples, again), si_sdr(samples, again))
    return out


def floors(model: Model) -> Floors:
    """Floors of every decoder at every latent count, from what they measure now."""
    out: Floors = {name: {} for name in model.decoder_names}
    for latent in model.latents:
        for name, found in measure(model, latent).items():
            margin = max(MARGIN * abs(found.si_sdr), LEAST_MARGIN)
            lowest = {"mel": round((1 + MARGIN) * found.mel, 2), "si_sdr": round(found.si_sdr - margin, 2)}
            out[name][str(latent)] = lowest
    return out


def write(folder: Path) -> Floors:
    """Measure a model and put its floors into its card; returns them."""
    found = floors(Model(folder))
    write_card(folder, {**read_card(folder), "floors": found})
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    p = argparse.ArgumentParser(prog="python -m training floors", description="Measure models, and write their floors.")
    p.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    for folder in p.parse_args(arguments).folders:
        for decoder, tiers in write(folder).items():
            for latent, lowest in tiers.items():
                print(f"{folder.name} {decoder} {latent}: mel {lowest['mel']}, SI-SDR {lowest['si_sdr']} dB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
