"""Markdown from measured rows: means of every system, and comparisons of one with the others."""

from collections.abc import Collection, Sequence

import numpy as np

from training.evaluation import bd_rate, founding, goals, panel_tables, pre_echo_tables
from training.evaluation.compare import (
    Row,
    artist_count,
    claim,
    curve_rows,
    finite_mean,
    groups,
    mean_width,
    paired,
)
from training.markdown import section
from training.metrics.catalogue import METRICS, seen_note
from training.metrics.clip import RATE

COLUMNS = {
    name: METRICS[name].title
    for name in ("visqol", "nmr", "mel", "stft", "rmse_8k_linear", "rmse_8k", "rmse_44k", "si_sdr", "bandwidth_kept")
}
MEANS = "Means"
"""Title of the table of means."""

COMPARED = ("mel", "stft", "visqol", "rmse_44k", "nmr", "si_sdr")


def report(
    rows: Sequence[Row],
    ours: str | None,
    failures: Sequence[str],
    seconds: float,
    ratio: float = 2.0,
    voices: Collection[str] = (),
    note: str = "",
) -> str:
    """The whole table.md, goals first.

    Opus is also compared at `ratio` times our rate, and all others on the clips named in `voices` alone.
    """
    clips = len({row.clip for row in rows})
    artists = artist_count(rows)
    over = f"{clips} clip{'s' * (clips != 1)} of {seconds:g} s by {artists} artist{'s' * (artists != 1)}"
    head = f"# {over}\n\nRates are whole files in 1000 bit/s. 95 % intervals count artists, not clips; a song whose "
    head += "artist is unknown is one of its own.\n"
    parts = [f"{head}\n**{note}.**\n" if note else head]
    others = [name for name in dict.fromkeys(row.system for row in rows) if name != ours]
    own = [row for row in rows if row.system == ours]
    if ours and own and others:
        parts.append(goals.goals_table(rows, ours))
    if lines := founding.tiers(rows):
        parts.append(founding.study_table(lines))
    if ours and own and others:
        parts.append(bd_rate.savings_table(rows, ours, others))
        parts.append(goals.multiple_table(rows, ours, "opus", ratio) if ratio > 1 else "")
    parts += [means(rows), panel_tables.panel_means(rows)]
    echoes = pre_echo_tables.pre_echo_table(rows, ours, others)
    parts += [echoes, pre_echo_tables.signal_tables(rows, ours, others) if echoes and ours else ""]
    for other in others if ours else ():
        parts += [comparison(rows, ours or "", other), panel_tables.panel_comparison(rows, ours or "", other)]
    parts.append(panel_tables.voices_table(rows, ours, others, voices) if ours else "")
    if failures:
        parts.append("## Failed\n\n" + "\n".join(f"- {line}" for line in failures) + "\n")
    return "\n".join(part for part in parts if part)


def means(rows: Sequence[Row]) -> str:
    """One line per system and setting: mean measured rate and mean metrics (clips without a value left out)."""
    head = ["system", "setting", "kbit/s", "most off", *COLUMNS.values(), "width dB", "clipped", "length"]
    lines = []
    for (system, setting), group in groups(rows).items():
        values = [finite_mean(row.metrics[name] for row in group) for name in COLUMNS]
        exact = sum(not row.length_error for row in group)
        samples = sum(row.seconds for row in group) * RATE * 2
        tail = [f"{mean_width(group):.1f}", f"{sum(row.metrics['clipped'] for row in group) / samples:.4%}"]
        length = "exact" if exact == len(group) else f"{exact}/{len(group)}"
        rate = f"{np.mean([row.kbps for row in group]):.2f}"
        lines.append([system, setting, rate, _most_off(group), *(f"{v:.2f}" for v in values), *tail, length])
    note = (
        "Most off: the largest difference of a file from the rate asked for. Clipped: share of samples at full scale. "
    )
    note += f"{seen_note(COLUMNS)} "
    if any(row.system == "resample" for row in rows):
        note += "System resample is resampling to the rate whose raw 16-bit stereo size is the bitrate, and back. "
    if any(row.system == founding.BASELINE for row in rows):
        note += f"System {founding.BASELINE} is the founding study's baseline, the same of mono music at 8 kHz."
    return section(MEANS, note.strip(), head, lines)


def comparison(rows: Sequence[Row], ours: str, other: str) -> str:
    """Our every setting against the other system's curve at our measured rate, clip by clip; + is better for us."""
    theirs = curve_rows(rows, other)
    head = ["setting", "kbit/s", "clips", *(COLUMNS[name] for name in COMPARED), "width dB", "verdict"]
    lines = []
    for (system, setting), group in groups(rows).items():
        if system != ours:
            continue
        first = paired(group, theirs, COMPARED[0])
        cells = [setting, f"{np.mean([row.kbps for row in group]):.2f}", f"{first.clips}"]
        cells[2] += f" - {first.dropped}" if first.dropped else ""
        cells += [panel_tables.shown(paired(group, theirs, name)) for name in COMPARED]
        lines.append([*cells, f"{mean_width(group):.1f}", f"**{claim(group, theirs)}**"])
    note = (
        "Mean advantage ± 95 % interval (share of clips won), + is better for the first. Clips outside the second's "
        f"measured rates are left out, their number after the minus. {seen_note(COMPARED)}"
    )
    return section(f"{ours} against {other}", note, head, lines)


def _most_off(group: Sequence[Row]) -> str:
    asked, _, unit = group[0].setting.partition(" ")
    if unit != "kbit/s":
        return "-"
    return f"{max(abs(row.kbps / float(asked) - 1) for row in group):.1%}"
