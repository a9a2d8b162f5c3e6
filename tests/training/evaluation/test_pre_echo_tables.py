"""Tables of pre-echo, and of each signal."""

from training.evaluation.compare import Row
from training.evaluation.pre_echo_tables import pre_echo_table, signal_tables


def test_tables_show_pre_echo_and_each_signal() -> None:
    def measured(system: str, level: float, nmr: float) -> list[Row]:
        values = {"pre_echo_db": level, "pre_echo_original_db": -90.0, "nmr": nmr}
        return [
            Row(clip, system, f"{rate} kbit/s", float(rate), 10, 1, 1, 1, 0, {**values, "pre_echo_db": level - i})
            for i, clip in enumerate("ab")
            for rate in (16, 32)
        ]

    rows = [*measured("aez", -60, -5), *measured("opus", -50, -4)]
    text = pre_echo_table(rows, "aez", ["opus"])
    assert "| original |  |  | -90.0 ± 0.0 |" in text
    assert "| aez | 16 kbit/s | 16.00 | -60.5 ± 6.4 | +10.0 ± 0.0 ahead |" in text
    assert "| opus | 32 kbit/s | 32.00 | -50.5 ± 6.4 |  |" in text
    signals = signal_tables([*rows, *measured("lame", -40, -6)[:1]], "aez", ["opus", "lame"])
    assert "| b | opus | -5.0 (+1.0) | -5.0 (+1.0) |" in signals
    assert "| b | opus | -61.0 (+10.0) | -61.0 (+10.0) |" in signals
    assert "| a | lame | -5.0 (-1.0) | -5.0 (-) |" in signals
    plain = [Row("a", "aez", "16 kbit/s", 16.0, 10, 1, 1, 1, 0, {"nmr": 1.0})]
    assert pre_echo_table(plain, "aez", []) == ""
