"""The mel filterbank against triangles drawn one by one."""

import numpy as np
import pytest

from tests.support.signals import RATE, slow_filterbank
from training.metrics import spectral
from training.metrics.mel import mel_filters


@pytest.mark.parametrize("window, mels", spectral.MEL_SCALES)
def test_filterbank_equals_slow(window: int, mels: int) -> None:
    np.testing.assert_allclose(mel_filters(RATE, window, mels).T, slow_filterbank(window, mels), atol=1e-12)
