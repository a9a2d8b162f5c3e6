"""The engine: results in order, a bounded number under way, sessions made once, and an end at once."""

import threading
import time
from concurrent.futures import CancelledError
from types import SimpleNamespace

import pytest

from codec.pipeline.ranked_decoder import INPUTS
from codec.pipeline.workers import Engine, engine_for_file
from codec.runtime import models
from formats.errors import UsageError


def test_results_come_in_order_whatever_takes_how_long() -> None:
    with Engine("cpu", 4) as engine:
        assert list(engine.map(lambda n: time.sleep((7 * n % 5) / 200) or n, range(20))) == list(range(20))


def test_items_are_taken_only_as_results_are_asked_for() -> None:
    taken: list[int] = []

    def items() -> object:
        for number in range(50):
            taken.append(number)
            yield number

    with Engine("cpu", 3) as engine, engine.file():
        results = engine.map(lambda n: n, items())  # type: ignore[arg-type, var-annotated]
        assert next(results) == 0
        assert len(taken) == 4
        with engine.file():  # another file: what each has under way shrinks
            assert next(results) == 1
            assert next(results) == 2
            assert next(results) == 3
            assert len(taken) <= 6
        results.close()


@pytest.mark.parametrize(("threads", "stages", "under_way"), [(4, 1, 5), (4, 2, 3), (2, 2, 2), (1, 2, 2)])
def test_stages_of_a_file_divide_what_is_under_way(threads: int, stages: int, under_way: int) -> None:
    source = iter(range(50))
    with Engine("cpu", threads) as engine, engine.file():
        results = engine.map(lambda n: n, source, stages)
        assert next(results) == 0
        assert next(source) == under_way
        results.close()


def test_an_error_ends_the_map_and_cancels_what_waits() -> None:
    started: list[int] = []

    def work(number: int) -> int:
        started.append(number)
        if number == 1:
            raise ValueError("one")
        return number

    with Engine("cpu", 1) as engine:
        results = engine.map(work, range(100))
        assert next(results) == 0
        with pytest.raises(ValueError, match="one"):
            next(results)
    assert len(started) < 5


def test_stopping_gives_up_what_waits() -> None:
    release = threading.Event()
    with Engine("cpu", 1) as engine:
        results = engine.map(lambda n: release.wait(10) and n, range(1, 9))
        threading.Timer(0.1, engine.stop).start()
        threading.Timer(0.2, release.set).start()
        with pytest.raises((CancelledError, RuntimeError)):
            list(results)


def test_one_session_for_each_network(tiny: SimpleNamespace) -> None:
    model = models.by_name()
    with Engine("cpu") as engine:
        first, second = (engine.sessions.network(model.encoder, {"coefficients"}) for _ in range(2))
        assert first == second
        assert engine.sessions.network(model.decoder().graph, INPUTS) != first


def test_a_file_uses_the_engine_it_is_given_or_one_of_its_own() -> None:
    with Engine("cpu") as engine:
        with engine_for_file(engine) as same:
            assert same is engine
        assert list(engine.map(lambda n: n, range(3))) == [0, 1, 2]  # it was not closed with the file
    with engine_for_file(None) as own:
        assert own is not engine
    with pytest.raises(RuntimeError):
        list(own.map(lambda n: n, range(3)))


@pytest.mark.parametrize("device", ["tpu", "cuda:x"])
def test_an_unknown_device_is_a_usage_error(device: str) -> None:
    with pytest.raises(UsageError):
        Engine(device)
