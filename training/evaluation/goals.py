"""The project's goals for sound, judged by measured rows: reached or not, with the numbers.

'Ahead' means that the 95 % interval of the paired difference over clips, at equal measured rate, excludes zero.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from training.evaluation import founding
from training.evaluation.bd_rate import saving
from training.evaluation.compare import WIDTH_LIMIT, Difference, Row, curve_rows, groups, mean_width, paired, stated
from training.markdown import section
from training.metrics.catalogue import seen_note

TITLE = "Goals"
LEADS = {"visqol": "ViSQOL", "mel": "mel", "stft": "STFT", "rmse_44k": "log RMSE 44.1 kHz"}
NAMES = {**LEADS, "nmr": "NMR dB"}
AHEAD, NOT_BEHIND = ("ahead",), ("ahead", "level")
TWICE_RATES = (8.0, 12.0, 16.0)
EQUAL_RATES = (24.0, 32.0, 48.0, 64.0, 96.0)
NMR_RATE = 48.0
SAVED = {"mel": 40.0, "stft": 40.0, "visqol": 25.0}  # per cent against Opus
TOP_RATE = 126.0
_ECHO = "pre-echo not above Opus's"
FULL_BAND = 0.9  # share of the original's bandwidth that counts as full band

REACHED, MISSED, UNJUDGED, UNOPPOSED = "reached", "**not reached**", "not judged", "no file at that rate"


class Check(NamedTuple):
    """One comparison under a goal."""

    goal: int
    what: str
    verdict: str
    numbers: str


def judge(rows: Sequence[Row], ours: str) -> list[Check]:
    """Every comparison that the goals ask for, in order; 'not judged' where this run has no rows for it.

    A run over clips with known onsets (`training.evaluation.stress`) is judged by goal 7, any other run by the others.
    """
    if any("pre_echo_original_db" in row.metrics for row in rows):
        return _stress(rows, ours)
    checks = [_twice(rows, ours, kbps) for kbps in TWICE_RATES]
    for kbps in EQUAL_RATES:
        metrics = [*LEADS, "nmr"] if kbps >= NMR_RATE else list(LEADS)
        checks += [_equal(2, rows, ours, peer, kbps, metrics, AHEAD) for peer in ("opus", "lame", "aac", "vorbis")]
    checks += [_saved(rows, ours, metric, least) for metric, least in SAVED.items()]
    checks += [_equal(4, rows, ours, peer, TOP_RATE, [*LEADS, "nmr"], NOT_BEHIND) for peer in ("opus", "vorbis")]
    checks += _founding(rows, ours)
    return [*checks, *_start(rows, ours)]


def goals_table(rows: Sequence[Row], ours: str) -> str:
    """The comparisons as markdown, under one line per goal."""
    checks = judge(rows, ours)
    sums = []
    for goal in dict.fromkeys(check.goal for check in checks):
        verdicts = [check.verdict for check in checks if check.goal == goal]
        judged = [verdict for verdict in verdicts if verdict in (REACHED, MISSED)]
        kept = sum(verdict == REACHED for verdict in judged)
        word = MISSED if MISSED in judged else REACHED if judged and UNJUDGED not in verdicts else UNJUDGED
        sums.append(f"- Goal {goal}: {word} ({kept} of {len(judged)} judged, {len(verdicts)} asked)")
    note = "\n".join(
        [
            "+ is better for the first, ± is the 95 % interval of the paired difference at equal measured rate. A peer "
            "without a file at a rate is not compared there. Stress signals count one by one.\n",
            *sums,
        ]
    )
    return section(TITLE, note, ["goal", "what", "verdict", "numbers"], [[str(c[0]), *c[1:]] for c in checks])


def multiple_table(rows: Sequence[Row], ours: str, other: str, ratio: float) -> str:
    """Our every rate against the other's curve at `ratio` times our measured rate."""
    theirs = curve_rows(rows, other)
    lines = []
    for (system, setting), group in groups(rows).items():
        differences = [paired(group, theirs, metric, ratio) for metric in LEADS] if system == ours else []
        if any(found.clips for found in differences):
            rate = float(np.mean([row.kbps for row in group]))
            shown = [_show(found) for found in differences]
            lines.append([setting, f"{rate:.2f}", f"{rate * ratio:.2f}", f"{differences[0].clips}", *shown])
    note = f"Mean advantage ± 95 % interval (share of clips won), + is better for the first. {seen_note(LEADS)}"
    head = ["setting", "kbit/s", f"{other} at kbit/s", "clips", *LEADS.values()]
    return section(f"{ours} against {other} at {ratio:g} times the rate", note, head, lines) if lines else ""


