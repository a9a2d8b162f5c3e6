"""Measured rows, made by hand."""

import numpy as np

from training.evaluation.compare import Row
from training.metrics.catalogue import METRICS

RATES = (8, 12, 16, 24, 32, 48, 64, 96, 126)
REST = {"width_error_db": 0.0, "clipped": 0.0, "bandwidth_kept": 1.0}


def row(clip: str, kbps: float, system: str = "aez", setting: str = "8 kbit/s", /, **values: float) -> Row:
    """A row whose metrics are zero unless given."""
    zero = dict.fromkeys(METRICS, 0.0)
    return Row(clip, system, setting, kbps, 10.0, 1000, 1.0, 1.0, 0, {**zero, **REST, **values})


def curve(system: str, shift: float, rates: tuple[float, ...] = RATES, **changes: float) -> list[Row]:
    """Four clips; every metric improves by one for each doubling of rate, and `shift` doublings come for free."""
    found = []
    for i, clip in enumerate("abcd"):
        for rate in rates:
            good = np.log2(rate) + shift + i / 100 + 0.001 * ((i + len(str(rate))) % 2)
            low = dict.fromkeys(("mel", "stft", "rmse_44k", "rmse_8k", "nmr"), 20 - good)
            values = {"visqol": good, "si_sdr": good, **low, **REST, **changes}
            found.append(Row(clip, system, f"{rate:g} kbit/s", float(rate), 10, 1, 1, 1, 0, values))
    return found


def tier(latents: int, kbps: float, rmse: float, system: str = "aez", shift: float = 3.0) -> list[Row]:
    """Four clips at a tier's default, with this RMSE at 8 kHz in every unit."""
    errors = dict.fromkeys(("rmse_8k", "rmse_8k_linear", "rmse_8k_relative"), rmse)
    return [Row(**{**vars(r), "setting": f"latent {latents}"}) for r in curve(system, shift, (kbps,), **errors)]


def better(kbps: float, **changes: float) -> list[Row]:
    """Four clips of aez at a rate, better than `worse` in everything unless changed."""
    base = {"mel": 1.0, "stft": 1.0, "visqol": 4.0, "nmr": -5.0}
    return [row(c, kbps, **{**base, "mel": 1 + i / 100, **changes}) for i, c in enumerate("abcd")]


def worse(*, clipped: float = 0) -> list[Row]:
    """Four clips of opus at 6 and 128 kbit/s."""
    values = {"mel": 2.0, "stft": 2.0, "visqol": 3.0, "nmr": -4.0, "clipped": clipped}
    return [row(c, r, "opus", **values) for c in "abcd" for r in (6, 128)]
