"""A panel of judges that the training loss does not contain, but for levels of bands.

Networks learn to satisfy what they are trained on (Goodhart's law), so a gain that only the trained metrics see is not
one. These metrics look elsewhere: at tones, at envelopes, at attacks, at levels, and between the channels.
"""

from training.metrics.attacks import attacks
from training.metrics.bands import check_pair
from training.metrics.envelopes import envelopes
from training.metrics.interaural import interaural
from training.metrics.levels import levels
from training.metrics.spectral import FloatArray
from training.metrics.tonal_peaks import tonal_peaks
from training.metrics.zimtohrli_mos import zimtohrli_mos


def panel(reference: FloatArray, decoded: FloatArray) -> dict[str, float]:
    """Every metric of the panel, whose definitions the functions have that compute them.

    Returns:
        zimtohrli (1 to 5), peaks_2k, peaks_4k, peaks_8k (0 to 1), envelope_slow, envelope_fast and both with _2k, _4k,
        _8k (-1 to 1), fluctuation_4k, fluctuation_8k (ratios), attack_before_db, attack_loss_db, level_0k, level_2k,
        level_4k, level_8k (dB), loudness_error (phon), ild_error (dB), coherence_error (0 to 1). Each is nan where the
        reference has nothing to measure.

    Shape:
        - reference, decoded: [C, N] at 44.1 kHz, C 1 or 2, equal

    Raises:
        UsageError: unequal or empty shapes.
    """
    check_pair(reference, decoded)
    return {
        "zimtohrli": zimtohrli_mos(reference, decoded),
        **tonal_peaks(reference, decoded),
        **envelopes(reference, decoded),
        **attacks(reference, decoded),
        **levels(reference, decoded),
        **interaural(reference, decoded),
    }
