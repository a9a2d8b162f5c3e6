"""Pre-echo and noise-to-mask as markdown tables, for clips with known onsets."""

from collections.abc import Sequence

import numpy as np

from training.evaluation.compare import Row, groups, interval, paired, stated
from training.markdown import section
from training.metrics.catalogue import seen_note


def pre_echo_table(rows: Sequence[Row], ours: str | None, others: Sequence[str]) -> str:
    """Mean pre-echo of every system and setting over the clips with onsets; empty if there are none."""
    known = [row for row in rows if np.isfinite(row.metrics.get("pre_echo_original_db", np.nan))]
    if not known:
        return ""
    originals = list({row.clip: row for row in known}.values())
    lines = [["original", "", "", _show(originals, "pre_echo_original_db"), *("" for _ in others if ours)]]
    for (system, setting), group in groups(known).items():
        cells = [system, setting, f"{np.mean([row.kbps for row in group]):.2f}"]
        cells.append(_show(group, "pre_echo_db"))
        for other in others if ours else ():
            found = paired(group, [row for row in known if row.system == other], "pre_echo_db")
            shown = f"{stated(found.mean, found.half, 1, '+')} {found.verdict}" if found.clips else "-"
            cells.append(shown if system == ours else "")
        lines.append(cells)
    note = (
        f"Mean power from 25 to 1 ms before known onsets in dB relative to the original's transient, over "
        f"{len(originals)} clips ± 95 % interval; lower is better, and nothing counts as lower than -100. Advantages "
        f"are at equal measured rate, + is better for the first system. {seen_note(['pre_echo_db'])}"
    )
    heads = [f"advantage over {other}" for other in others] if ours else []
    return section("Pre-echo", note, ["system", "setting", "kbit/s", "pre-echo dB", *heads], lines)


def signal_tables(rows: Sequence[Row], ours: str, others: Sequence[str]) -> str:
    """Our advantage over each peer on every single clip at each of our rates, for few clips of known kinds."""
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
                value = f"{np.mean([row.metrics[metric] for row in group]):.1f}" if group else "-"
                cells.append(f"{value} ({found.mean:+.1f})" if found.clips else f"{value} (-)")
            lines.append(cells)
    note = (
        f"What {ours} leaves in dB, and in brackets its advantage over the other at equal measured rate on that one "
        f"clip; + is better for {ours}, - where the other has no file at that rate. " + seen_note([metric])
    )
    return section(f"{name} by signal", note, ["signal", "against", *settings], lines)


def _show(rows: Sequence[Row], metric: str) -> str:
    return stated(*interval(rows, metric), 1)
