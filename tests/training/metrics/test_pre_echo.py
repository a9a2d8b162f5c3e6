"""Pre-echo is measured where it is put."""

import numpy as np
import pytest

from training.metrics import pre_echo

RATE = 44100


@pytest.mark.parametrize("decibel", [-20.0, -50.0])
def test_pre_echo_of_known_energy(decibel: float) -> None:
    reference = np.zeros((2, RATE), np.float32)
    reference[:, RATE // 2 : RATE // 2 + 2000] = 0.5
    decoded = reference.copy()
    decoded[:, RATE // 2 - 2000 : RATE // 2] = 0.5 * 10 ** (decibel / 20)
    assert pre_echo.pre_echo(reference, decoded, [0.5]) == pytest.approx(decibel, abs=1e-4)
    assert pre_echo.pre_echo(reference, reference, [0.5]) == pre_echo.FLOOR
    one_side = reference.copy()
    one_side[0] = decoded[0]
    assert pre_echo.pre_echo(reference, one_side, [0.5]) == pytest.approx(decibel - 10 * np.log10(2), abs=1e-4)


def test_pre_echo_averages_ratios_and_skips_what_it_cannot_judge() -> None:
    reference = np.zeros((1, RATE))
    reference[:, [10000, 30000]] = 1
    decoded = reference.copy()
    decoded[0, 10000 - 500] = 0.1
    # One transient of two has an echo of a hundredth of its energy, in 24 ms against the 20 of the transient.
    span = round((10000 / RATE - 0.001) * RATE) - round((10000 / RATE - 0.025) * RATE)
    expected = 10 * np.log10(0.01 * 882 / span / 2)
    onsets = [10000 / RATE, 30000 / RATE]
    assert pre_echo.pre_echo(reference, decoded, onsets) == pytest.approx(expected, abs=1e-6)
    # Too near an end, or nothing after it: not counted.
    assert pre_echo.pre_echo(reference, decoded, [0.01, 0.995, 0.5, *onsets]) == pytest.approx(expected, abs=1e-6)
    assert np.isnan(pre_echo.pre_echo(reference, decoded, [0.01, 0.5]))
