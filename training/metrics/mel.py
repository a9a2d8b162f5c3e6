"""The mel filterbank that metrics and losses share."""

import numpy as np
from numpy.typing import NDArray


def mel_filters(rate: int, size: int, bands: int) -> NDArray[np.float64]:
    """Slaney's area-normalised triangles from 0 Hz to half the rate, the default of librosa and of DAC's losses.

    Linear below 1 kHz (3 mels to 200 Hz), logarithmic above (27 mels to a factor of 6.4); Slaney 1998.

    Shape:
        -> [bands, size / 2 + 1], to be applied to magnitudes of an FFT of `size`.
    """
    log_step = np.log(6.4) / 27
    top = 15 + np.log(rate / 2 / 1000) / log_step if rate > 2000 else rate / 2 * 3 / 200
    mels = np.linspace(0, top, bands + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(log_step * (mels - 15)))
    f = np.arange(size // 2 + 1) * rate / size
    width = np.diff(edges)
    up = (f - edges[:-2, None]) / width[:-1, None]
    down = (edges[2:, None] - f) / width[1:, None]
    return np.maximum(0, np.minimum(up, down)) * (2 / (edges[2:] - edges[:-2]))[:, None]
