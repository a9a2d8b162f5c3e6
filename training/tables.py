"""Markdown from measured rows: means of every system, and comparisons of one with the others."""

from collections.abc import Sequence

import numpy as np

from training.compare import Row, claim, mean_width, paired

COLUMNS = {
    "visqol": "ViSQOL",
    "nmr": "NMR dB",
    "mel": "mel",
    "stft": "STFT",
    "rmse_8k": "RMSE 8 kHz",
    "rmse_44k": "RMSE 44.1 kHz",
    "si_sdr": "SI-SDR",
    "bandwidth_kept": "bandwidth",
}
COMPARED = ("mel", "stft", "visqol", "rmse_44k", "nmr", "si_sdr")


def report(rows: Sequence[Row], ours: str | None, failures: Sequence[str], seconds: float) -> str:
    """The whole table.md: means, then one comparison per other system."""
    clips = len({row.clip for row in rows})
    parts = [f"# {clips} clips of {seconds:g} s\n\nRates are whole files in 1000 bit/s.\n", means(rows)]
    others = [name for name in dict.fromkeys(row.system for row in rows) if name != ours]
    parts += [comparison(rows, ours, other) for other in others if ours]
    if failures:
        parts.append("## Failed\n\n" + "\n".join(f"- {line}" for line in failures) + "\n")
    return "\n".join(parts)


def means(rows: Sequence[Row]) -> str:
    """One line per system and setting: mean measured rate and mean metrics (clips without a value left out)."""
    head = ["system", "setting", "kbit/s", *COLUMNS.values(), "width dB", "clipped", "length"]
    lines = ["## Means\n", _line(head), _line(["---"] * len(head))]
    for (system, setting), group in _groups(rows).items():
        values = [_mean([row.metrics[name] for row in group]) for name in COLUMNS]
        exact = sum(not row.length_error for row in group)
        tail = [f"{mean_width(group):.1f}", f"{sum(row.metrics['clipped'] for row in group):.0f}"]
        length = "exact" if exact == len(group) else f"{exact}/{len(group)}"
        rate = f"{np.mean([row.kbps for row in group]):.2f}"
        lines.append(_line([system, setting, rate, *(f"{v:.2f}" for v in values), *tail, length]))
    return "\n".join(lines) + "\n"


def comparison(rows: Sequence[Row], ours: str, other: str) -> str:
    """Our every setting against the other system's curve at our measured rate, clip by clip; + is better for us."""
    theirs = _curve_rows([row for row in rows if row.system == other])
    head = ["setting", "kbit/s", "clips", *(COLUMNS[name] for name in COMPARED), "width dB", "verdict"]
    lines = [
        f"## {ours} against {other}\n",
        "Mean advantage ± 95 % interval (share of clips won), + is better for the first. Clips outside the second's "
        "measured rates are left out, their number after the minus.\n",
        _line(head),
        _line(["---"] * len(head)),
    ]
    for (system, setting), group in _groups(rows).items():
        if system != ours:
            continue
        first = paired(group, theirs, COMPARED[0])
        cells = [setting, f"{np.mean([row.kbps for row in group]):.2f}", f"{first.clips}"]
        cells[2] += f" - {first.dropped}" if first.dropped else ""
        for name in COMPARED:
            found = paired(group, theirs, name)
            interval = f"{found.mean:+.2f} ± {found.half:.2f} ({found.wins:.0%})"
            cells.append(f"{interval} {found.verdict}" if found.clips else "-")
        lines.append(_line([*cells, f"{mean_width(group):.1f}", f"**{claim(group, theirs)}**"]))
    return "\n".join(lines) + "\n"


def _curve_rows(rows: Sequence[Row]) -> list[Row]:
    # A system's curve runs over the rates it was asked for; tiers are points beside it unless they are all there is.
    asked = [row for row in rows if "kbit/s" in row.setting]
    return asked if len({row.setting for row in asked}) > 1 else list(rows)


def _groups(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.system, row.setting), []).append(row)
    return groups


def _mean(values: Sequence[float]) -> float:
    kept = [value for value in values if np.isfinite(value)]
    return float(np.mean(kept)) if kept else float("nan")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
