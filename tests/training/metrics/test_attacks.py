"""Attacks are found where they are put, and what is put before them or taken from them is measured."""

import numpy as np
import pytest

from tests.support.signals import RATE
from training.metrics.attacks import attacks, find_attacks

STARTS = (20000, 33000, 46000, 59000)


def hits(starts: tuple[int, ...] = STARTS, before: float = 0.01, seed: int = 0) -> np.ndarray:
    """Mono noise of 40 ms at each start over soft noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, 80000)) * before
    for start in starts:
        x[:, start : start + 1764] += rng.standard_normal(1764) * 0.2
    return x.astype(np.float32)


def test_onsets_are_found_to_a_millisecond() -> None:
    np.testing.assert_allclose(find_attacks(hits()), np.array(STARTS) / RATE, atol=0.0015)
    silent = hits(before=0)
    np.testing.assert_allclose(find_attacks(silent), np.array(STARTS) / RATE, atol=0.0015)
    side = np.concatenate([0 * silent, silent])
    np.testing.assert_allclose(find_attacks(side), np.array(STARTS) / RATE, atol=0.0015)


def test_small_rises_and_second_strokes_are_no_onsets() -> None:
    assert len(find_attacks(hits(before=0.15))) == 0  # rises by 4 dB
    assert len(find_attacks(hits((20000, 21800)))) == 1  # 41 ms apart
    assert len(find_attacks(hits((20000, 23600)))) == 2  # 82 ms apart
    assert len(find_attacks(1e-3 * hits())) == 0
    assert np.isnan(list(attacks(hits(STARTS[:2]), hits(STARTS[:2])).values())).all()


@pytest.mark.parametrize("decibel", [3.0, 10.0, -10.0])
def test_echo_of_known_power(decibel: float) -> None:
    reference, decoded = hits(), hits()
    for start in STARTS:
        decoded[:, start - 1323 : start] *= 10 ** (decibel / 20)
    result = attacks(reference, decoded)
    assert result["attack_before_db"] == pytest.approx(max(decibel, 0), abs=0.1)
    assert result["attack_loss_db"] == pytest.approx(0, abs=0.01)


def test_too_little_before_one_attack_makes_up_for_nothing() -> None:
    reference, decoded = hits(), hits()
    for start, decibel in zip(STARTS, (20, -20, 10, -10), strict=True):
        decoded[:, start - 1323 : start] *= 10 ** (decibel / 20)
    assert attacks(reference, decoded)["attack_before_db"] == pytest.approx(30 / 4, abs=0.2)


def test_what_the_attack_masks_is_not_counted() -> None:
    reference = hits(before=0)
    echo = reference + hits((), before=0.2e-3 * 10**-0.5, seed=1)  # 70 dB below
    assert attacks(reference, echo)["attack_before_db"] == 0
    louder = reference + hits((), before=0.2e-2, seed=1)  # 40 dB below, 10 above what is heard
    assert attacks(reference, louder)["attack_before_db"] == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize("decibel", [-6.0, 6.0])
def test_weakened_attacks(decibel: float) -> None:
    reference, decoded = hits(), hits()
    for start in STARTS:
        decoded[:, start : start + 1764] *= 10 ** (decibel / 20)
    result = attacks(reference, decoded)
    assert result["attack_loss_db"] == pytest.approx(max(-decibel, 0), abs=0.1)
    assert attacks(reference, 0 * reference)["attack_loss_db"] == pytest.approx(30)
