"""Tables of the panel, and of the songs with voices."""

from tests.support.rows import row
from training.evaluation import panel_tables, tables
from training.evaluation.compare import Row
from training.metrics.catalogue import METRICS, PANEL


def cell(text: str, start: str, column: str) -> str:
    """What a table has in a column, in the first line that starts so."""
    lines = text.splitlines()
    line = next(i for i, x in enumerate(lines) if x.startswith(start))
    head = next(x for x in reversed(lines[:line]) if "kbit/s |" in x and "---" not in x and "setting" in x)
    cells = lines[line].strip("| ").split(" | ")
    return cells[head.strip("| ").split(" | ").index(column)]


def measured() -> list[Row]:
    ours = [row(c, 16, zimtohrli=4.0 + i / 100, peaks_4k=0.5, level_4k=-1.0) for i, c in enumerate("abc")]
    theirs = [row(c, r, "opus", zimtohrli=3.0, peaks_4k=0.625, level_4k=2.0) for c in "abc" for r in (8, 32)]
    return [*ours, *theirs]


def test_means_have_every_metric_of_the_panel() -> None:
    text = panel_tables.panel_means(measured())
    assert all(METRICS[name].title in text for name in PANEL)
    assert cell(text, "| aez", "Zimtohrli") == "4.01"
    assert cell(text, "| aez", "peaks 4-8 kHz") == "0.500"
    assert cell(text, "| aez", "level 4-8 kHz dB") == "-1.00"
    assert "Closer to 0 is better: level 0-2 kHz dB, level 2-4 kHz dB" in text
    assert "Training has seen level 0-2 kHz dB, level 2-4 kHz dB, level 4-8 kHz dB, level 8-15 kHz dB" in text
    assert "and not Zimtohrli, peaks 2-4 kHz" in text


def test_comparison_judges_levels_by_their_size() -> None:
    text = panel_tables.panel_comparison(measured(), "aez", "opus")
    assert cell(text, "| 8 kbit/s", "Zimtohrli") == "+1.01 ± 0.02 (100%) ahead"
    assert cell(text, "| 8 kbit/s", "peaks 4-8 kHz") == "-0.125 ± 0.000 (0%) behind"
    assert cell(text, "| 8 kbit/s", "level 4-8 kHz dB") == "+1.00 ± 0.00 (100%) ahead"
    assert cell(text, "| 8 kbit/s", "ahead, level, behind") == f"**2, {len(PANEL) - 3}, 1**"


def test_results_without_a_panel_have_no_tables() -> None:
    old = [Row(**{**vars(r), "metrics": {"mel": 1.0}}) for r in measured()]
    assert panel_tables.panel_means(old) == panel_tables.panel_comparison(old, "aez", "opus") == ""


def test_a_clip_without_a_value_is_left_out() -> None:
    rows = [*measured(), row("d", 16, zimtohrli=float("nan")), row("d", 8, "opus")]
    assert cell(panel_tables.panel_means(rows), "| aez", "Zimtohrli") == "4.01"
    assert cell(panel_tables.panel_comparison(rows, "aez", "opus"), "| 8 kbit/s", "clips") == "3 - 1"


def test_fewer_clips_of_one_metric_are_told() -> None:
    rows = [row("a", 16, attack_loss_db=float("nan")) if r.clip == "a" and r.system == "aez" else r for r in measured()]
    text = panel_tables.panel_comparison(rows, "aez", "opus")
    assert cell(text, "| 8 kbit/s", "attack loss dB") == "+0.00 ± 0.00 (0%) level, 2 clips"


def test_voices_are_compared_apart() -> None:
    rows = [*measured(), row("d", 16, zimtohrli=1.0), *(row("d", r, "opus", zimtohrli=2.0) for r in (8, 32))]
    text = panel_tables.voices_table(rows, "aez", ["opus"], {"a", "d"})
    assert "The 2 clips of songs" in text
    assert cell(text, "| opus | 8 kbit/s", "Zimtohrli").startswith("+0.00 ±")
    assert cell(text, "| opus | 8 kbit/s", "clips") == "2"
    assert panel_tables.voices_table(rows, "aez", ["opus"], set()) == ""
    whole = tables.report(rows, "aez", [], 10, voices={"a", "d"})
    assert whole.index("## Means") < whole.index("## Panel: means") < whole.index("## aez against opus\n")
    assert whole.index("## aez against opus\n") < whole.index("## Panel: aez against opus") < whole.index("## Voices")
    assert "## Voices" not in tables.report(rows, "aez", [], 10)
