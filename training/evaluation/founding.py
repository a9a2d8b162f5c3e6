"""The founding study's table, measured: latent grid, rates, ratio and spectral RMSE by tier, in two units.

The study (github.com/pgrady3/music-compression-web) compared five latent sizes L of a spectrogram autoencoder, on mono
music at 8 kHz in segments of 65,536 samples, with the original's phase. A segment's latents are L x 1 x 126 numbers,
counted with 16 bits each. Its baseline is resampling to the rate whose raw 16-bit size is the bitrate.

What the text leaves out is inferred from the authors' code and figures: transforms of 512 samples, 128 apart, of
librosa, and root mean square errors of linear, unnormalised magnitudes. Versions of the code hold logarithms as well;
but linear magnitudes of our songs, resampled as in the baseline, give about what its curve shows, and logarithms three
times as much and more.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from formats.grid import SAMPLE_RATE
from training.csv_table import write_csv
from training.evaluation.compare import Difference, Row, artist_count, difference, groups, interval, stated
from training.markdown import section

COLUMN = {512: 0.867, 256: 0.803, 128: 0.929, 64: 1.24, 32: 1.61}
"""The study's RMSE at 8 kHz, by latents a frame."""

BASELINE_COLUMN = {512: 0.0, 256: 0.48, 128: 0.81, 64: 1.19, 32: 1.53}
"""RMSE of the study's baseline at the same rates, read from its figure."""

BASELINE = "resample-8k"
"""The system that is this baseline on our songs."""

TITLES = ("The study's table, linear magnitudes", "The study's table, logarithms")
"""Of the two tables in markdown."""

FRAMES = 126  # of a segment
SEGMENT = 65_536 / 8000  # seconds
BITS = 16  # of a latent, as the study counts
PCM_KBPS = SAMPLE_RATE * 32 / 1000  # 16-bit stereo


@dataclass(frozen=True)
class Tier:
    """One line of the study's table, for one of our systems; halves are of 95 % intervals over artists."""

    system: str
    latents: int
    grid: str
    counted_kbps: float  # 16 bits a latent, in 1000 bit/s, as the study counts
    nominal_kbps: float  # 4 bits a latent of ours, in 1024 bit/s
    measured_kbps: float  # whole files, in 1000 bit/s
    ratio: float  # 16-bit stereo PCM at 44.1 kHz over the files
    rmse_8k_linear: float
    rmse_8k_linear_half: float
    rmse_8k_relative: float
    rmse_8k_relative_half: float
    rmse_8k: float  # of logarithms, as rmse_44k
    rmse_8k_half: float
    rmse_44k: float
    rmse_44k_half: float
    baseline: float | None  # linear RMSE of the baseline at the counted rate, on the same clips
    founding: float | None
    founding_baseline: float | None
    clips: int
    artists: int


def counted(latents: int) -> float:
    """Rate of a tier as the study counts it, in kbit/s (1000 bit/s): 16 bits for each of L x 126 numbers a segment."""
    return latents * FRAMES * BITS / SEGMENT / 1000


def nominal(latents: int) -> float:
    """Nominal ceiling of one of our tiers: 4 bits for each latent of 63 frames a second, in 1024 bit/s."""
    return latents * 63 * 4 / 1024


def baseline_rows(rows: Sequence[Row], latents: int) -> dict[str, Row]:
    """Rows of the baseline at a tier's counted rate, by clip."""
    setting = f"{counted(latents):g} kbit/s"
    return {row.clip: row for row in rows if row.system == BASELINE and row.setting == setting}


def under_baseline(rows: Sequence[Row], system: str, latents: int) -> Difference:
    """By how much a tier's linear RMSE is under the baseline's at the counted rate, clip by clip."""
    base = baseline_rows(rows, latents)
    own = [row for row in rows if row.system == system and row.setting == f"latent {latents}" and row.clip in base]
    metric = "rmse_8k_linear"
    values = [_value(base[row.clip], metric) - _value(row, metric) for row in own]
    return difference(values, [row.artist for row in own])


