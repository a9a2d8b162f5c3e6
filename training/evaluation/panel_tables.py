"""The panel as markdown: means of every system, comparisons, and those on songs with voices."""

from collections.abc import Collection, Sequence

import numpy as np

from training.evaluation.compare import Difference, Row, curve_rows, finite_mean, groups, paired, stated
from training.markdown import section
from training.metrics.catalogue import METRICS, PANEL, Better, seen_note

VOICE_METRICS = (
    *("zimtohrli", "mel", "visqol", "nmr"),
    *("peaks_4k", "envelope_fast", "envelope_fast_4k", "attack_before_db", "attack_loss_db", "loudness_error"),
)
"""Metrics that are compared on songs with voices."""


def panel_means(rows: Sequence[Row]) -> str:
    """One line per system and setting: mean metrics of the panel (clips without a value left out); empty without."""
    if not _measured(rows):
        return ""
    lines = []
    for (system, setting), group in groups(rows).items():
        rate = f"{np.mean([row.kbps for row in group]):.2f}"
        means = ((name, finite_mean(row.metrics.get(name, np.nan) for row in group)) for name in PANEL)
        values = (f"{mean:.{METRICS[name].digits}f}" for name, mean in means)
        lines.append([system, setting, rate, *values])
    note = f"{_senses()} {seen_note(PANEL)} Their definitions stand in training/metrics."
    return section("Panel: means", note, ["system", "setting", "kbit/s", *(METRICS[n].title for n in PANEL)], lines)


def panel_comparison(rows: Sequence[Row], ours: str, other: str) -> str:
    """Every metric of the panel at our every setting, against the other's curve at our measured rate; + is better."""
    if not _measured(rows):
        return ""
    lines = []
    for setting, group in _settings(rows, ours):
        lines.append([setting, *_cells(group, curve_rows(rows, other), PANEL)])
    note = (
        "Mean advantage ± 95 % interval (share of clips won) and verdict, + is better for the first; of levels and "
        f"fluctuations what counts is how close they are to the original's. A number of clips is given where a metric "
        f"has fewer, because few clips have attacks or tones. {seen_note(PANEL)}"
    )
    head = ["setting", "kbit/s", "clips", *(METRICS[name].title for name in PANEL), "ahead, level, behind"]
    return section(f"Panel: {ours} against {other}", note, head, lines)


def voices_table(rows: Sequence[Row], ours: str, others: Sequence[str], voices: Collection[str]) -> str:
    """Our advantage over every other system on the clips named in `voices`; empty without such clips."""
    sung = [row for row in rows if row.clip in voices]
    lines = []
    for other in others:
        for setting, group in _settings(sung, ours):
            lines.append([other, setting, *_cells(group, curve_rows(sung, other), VOICE_METRICS)])
    if not lines:
        return ""
    clips = len({row.clip for row in sung})
    note = (
        f"The {clips} clips of songs that the manifest says have voices. Mean advantage of {ours} at its measured rate "
        f"± 95 % interval (share of clips won) and verdict, + is better for {ours}. {seen_note(VOICE_METRICS)}"
    )
    titles = (METRICS[name].title for name in VOICE_METRICS)
    head = ["against", "setting", "kbit/s", "clips", *titles, "ahead, level, behind"]
    return section("Voices", note, head, lines)


def shown(found: Difference, digits: int = 2) -> str:
    """A cell: mean advantage, half of the interval, share of clips won and verdict; - without clips."""
    if not found.clips:
        return "-"
    return f"{stated(found.mean, found.half, digits, '+')} ({found.wins:.0%}) {found.verdict}"


def _cells(group: Sequence[Row], theirs: Sequence[Row], names: Sequence[str]) -> list[str]:
    # Rate, number of clips, an advantage for each metric, and how many of the metrics are ahead, level and behind.
    found = {name: paired(group, theirs, name) for name in names}
    verdicts = [difference.verdict for difference in found.values()]
    count = ", ".join(str(verdicts.count(word)) for word in ("ahead", "level", "behind"))
    first = found[names[0]]
    clips = f"{first.clips}" + (f" - {first.dropped}" if first.dropped else "")
    cells = [
        shown(difference, METRICS[name].digits)
        + (f", {difference.clips} clips" if 0 < difference.clips < first.clips else "")
        for name, difference in found.items()
    ]
    return [f"{np.mean([row.kbps for row in group]):.2f}", clips, *cells, f"**{count}**"]


def _settings(rows: Sequence[Row], ours: str) -> list[tuple[str, list[Row]]]:
    return [(setting, group) for (system, setting), group in groups(rows).items() if system == ours]


def _measured(rows: Sequence[Row]) -> bool:
    # Results of older versions have no panel.
    return any(name in row.metrics for row in rows for name in PANEL)


def _senses() -> str:
    parts = []
    for better in Better:
        titles = [METRICS[name].title for name in PANEL if METRICS[name].better is better]
        parts.append(f"{better.value[0].upper()}{better.value[1:]}: {', '.join(titles)}.")
    return " ".join(parts)
