"""The fastest way to compute a decoder is found, whatever fails."""

import pytest
import torch

from training.ranked import tuning
from training.ranked.network import Decoder
from training.ship.tiny import untrained


def test_the_fastest_layout_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    model = untrained()
    inputs = tuning.plausible(1, 6, torch.device("cpu"))
    before = model.decoder(*inputs)
    found = tuning.tune(model, 1, 6, bf16=True, compiled=False)
    assert found.keys() == tuning.LAYOUTS.keys() and min(found.values()) > 0
    assert all(p.grad is None for p in model.parameters())

    times = iter([2.0, 1.0])
    monkeypatch.setattr(tuning, "step_time", lambda *_, **__: next(times))
    tuning.tune(model, 1, 6, bf16=False, compiled=False)
    assert model.decoder.trunk.layout == torch.channels_last
    torch.testing.assert_close(model.decoder(*inputs), before)


@pytest.mark.parametrize("last", [RuntimeError("no compiler"), 3.0, 0.5])
def test_compiling_may_fail(
    last: Exception | float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, times = untrained(), iter([2.0, 1.0, last])

    def timed(*_: object, **__: object) -> float:
        if isinstance(value := next(times), Exception):
            raise value
        return value

    monkeypatch.setattr(tuning, "step_time", timed)
    monkeypatch.setattr(Decoder, "compile", lambda self, **_: setattr(self, "_compiled_call_impl", len))
    tuning.tune(model, 1, 6, bf16=False, compiled=True)
    assert (model.decoder._compiled_call_impl is not None) == (last == 0.5)
    assert ("no compiler" in capsys.readouterr().err) == isinstance(last, Exception)
