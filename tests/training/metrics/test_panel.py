"""The panel orders what listeners would order, on music that is made here."""

import numpy as np
import pytest

from formats.errors import UsageError
from tests.support.signals import RATE, ensemble, holes, low_pass, noise, opus, shaped_noise
from training.metrics import clip
from training.metrics.catalogue import METRICS, PANEL
from training.metrics.panel import panel

LEVELS = ("level_0k", "level_2k", "level_4k", "level_8k")
SHARES = ("peaks_2k", "peaks_4k", "peaks_8k", "envelope_slow", "envelope_fast", "envelope_fast_4k")
ERRORS = ("attack_before_db", "attack_loss_db", *LEVELS, "loudness_error", "ild_error", "coherence_error")
OPUS = (0.97, 0.9, 0.75, 0.5)  # compression levels of libsndfile: rates rise


@pytest.fixture(scope="module")
def song() -> np.ndarray:
    return ensemble()


@pytest.fixture(scope="module")
def coded(song: np.ndarray) -> list[dict[str, float]]:
    return [panel(song, opus(song, level)) for level in OPUS]


@pytest.fixture(scope="module")
def noisy(song: np.ndarray) -> dict[str, float]:
    """Measured with noise in place of everything above 3.5 kHz."""
    return panel(song, shaped_noise(song, 3500))


def test_a_copy_is_perfect(song: np.ndarray) -> None:
    result = panel(song, song.copy())
    for name in (*SHARES, "fluctuation_4k", "fluctuation_8k"):
        assert result[name] == pytest.approx(1, abs=1e-6), name
    for name in ERRORS:
        assert result[name] == 0, name
    assert result["zimtohrli"] == 5


@pytest.mark.parametrize("name", ["zimtohrli", *SHARES, "attack_before_db", "attack_loss_db", "loudness_error"])
def test_more_bits_are_better(coded: list[dict[str, float]], name: str) -> None:
    merits = [float(METRICS[name].merit(result[name])) for result in coded]
    assert merits == sorted(merits)
    assert merits[-1] > merits[0] + 0.01


@pytest.mark.parametrize("name", ["ild_error", "coherence_error"])
def test_more_bits_place_sounds_better(coded: list[dict[str, float]], name: str) -> None:
    values = [result[name] for result in coded]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.5 * values[0]


def test_low_passes_lose_what_they_cut(song: np.ndarray) -> None:
    wide, narrow = (panel(song, low_pass(song, hz)) for hz in (7000, 3500))
    assert 5 > wide["zimtohrli"] > narrow["zimtohrli"] + 0.5
    assert [wide["peaks_2k"], wide["peaks_8k"], narrow["peaks_4k"], narrow["peaks_8k"]] == [1, 0, 0, 0]
    assert wide["envelope_fast"] > narrow["envelope_fast"] + 0.1
    assert abs(narrow["envelope_fast_4k"]) < 0.1 < 0.8 < wide["envelope_fast_4k"]
    assert narrow["fluctuation_4k"] == wide["fluctuation_8k"] == pytest.approx(0.1)
    assert wide["level_8k"] == narrow["level_8k"] == narrow["level_4k"] == -30
    assert abs(wide["level_2k"]) < 0.01
    assert narrow["loudness_error"] > wide["loudness_error"] + 2
    assert narrow["attack_loss_db"] > wide["attack_loss_db"] + 2


def test_noise_keeps_levels_and_kills_peaks_and_fast_envelopes(noisy: dict[str, float]) -> None:
    assert noisy["peaks_4k"] < 0.02
    assert noisy["peaks_8k"] < 0.02
    assert abs(noisy["envelope_fast_4k"]) < 0.1
    assert all(abs(noisy[name]) < 1 for name in LEVELS)
    assert noisy["loudness_error"] < 0.6
    assert noisy["zimtohrli"] < 3.5
    assert noisy["envelope_slow"] > noisy["envelope_fast"] + 0.1


def test_holes_are_worse_than_nothing_missing_and_better_than_noise(song: np.ndarray, noisy: dict[str, float]) -> None:
    few, many = (panel(song, holes(song, share)) for share in (0.1, 0.3))
    for name in ("zimtohrli", *SHARES):
        assert few[name] > many[name] + 0.02, name
    for name in ("peaks_4k", "envelope_fast_4k"):
        assert many[name] > noisy[name] + 0.2, name
    for name in LEVELS:
        assert many[name] < few[name] < -0.2, name


@pytest.mark.parametrize("decibel", [-3.0, 3.0])
def test_a_gain_changes_levels_alone(song: np.ndarray, decibel: float) -> None:
    result = panel(song, song * np.float32(10 ** (decibel / 20)))
    for name in LEVELS:
        assert result[name] == pytest.approx(decibel, abs=1e-3), name
    assert result["loudness_error"] == pytest.approx(2.99, abs=0.05)
    assert result["zimtohrli"] > 4.95
    for name in (*SHARES, "fluctuation_4k", "fluctuation_8k"):
        assert result[name] == pytest.approx(1, abs=1e-3), name
    assert result["ild_error"] < 1e-3 > result["coherence_error"]


def test_folding_to_mono_is_heard_between_the_channels() -> None:
    x = ensemble()
    wide = panel(x, np.repeat(x.mean(axis=0, keepdims=True), 2, axis=0))
    assert wide["ild_error"] > 4
    assert wide["coherence_error"] > 0.05
    assert wide["zimtohrli"] > 4
    assert all(abs(wide[name]) < 1 for name in LEVELS)
    mono = x.mean(axis=0, keepdims=True)
    single, double = (
        panel(mono, low_pass(mono, 9000)),
        panel(*(np.repeat(z, 2, 0) for z in (mono, low_pass(mono, 9000)))),
    )
    assert np.isnan(single["ild_error"])
    assert double["ild_error"] == pytest.approx(0, abs=1e-6)
    for name in ("zimtohrli", *SHARES):
        assert single[name] == pytest.approx(double[name], abs=1e-6), name


@pytest.mark.parametrize("samples", [1, 300, 5000, 17640])
def test_what_is_short_or_silent_is_nan_or_finite_but_no_error(samples: int) -> None:
    x = noise(samples / RATE + 1e-6)
    short = panel(x, 0.9 * x)
    assert np.isnan(short["zimtohrli"])
    assert np.isnan(short["peaks_4k"])
    assert np.isnan(short["attack_loss_db"])
    assert short["level_2k"] == pytest.approx(20 * np.log10(0.9), abs=1e-2) or samples == 1
    assert all(np.isnan(value) for value in panel(0 * x, x).values())
    assert not any(np.isinf(value) for value in panel(x, 0 * x).values())


def test_everything_of_the_panel_but_levels_is_unseen_and_in_the_catalogue() -> None:
    x = noise(1.0)
    result = panel(x, x)
    assert set(PANEL) <= set(result) <= set(METRICS)
    assert {name for name in result if METRICS[name].seen} == {f"level_{k}k" for k in (0, 2, 4, 8)}
    assert result.keys() <= clip.measure(x, x).keys()


@pytest.mark.parametrize("shape", [(2, 99), (1, 100), (3, 100), (100,)])
def test_unequal_or_odd_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        panel(np.zeros((2, 100), np.float32), np.zeros(shape, np.float32))
