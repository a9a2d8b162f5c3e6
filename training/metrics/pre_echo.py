"""Pre-echo: energy that a codec leaves before attacks whose places are known.

A folder's manifest.csv may carry a column `onsets`, seconds from the start of the song with spaces between. What was
silent or quiet just before an onset shows best what a transform codec spreads there.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from training.evaluation.compare import Row, groups, interval, paired
from training.evaluation.markdown import section
from training.metrics.spectral import FloatArray

BEFORE = (0.025, 0.001)  # seconds before an onset between which pre-echo is looked for
AFTER = 0.02  # seconds after an onset whose energy is the attack's
FLOOR = -100.0  # dB


def find_onsets(music: Path) -> dict[str, tuple[float, ...]]:
    """Onsets in seconds by the path of the song in the folder's manifest; empty without manifest or column."""
    manifest = music / "manifest.csv"
    if not manifest.is_file():
        return {}
    with manifest.open(newline="", encoding="utf-8") as f:
        rows = [(row["path"], row.get("onsets") or "") for row in csv.DictReader(f)]
    return {path: tuple(float(word) for word in words.split()) for path, words in rows if words.split()}


def pre_echo(reference: FloatArray, decoded: FloatArray, onsets: Sequence[float], rate: int = 44100) -> float:
    """Mean power from 25 to 1 ms before the onsets in dB of the original's mean power in the 20 ms after them.

    The mean over onsets is of the ratios, before the logarithm; -100 at least. Onsets less than 25 ms from either end,
    or with silence after them, do not count; nan if none counts. The same of the original, as `decoded`, says how
    much is meant to be there.

    Shape:
        - reference, decoded: [C, N], equal
    """
    ratios = []
    for onset in onsets:
        start, stop, end = (round((onset + shift) * rate) for shift in (-BEFORE[0], -BEFORE[1], AFTER))
        first = round(onset * rate)
        if start < 0 or end > reference.shape[1]:
            continue
        attack = float((reference[:, first:end].astype(np.float64) ** 2).mean())
        if attack > 0:
            ratios.append(float((decoded[:, start:stop].astype(np.float64) ** 2).mean()) / attack)
    if not ratios:
        return float("nan")
    return max(FLOOR, float(10 * np.log10(np.mean(ratios) + 1e-30)))


def pre_echo_table(rows: Sequence[Row], ours: str | None, others: Sequence[str]) -> str:
    """Mean pre-echo of every system and setting over the clips with onsets; empty if there are none."""
    known = [row for row in rows if np.isfinite(row.metrics.get("pre_echo_original_db", np.nan))]
    if not known:
        return ""
    originals = {row.clip: row.metrics["pre_echo_original_db"] for row in known}
    lines = [["original", "", "", _show(originals.values()), *("" for _ in others if ours)]]
    for (system, setting), group in groups(known).items():
        cells = [system, setting, f"{np.mean([row.kbps for row in group]):.2f}"]
        cells.append(_show(row.metrics["pre_echo_db"] for row in group))
        for other in others if ours else ():
            found = paired(group, [row for row in known if row.system == other], "pre_echo_db")
            shown = f"{found.mean:+.1f} ± {found.half:.1f} {found.verdict}" if found.clips else "-"
            cells.append(shown if system == ours else "")
        lines.append(cells)
    note = (
        f"Mean power from 25 to 1 ms before known onsets in dB of the original's attack, over {len(originals)} clips "
        "± 95 % interval; lower is better, -100 is as low as is counted. Advantages are at equal measured rate, "
        "+ is better for the first system."
    )
    heads = [f"advantage over {other}" for other in others] if ours else []
    return section("Pre-echo", note, ["system", "setting", "kbit/s", "pre-echo dB", *heads], lines)


def signal_tables(rows: Sequence[Row], ours: str, others: Sequence[str]) -> str:
    """Our advantage over each peer on every single clip at each of our rates: for few clips of known kinds."""
    names = {"nmr": "Noise-to-mask", "pre_echo_db": "Pre-echo"}
    return "\n".join(_signals(rows, ours, others, metric, name) for metric, name in names.items())


def _signals(rows: Sequence[Row], ours: str, others: Sequence[str], metric: str, name: str) -> str:
    own = [row for row in rows if row.system == ours and np.isfinite(row.metrics.get(metric, np.nan))]
    settings = list(dict.fromkeys(row.setting for row in own))
    lines = []
    for clip in dict.fromkeys(row.clip for row in own):
        for other in others:
            theirs = [row for row in rows if row.system == other and row.clip == clip]
            cells = [clip, other]
            for setting in settings:
                group = [row for row in own if row.clip == clip and row.setting == setting]
                found = paired(group, theirs, metric)
                level = f"{np.mean([row.metrics[metric] for row in group]):.1f}" if group else "-"
                cells.append(f"{level} ({found.mean:+.1f})" if found.clips else f"{level} (-)")
            lines.append(cells)
    note = (
        f"What {ours} leaves in dB, and in brackets its advantage over the other at equal measured rate on that one "
        f"clip; + is better for {ours}, - where the other has no file at that rate."
    )
    return section(f"{name} by signal", note, ["signal", "against", *settings], lines)


def _show(values: Iterable[float]) -> str:
    mean, half = interval(values)
    return f"{mean:.1f} ± {half:.1f}"