def _at(rows: Sequence[Row], system: str, setting: str) -> list[Row]:
    return [row for row in rows if row.system == system and row.setting == setting]


def _compare(
    own: Sequence[Row], theirs: Sequence[Row], metrics: Sequence[str], wanted: Sequence[str], ratio: float = 1.0
) -> tuple[str, str]:
    if not own or not theirs:
        return UNJUDGED, ""
    found = {metric: paired(own, theirs, metric, ratio) for metric in metrics}
    if not any(difference.clips for difference in found.values()):
        return UNOPPOSED, ""
    shown = [f"{NAMES[metric]} {_show(difference)}" for metric, difference in found.items()]
    clips = min(difference.clips for difference in found.values())
    verdict = REACHED if all(difference.verdict in wanted for difference in found.values()) else MISSED
    return verdict, "; ".join([*shown, f"{clips} clips"])


def _twice(rows: Sequence[Row], ours: str, kbps: float) -> Check:
    own = _at(rows, ours, f"{kbps:g} kbit/s")
    verdict, numbers = _compare(own, curve_rows(rows, "opus"), list(LEADS), AHEAD, 2.0)
    if verdict in (REACHED, MISSED):
        band = float(np.mean([row.metrics["bandwidth_kept"] for row in own]))
        width = mean_width(own)
        numbers += f"; bandwidth kept {band:.0%}, stereo width off by {width:.1f} dB"
        if band < FULL_BAND or width >= WIDTH_LIMIT:
            verdict = MISSED
    return Check(1, f"{kbps:g} kbit/s ahead of Opus at {2 * kbps:g}, full-band stereo", verdict, numbers)


def _equal(
    goal: int,
    rows: Sequence[Row],
    ours: str,
    peer: str,
    kbps: float,
    metrics: Sequence[str],
    wanted: Sequence[str],
) -> Check:
    own, theirs = _at(rows, ours, f"{kbps:g} kbit/s"), curve_rows(rows, peer)
    leads = [metric for metric in metrics if metric in LEADS]
    verdict, numbers = _compare(own, theirs, leads, wanted)
    if "nmr" in metrics and verdict in (REACHED, MISSED):
        second, more = _compare(own, theirs, ["nmr"], NOT_BEHIND)
        verdict, numbers = MISSED if second == MISSED else verdict, f"{numbers}; {more}"
    word = "ahead of" if wanted == AHEAD else "not behind"
    extra = ", NMR not behind" if "nmr" in metrics and wanted == AHEAD else ""
    return Check(goal, f"{kbps:g} kbit/s {word} {peer}{extra}", verdict, numbers)


def _saved(rows: Sequence[Row], ours: str, metric: str, least: float) -> Check:
    what = f"{least:g} % of bitrate saved against Opus by {LEADS[metric]}"
    found = saving(curve_rows(rows, ours), curve_rows(rows, "opus"), metric, both_intervals=False)
    if not np.isfinite(found.per_clip):
        return Check(3, what, UNJUDGED, "")
    low, high = (-edge for edge in reversed(found.per_clip_interval))
    numbers = f"{-found.per_clip:.0f} % [{low:.0f}, {high:.0f}] by clip, {-found.on_means:.0f} % on means"
    return Check(3, what, REACHED if -found.per_clip >= least else MISSED, f"{numbers}; {found.clips} clips")


