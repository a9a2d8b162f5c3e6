"""Every metric that tables rank: its title, which way is better, and whether training has seen it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

_LEAST = 1e-9  # ratio, so that the logarithm of a fluctuation of 0 is finite


class Better(Enum):
    """Which values of a metric are better than others."""

    HIGHER = "higher is better"
    LOWER = "lower is better"
    NEAR_ZERO = "closer to 0 is better"
    NEAR_ONE = "closer to 1 is better"  # for ratios: a half is as far as two


@dataclass(frozen=True)
class Metric:
    """What is known of a metric apart from its definition."""

    title: str
    better: Better
    seen: bool = False
    """Whether the loss of `training.ranked.objective` contains it or something like it."""
    digits: int = 2

    def merit(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Values turned so that higher is better: negated, or the negated distance to the goal; nan stays.

        The distance of a ratio to 1 is the size of its natural logarithm.

        Shape:
            - values: any, as is the result
        """
        x = np.asarray(values, np.float64)
        if self.better is Better.HIGHER:
            return x
        if self.better is Better.LOWER:
            return -x
        return -np.abs(x if self.better is Better.NEAR_ZERO else np.log(np.maximum(x, _LEAST)))


METRICS = {
    "mel": Metric("mel", Better.LOWER, seen=True),
    "stft": Metric("STFT", Better.LOWER, seen=True),
    "visqol": Metric("ViSQOL", Better.HIGHER, seen=True),
    "rmse_44k": Metric("log RMSE 44.1 kHz", Better.LOWER, seen=True),
    "rmse_8k": Metric("log RMSE 8 kHz", Better.LOWER, seen=True),
    "rmse_8k_linear": Metric("linear RMSE 8 kHz", Better.LOWER, seen=True, digits=3),
    "rmse_8k_relative": Metric("relative RMSE 8 kHz", Better.LOWER, seen=True, digits=3),
    "nmr": Metric("NMR dB", Better.LOWER, seen=True),
    # The loss has the error of coefficients, which is that of samples.
    "si_sdr": Metric("SI-SDR", Better.HIGHER, seen=True),
    "si_sdr_mid": Metric("SI-SDR mid", Better.HIGHER, seen=True),
    "si_sdr_side": Metric("SI-SDR side", Better.HIGHER, seen=True),
    "bandwidth_kept": Metric("bandwidth", Better.HIGHER),
    "pre_echo_db": Metric("pre-echo dB", Better.LOWER),
    "zimtohrli": Metric("Zimtohrli", Better.HIGHER),
    "peaks_2k": Metric("peaks 2-4 kHz", Better.HIGHER, digits=3),
    "peaks_4k": Metric("peaks 4-8 kHz", Better.HIGHER, digits=3),
    "peaks_8k": Metric("peaks 8-15 kHz", Better.HIGHER, digits=3),
    "envelope_slow": Metric("slow envelope", Better.HIGHER, digits=3),
    "envelope_fast": Metric("fast envelope", Better.HIGHER, digits=3),
    "envelope_slow_2k": Metric("slow envelope 2-4 kHz", Better.HIGHER, digits=3),
    "envelope_fast_2k": Metric("fast envelope 2-4 kHz", Better.HIGHER, digits=3),
    "envelope_slow_4k": Metric("slow envelope 4-8 kHz", Better.HIGHER, digits=3),
    "envelope_fast_4k": Metric("fast envelope 4-8 kHz", Better.HIGHER, digits=3),
    "envelope_slow_8k": Metric("slow envelope 8-15 kHz", Better.HIGHER, digits=3),
    "envelope_fast_8k": Metric("fast envelope 8-15 kHz", Better.HIGHER, digits=3),
    "fluctuation_4k": Metric("fluctuation 4-8 kHz", Better.NEAR_ONE, digits=3),
    "fluctuation_8k": Metric("fluctuation 8-15 kHz", Better.NEAR_ONE, digits=3),
    "attack_before_db": Metric("before attacks dB", Better.LOWER),
    "attack_loss_db": Metric("attack loss dB", Better.LOWER),
    # The loss has the power of bands (`training.ranked.losses.level_distance`).
    "level_0k": Metric("level 0-2 kHz dB", Better.NEAR_ZERO, seen=True),
    "level_2k": Metric("level 2-4 kHz dB", Better.NEAR_ZERO, seen=True),
    "level_4k": Metric("level 4-8 kHz dB", Better.NEAR_ZERO, seen=True),
    "level_8k": Metric("level 8-15 kHz dB", Better.NEAR_ZERO, seen=True),
    "loudness_error": Metric("loudness phon", Better.LOWER),
    "ild_error": Metric("ILD dB", Better.LOWER),
    "coherence_error": Metric("coherence", Better.LOWER, digits=3),
}

PANEL = (
    *("zimtohrli", "peaks_2k", "peaks_4k", "peaks_8k", "envelope_slow", "envelope_fast", "envelope_fast_4k"),
    *("fluctuation_4k", "fluctuation_8k", "attack_before_db", "attack_loss_db"),
    *("level_0k", "level_2k", "level_4k", "level_8k", "loudness_error", "ild_error", "coherence_error"),
)
"""The metrics of `training.metrics.panel` that tables show; those of more bands stay in results.csv."""


def seen_note(names: Iterable[str]) -> str:
    """A sentence for a table: which of its metrics training has seen."""
    metrics = [METRICS[name] for name in names]
    seen, unseen = ([m.title for m in metrics if m.seen is wanted] for wanted in (True, False))
    if not seen:
        return "Training has seen none of these metrics: its loss contains nothing like them."
    if not unseen:
        return "Training has seen all of these metrics: its loss contains them, or something like them."
    return f"Training has seen {', '.join(seen)}, or something like them, in its loss, and not {', '.join(unseen)}."
