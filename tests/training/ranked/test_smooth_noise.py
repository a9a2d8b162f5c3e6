"""Smooth noise fluctuates less than random noise, and is what the codec's inverse transform plays."""

from pathlib import Path

import numpy as np
import pytest
import torch

from codec.dsp import window_switching
from codec.dsp.window_switching import LONG
from formats.grid import COEFFICIENTS, HOP
from training.ranked import smooth_noise


@pytest.mark.parametrize("hop", [HOP, LONG])
def test_smooth_noise_fluctuates_less_than_random_noise(hop: int) -> None:
    pattern, before, after = smooth_noise.smooth(hop, 6)
    assert pattern.shape == (126, COEFFICIENTS)
    assert after < 0.95 * before
    x = smooth_noise.sound(pattern, hop)
    # The ring is closed: the codec's inverse transform of three repetitions has the same samples in its middle.
    three = torch.cat([pattern] * 3).numpy() * smooth_noise.QUIET
    long_windows = np.full((3, 7), hop == LONG)
    if hop == LONG:
        wanted = window_switching.inverse(three)[:, 127 * HOP : 250 * HOP]
    else:
        wanted = window_switching.inverse_transform(three, long_windows)[:, 127 * HOP : 250 * HOP]
    start = (127 - 126 + 18) * HOP - hop + (HOP // 2 if hop == LONG else 0)  # by which long windows begin earlier
    np.testing.assert_allclose(x[:2, start : start + wanted.shape[1]], wanted, atol=1e-5)


def test_the_command_writes_what_training_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern = torch.full((126, COEFFICIENTS), 2.0)
    monkeypatch.setattr(smooth_noise, "smooth", lambda hop, steps: (pattern * hop / HOP, float(steps), 0.5))
    assert smooth_noise.main(["--out", str(tmp_path / "noise.npy"), "--steps", "3"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "long windows: deviation 3.000 -> 0.500"
    made = np.load(tmp_path / "noise.npy", allow_pickle=False)
    assert made.shape == (2, 126, COEFFICIENTS) and made.dtype == np.float32
    np.testing.assert_allclose(made.mean((1, 2)), smooth_noise.LOUDER * np.array([2, 4]), rtol=1e-5)


@pytest.mark.parametrize("target", ["absent/noise.npy", "folder"])
def test_a_file_that_cannot_be_written_is_told_before_the_descent(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(smooth_noise, "smooth", lambda hop, steps: pytest.fail("it began"))
    assert smooth_noise.main(["--out", str(tmp_path / target)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("smooth-noise: ") and str(tmp_path / target) in told and told.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder"]
