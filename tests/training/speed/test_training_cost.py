"""The cost of a large training, on paper."""

import pytest

from training.speed.training_cost import COLLECTIONS, Assumed, cost, main


def test_cost_follows_from_what_was_measured() -> None:
    audio = COLLECTIONS["FMA full"][1]
    one, eight = (cost(audio, gpus, Assumed()) for gpus in (1, 8))
    assert one.training == pytest.approx(343 * 86_400 / (17 * 32 * 4) / 3600)
    assert eight.training == pytest.approx(one.training / 7.2) and eight.decoding == pytest.approx(one.decoding / 8)
    assert one.storage == eight.storage == pytest.approx(343 * 86_400 * 176_400 / 1e12)
    assert cost(audio, 1, Assumed(passes=3)).training == pytest.approx(3 * one.training)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert "## Measured" in shown and "## Assumed" in shown and shown.count("| FMA full | ") == 2
    assert main(["--efficiency", "1.5"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
