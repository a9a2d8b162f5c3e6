"""Goals, judged on curves with known shifts."""

from tests.support.rows import curve, tier
from training.evaluation import goals
from training.evaluation.compare import Row


def verdicts(rows: list[Row], goal: int) -> list[str]:
    return [check.verdict for check in goals.judge(rows, "aez") if check.goal == goal]


def test_twice_the_rate() -> None:
    opus = curve("opus", 0)
    assert verdicts([*curve("aez", 1.1), *opus], 1) == [goals.REACHED] * 3
    assert verdicts([*curve("aez", 0.9), *opus], 1) == [goals.MISSED] * 3
    assert verdicts([*curve("aez", 1.1, (8, 16)), *opus], 1) == [goals.REACHED, goals.UNJUDGED, goals.REACHED]
    assert verdicts(curve("aez", 1.1), 1) == [goals.UNJUDGED] * 3
    assert verdicts([*curve("aez", 1.1, bandwidth_kept=0.5), *opus], 1) == [goals.MISSED] * 3
    assert verdicts([*curve("aez", 1.1, width_error_db=-4.0), *opus], 1) == [goals.MISSED] * 3
    numbers = goals.judge([*curve("aez", 1.25), *opus], "aez")[0].numbers
    assert "mel +0.25 ± 0.00 (100%) ahead" in numbers
    assert "4 clips" in numbers


def test_equal_rate_and_noise_to_mask_from_48_up() -> None:
    peers = [r for name in ("opus", "lame", "aac", "vorbis") for r in curve(name, 0)]
    assert verdicts([*curve("aez", 0.5), *peers], 2) == [goals.REACHED] * 20
    noisy = curve("aez", 0.5, nmr=50.0)
    assert verdicts([*noisy, *peers], 2) == [goals.REACHED] * 8 + [goals.MISSED] * 12
    assert verdicts([*curve("aez", -0.5), *peers], 2) == [goals.MISSED] * 20
    few = [*curve("opus", 0), *curve("lame", 0), *curve("aac", 0, (48, 64, 96)), *curve("vorbis", 0, (48, 96))]
    found = verdicts([*curve("aez", 0.5), *few], 2)
    assert found[:4] == [goals.REACHED, goals.REACHED, goals.UNOPPOSED, goals.UNOPPOSED]
    assert found[8:] == [goals.REACHED] * 12


def test_bitrate_saved() -> None:
    # A shift of s doublings saves 1 - 2^-s of the rate at equal quality: 30 % at s = 0.515, 50 % at s = 1.
    opus = curve("opus", 0)
    assert verdicts([*curve("aez", 0.515), *opus], 3) == [goals.MISSED, goals.MISSED, goals.REACHED]
    assert verdicts([*curve("aez", 1), *opus], 3) == [goals.REACHED] * 3
    assert verdicts(curve("aez", 1), 3) == [goals.UNJUDGED] * 3
    numbers = [check.numbers for check in goals.judge([*curve("aez", 1), *opus], "aez") if check.goal == 3]
    assert numbers[0].startswith("50 % [50, 50] by clip, 50 % on means")


def test_the_top_asks_for_not_behind() -> None:
    peers = [*curve("opus", 0, (64, 128)), *curve("vorbis", 0, (64, 128))]
    assert verdicts([*curve("aez", 0), *peers], 4) == [goals.REACHED] * 2
    assert verdicts([*curve("aez", -0.2), *peers], 4) == [goals.MISSED] * 2
    assert verdicts([*curve("aez", 0.2, nmr=50.0), *peers], 4) == [goals.MISSED] * 2


def test_founding_column_row_by_row() -> None:
    rows = [*tier(512, 60, 0.86), *tier(256, 30, 0.81), *tier(32, 5, 1.6)]
    found = verdicts(rows, 5)
    assert found[::2] == [goals.REACHED, goals.MISSED, goals.UNJUDGED, goals.UNJUDGED, goals.REACHED]
    assert found[1::2] == [goals.UNJUDGED] * 5
    # Logarithms decide nothing, and neither does the study's column where its baseline is there on the same songs.
    logs = [Row(**{**vars(r), "metrics": {**r.metrics, "rmse_8k": 9.0}}) for r in rows]
    base = curve("resample-8k", 0, (126, 63), rmse_8k_linear=0.85)
    assert verdicts([*logs, *base], 5)[::2] == found[::2]
    assert verdicts([*logs, *base], 5)[1::2] == [goals.MISSED, goals.REACHED, *[goals.UNJUDGED] * 3]


def test_the_untrained_start() -> None:
    start = curve("aez:start", 0)
    rows = [*curve("aez", 1), *tier(128, 16, 1.0), *tier(512, 64, 0.5, shift=-1.0)]
    found = [check for check in goals.judge([*rows, *start], "aez") if check.goal == 6]
    assert [check.verdict for check in found] == [goals.REACHED, goals.MISSED, goals.REACHED, goals.UNJUDGED]
    assert found[2].numbers.startswith("+50 % by clip")
    assert verdicts(rows, 6)[0] == goals.UNJUDGED


def test_stress_is_judged_where_onsets_are_known() -> None:
    def echo(system: str, shift: float, level: float) -> list[Row]:
        return curve(system, shift, (16, 32), pre_echo_db=level, pre_echo_original_db=-90.0)

    good = [*echo("aez", 1, -60), *echo("lame", 0, -40), *echo("opus", 0, -50)]
    assert verdicts(good, 7) == [goals.REACHED] * 4
    one = [
        Row(**{**vars(r), "metrics": {**r.metrics, "nmr": 99.0}}) if r.clip == "c" else r for r in echo("aez", 1, -60)
    ]
    found = goals.judge([*one, *good[len(one) :]], "aez")
    assert [check.verdict for check in found] == [goals.MISSED, goals.REACHED] * 2
    assert "behind on 1 of 4 signals: c -8" in found[0].numbers
    loud = [*echo("aez", 1, -40), *echo("lame", 2, -40), *echo("opus", 0, -50)]
    assert verdicts(loud, 7) == [goals.MISSED] * 4
    assert verdicts([*curve("aez", 1), *curve("lame", 0)], 7) == []
    far = [*echo("aez", 1, -60), *curve("lame", 0, (64, 96)), *echo("opus", 0, -50)]
    assert verdicts(far, 7) == [goals.UNOPPOSED, goals.REACHED] * 2
    assert verdicts(echo("aez", 1, -60), 7) == [goals.UNJUDGED] * 4


def test_table_sums_up_every_goal() -> None:
    rows = [*curve("aez", 1.1), *curve("opus", 0)]
    text = goals.goals_table(rows, "aez")
    assert "- Goal 1: reached (3 of 3 judged, 3 asked)" in text
    assert "- Goal 2: not judged (5 of 5 judged, 20 asked)" in text
    assert "- Goal 5: not judged (0 of 0 judged, 10 asked)" in text
    missed = goals.goals_table([*curve("aez", 0.5), *curve("opus", 0)], "aez")
    assert "- Goal 1: **not reached** (0 of 3 judged, 3 asked)" in missed


def test_multiple_of_the_rate() -> None:
    text = goals.multiple_table([*curve("aez", 1.5), *curve("opus", 0)], "aez", "opus", 2.0)
    line = next(x for x in text.splitlines() if x.startswith("| 12 kbit/s | 12.00 | 24.00 | 4 |"))
    assert line.count("+0.50 ± 0.00 (100%) ahead") == 4
    assert "| 96 kbit/s |" not in text  # nothing of Opus's lies at 192
    assert goals.multiple_table(curve("aez", 1), "aez", "opus", 2.0) == ""