def tiers(rows: Sequence[Row]) -> list[Tier]:
    """A line per system and tier that was measured at its default, most latents first."""
    found = []
    for (system, setting), group in groups(rows).items():
        if not setting.startswith("latent "):
            continue
        latents = int(setting.removeprefix("latent "))
        rate = float(np.mean([row.kbps for row in group]))
        clips = {row.clip for row in group}
        base = [_value(r, "rmse_8k_linear") for name, r in baseline_rows(rows, latents).items() if name in clips]
        found.append(
            Tier(
                system,
                latents,
                f"{latents} x {FRAMES}",
                counted(latents),
                nominal(latents),
                rate,
                PCM_KBPS / rate,
                *interval(group, "rmse_8k_linear"),
                *interval(group, "rmse_8k_relative"),
                *interval(group, "rmse_8k"),
                *interval(group, "rmse_44k"),
                float(np.mean(base)) if base else None,
                COLUMN.get(latents),
                BASELINE_COLUMN.get(latents),
                len(group),
                artist_count(group),
            )
        )
    order = list(dict.fromkeys(tier.system for tier in found))
    return sorted(found, key=lambda tier: (order.index(tier.system), -tier.latents))


def study_table(lines: Sequence[Tier]) -> str:
    """The lines as markdown: the study's unit first, then the logarithmic one."""
    head = ["system", "latents per segment", "counted (1000 bit/s)", "measured (1000 bit/s)", "ratio to PCM"]
    linear = [*head, "linear RMSE 8 kHz", "relative", "resampled at the counted rate"]
    linear += ["founding study (other songs)", "its resampling (other songs)"]
    logarithmic = [*head, "nominal (1024 bit/s)", "log RMSE 8 kHz", "log RMSE 44.1 kHz"]

    def common(tier: Tier) -> list[str]:
        rates = [f"{tier.counted_kbps:.4g}", f"{tier.measured_kbps:.1f}", f"{tier.ratio:.0f} : 1"]
        return [tier.system, tier.grid, *rates]

    first = [
        [
            *common(tier),
            stated(tier.rmse_8k_linear, tier.rmse_8k_linear_half, 3),
            stated(tier.rmse_8k_relative, tier.rmse_8k_relative_half, 3),
            *(f"{v:.3g}" if v is not None else "-" for v in (tier.baseline, tier.founding, tier.founding_baseline)),
        ]
        for tier in lines
    ]
    second = [
        [
            *common(tier),
            f"{tier.nominal_kbps:.1f}",
            stated(tier.rmse_8k, tier.rmse_8k_half, 3),
            stated(tier.rmse_44k, tier.rmse_44k_half, 3),
        ]
        for tier in lines
    ]
    clips, artists = max((tier.clips, tier.artists) for tier in lines)
    over = f"Mean over {clips} clips of {artists} artists ± 95 % interval over artists; every tier at its default step."
    note = (
        f"Root mean square error of linear magnitude spectra of mono music at 8 kHz (512 samples, hop 128, "
        f"unnormalised). {over} That the study's column is in this unit is inferred from the curve of its baseline; "
        "its text does not say, and versions of its authors' code hold logarithms as well."
        " Its songs are others, and linear errors grow with "
        "their loudness: the column relative (error over the original's magnitudes) does not. Counted: 16 bits for "
        f"each latent, as the study counts; measured: whole files. Resampled is the study's baseline on these clips: "
        "mono at 8 kHz, resampled to the rate whose raw 16-bit size is the counted rate, and back. In the study this "
        f"baseline has the smaller error at every rate. PCM is 16-bit stereo at 44.1 kHz, {PCM_KBPS:g} kbit/s."
    )
    more = (
        f"The same clips and tiers by root mean square error of natural-log magnitudes, not comparable with the "
        f"study's column. {over} Nominal: 4 bits a latent, the ceiling that this codec names. The study's time-domain "
        "autoencoder compresses 8 times and has no RMSE; a model with 175 latents is the one of that size."
    )
    return "\n".join(
        [
            section(TITLES[0], note, linear, first),
            section(TITLES[1], more, logarithmic, second),
        ]
    )


def _value(row: Row, metric: str) -> float:
    return row.metrics.get(metric, float("nan"))


def write_study(lines: Sequence[Tier], target: Path) -> None:
    """The lines as csv, a column per field of `Tier`."""
    write_csv(target, list(Tier.__dataclass_fields__), map(asdict, lines))
