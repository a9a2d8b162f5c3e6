"""Tables of means and comparisons."""

from tests.support.rows import better, row, worse
from training.evaluation import tables
from training.evaluation.compare import Row


def test_report_shows_means_and_verdicts() -> None:
    ours = better(16)
    text = tables.report([*ours, *worse()], "aez", ["song: lame failed"], 10)
    assert "# 4 clips of 10 s" in text
    compared = text.split("## aez against opus\n")[1]
    line = next(x for x in compared.splitlines() if x.startswith("| 8 kbit/s | 16.00 |"))
    assert "| 4 |" in line
    assert "+1.00 ± 0.00 (100%) ahead" in line
    assert line.endswith("**ahead** |")
    assert "- song: lame failed" in text


def test_means_tell_how_far_off_a_rate_is_and_how_much_clips() -> None:
    asked = [row("a", 7.9), row("b", 8.4)]
    asked = [
        Row(**{**vars(r), "metrics": {**r.metrics, "clipped": c}}) for r, c in zip(asked, (0.0, 1764.0), strict=True)
    ]
    tier = [row("a", 20, "aez", "latent 64")]
    lines = tables.means([*asked, *tier]).splitlines()
    head = next(line for line in lines if line.startswith("| system")).split(" | ")
    first, second = (line.split(" | ") for line in lines if line.startswith("| aez"))
    assert (first[head.index("most off")], second[head.index("most off")]) == ("5.0%", "-")
    assert first[head.index("clipped")] == "0.1000%"  # 1764 of two clips of ten seconds of stereo


def test_tiers_are_no_part_of_a_curve_that_has_rates() -> None:
    rated = [row("a", r, "aez:x", f"{r} kbit/s", mel=1.0) for r in (8, 32)]
    tiers = [row("a", 16, "aez:x", "latent 64", mel=9.0), row("a", 4, "aez:x", "latent 32", mel=9.0)]
    first = [row("a", 16, mel=0.5)]
    assert "+0.50 (one artist) (100%) level" in tables.comparison([*first, *rated, *tiers], "aez", "aez:x")
    assert "-0.50" not in tables.comparison([*first, *tiers], "aez", "aez:x")
    assert "+8.50" in tables.comparison([*first, *tiers], "aez", "aez:x")