def _founding(rows: Sequence[Row], ours: str) -> list[Check]:
    """Linear errors against the founding study's, and against its baseline on the same songs, which needs no belief."""
    tiers = (tier for tier in founding.tiers(rows) if tier.system == ours)
    measured = {tier.latents: tier for tier in tiers if np.isfinite(tier.rmse_8k_linear)}
    checks = []
    for latents, value in founding.COLUMN.items():
        tier = measured.get(latents)
        verdict = UNJUDGED if tier is None else REACHED if tier.rmse_8k_linear < value else MISSED
        numbers = (
            f"{stated(tier.rmse_8k_linear, tier.rmse_8k_linear_half, 3)} at {tier.measured_kbps:.1f} kbit/s"
            if tier
            else ""
        )
        what = f"linear RMSE 8 kHz of tier {latents} under {value:g} (other songs; the unit is inferred)"
        checks.append(Check(5, what, verdict, numbers))
        found = founding.under_baseline(rows, ours, latents)
        rate = f"{founding.counted(latents):.4g} kbit/s"
        what = f"linear RMSE 8 kHz of tier {latents} under resampling at {rate}, same songs"
        verdict = (REACHED if found.verdict == "ahead" else MISSED) if found.clips else UNJUDGED
        numbers = f"{stated(found.mean, found.half, 3)} under it" if found.clips else ""
        checks.append(Check(5, what, verdict, numbers))
    return checks


def _start(rows: Sequence[Row], ours: str) -> list[Check]:
    start = next((row.system for row in rows if row.system != ours and row.system.endswith("start")), "aez:start")
    theirs = curve_rows(rows, start)
    checks = []
    for (system, setting), group in groups(rows).items():
        if system == ours and setting.startswith("latent "):
            verdict, numbers = _compare(group, theirs, ["mel", "stft", "visqol"], AHEAD)
            checks.append(Check(6, f"{setting} ahead of the untrained start at its rate", verdict, numbers))
    against = [(name, curve_rows(rows, system)) for name, system in (("the start", start), ("Opus", "opus"))]
    for name, other in against:
        found = saving(curve_rows(rows, ours), other, "mel", both_intervals=False)
        if np.isfinite(found.per_clip):
            numbers = f"{-found.per_clip:+.0f} % by clip, {-found.on_means:+.0f} % on means; {found.clips} clips"
            checks.append(Check(6, f"bitrate saved against {name} at equal mel distance, stated", REACHED, numbers))
        else:
            checks.append(Check(6, f"bitrate saved against {name} at equal mel distance, stated", UNJUDGED, ""))
    return checks


def _stress(rows: Sequence[Row], ours: str) -> list[Check]:
    checks = []
    for (system, setting), group in groups(rows).items():
        if system == ours:
            for peer, metric, what in (("lame", "nmr", "LAME not ahead on NMR"), ("opus", "pre_echo_db", _ECHO)):
                verdict, numbers = _each(group, curve_rows(rows, peer), metric)
                checks.append(Check(7, f"stress, {setting}: {what} on any signal", verdict, numbers))
    return checks


def _each(own: Sequence[Row], theirs: Sequence[Row], metric: str) -> tuple[str, str]:
    """Not behind on any single clip, whatever the mean.

    The signals are few and unlike each other, so that an interval over them would be too wide for anything to miss the
    goal. Therefore every signal counts by itself.
    """
    if not own or not theirs:
        return UNJUDGED, ""
    pairs = [(row.clip, paired([row], theirs, metric)) for row in own if np.isfinite(row.metrics.get(metric, np.nan))]
    known = [(clip, found.mean) for clip, found in pairs if found.clips]
    if not known:
        return UNOPPOSED, ""
    behind = sorted((mean, clip) for clip, mean in known if mean < 0)
    shown = ", ".join(f"{clip} {mean:+.1f} dB" for mean, clip in behind)
    numbers = f"behind on {len(behind)} of {len(known)} signals" + (f": {shown}" if behind else "")
    missing = sorted(clip for clip, found in pairs if not found.clips)
    numbers += f"; no file at that rate: {', '.join(missing)}" if missing else ""
    return MISSED if behind else REACHED, numbers


def _show(found: Difference) -> str:
    return f"{stated(found.mean, found.half, 2, '+')} ({found.wins:.0%}) {found.verdict}" if found.clips else "-"
