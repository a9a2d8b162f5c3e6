"""The founding study's table, measured: latent grid, nominal and measured rate, ratio and log-spectral RMSE by tier.

The study compared five latent sizes of a spectrogram autoencoder on mono music at 8 kHz with the original's phase; its
column is root mean square error of natural-log magnitudes.
"""

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from formats.grid import SAMPLE_RATE
from training.evaluation.compare import Row, groups, interval
from training.markdown import section

COLUMN = {512: 0.867, 256: 0.803, 128: 0.929, 64: 1.24, 32: 1.61}
"""The study's RMSE at 8 kHz, by latents a frame."""

FRAMES = 126  # of a segment of two seconds
PCM_KBPS = SAMPLE_RATE * 32 / 1000  # 16-bit stereo


@dataclass(frozen=True)
class Tier:
    """One line of the study's table, for one of our systems; halves are of 95 % intervals over clips."""

    system: str
    latents: int
    grid: str
    nominal_kbps: float  # 4 bits a latent, in 1024 bit/s, as the study counts
    measured_kbps: float  # whole files, in 1000 bit/s
    ratio: float  # 16-bit stereo PCM at 44.1 kHz over the files
    rmse_8k: float
    rmse_8k_half: float
    rmse_44k: float
    rmse_44k_half: float
    founding: float | None
    clips: int


def nominal(latents: int) -> float:
    """Rate of a tier at 4 bits a latent, in 1024 bit/s."""
    return latents * FRAMES / 2 * 4 / 1024


def tiers(rows: Sequence[Row]) -> list[Tier]:
    """A line per system and tier that was measured at its default, most latents first."""
    found = []
    for (system, setting), group in groups(rows).items():
        if not setting.startswith("latent "):
            continue
        latents = int(setting.removeprefix("latent "))
        rate = float(np.mean([row.kbps for row in group]))
        low, high = (interval(row.metrics[name] for row in group) for name in ("rmse_8k", "rmse_44k"))
        found.append(
            Tier(
                system,
                latents,
                f"{latents} x {FRAMES}",
                nominal(latents),
                rate,
                PCM_KBPS / rate,
                *low,
                *high,
                COLUMN.get(latents),
                len(group),
            )
        )
    order = list(dict.fromkeys(tier.system for tier in found))
    return sorted(found, key=lambda tier: (order.index(tier.system), -tier.latents))


def study_table(lines: Sequence[Tier]) -> str:
    """The lines as markdown."""
    head = ["system", "latents per 2 s", "nominal (1024 bit/s)", "measured (1000 bit/s)", "ratio to PCM"]
    head += ["RMSE 8 kHz", "founding study, 8 kHz", "RMSE 44.1 kHz"]
    cells = [
        [
            tier.system,
            tier.grid,
            f"{tier.nominal_kbps:.1f}",
            f"{tier.measured_kbps:.1f}",
            f"{tier.ratio:.0f} : 1",
            f"{tier.rmse_8k:.3f} ± {tier.rmse_8k_half:.3f}",
            f"{tier.founding:g}" if tier.founding else "-",
            f"{tier.rmse_44k:.3f} ± {tier.rmse_44k_half:.3f}",
        ]
        for tier in lines
    ]
    note = (
        "Root mean square error of natural-log magnitudes, mean over clips ± 95 % interval; every tier at its default "
        f"step. PCM is 16-bit stereo at 44.1 kHz, {PCM_KBPS:g} kbit/s. The founding study worked on 8 kHz mono, other "
        "music, and kept the original's phase."
    )
    return section("The study's table", note, head, cells)


def write_study(lines: Sequence[Tier], target: Path) -> None:
    """The lines as csv, a column per field of `Tier`."""
    with target.open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(Tier.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(tier) for tier in lines)
