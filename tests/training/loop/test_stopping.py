"""Ctrl-C between two steps."""

import signal

import pytest

from training.loop.stopping import stoppable


def test_a_signal_is_a_wish_and_a_second_one_an_order() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stoppable() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_torchrun_repeats_is_one() -> None:
    with stoppable(60.0) as asked:
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            signal.raise_signal(number)
        assert asked()
