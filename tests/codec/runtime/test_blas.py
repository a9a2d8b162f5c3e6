"""The number of BLAS threads is one while something is coded, and what it was before after the last is done."""

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from codec.pipeline.workers import Engine
from codec.runtime.blas import single_threaded_blas


def threads() -> set[int]:
    np.dot(np.ones(2), np.ones(2))
    return {library["num_threads"] for library in ThreadpoolController().select(user_api="blas").info()}


@pytest.fixture(autouse=True)
def _two_threads() -> object:
    with threadpool_limits(limits=2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("this NumPy has no BLAS that can be asked for its threads")
        yield


def test_overlapping_users_are_counted() -> None:
    first, second = single_threaded_blas(), single_threaded_blas()
    first.__enter__()
    assert threads() == {1}
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == {2}
    with single_threaded_blas():
        assert threads() == {1}
    assert threads() == {2}


def test_an_engine_keeps_it_to_one_thread() -> None:
    with Engine("cpu") as engine, Engine("cpu"):
        assert set().union(*engine.map(lambda _: threads(), range(3))) == {1}
    assert threads() == {2}


def test_an_error_sets_it_back() -> None:
    with pytest.raises(ValueError, match="over"), Engine("cpu"):
        raise ValueError("over")
    assert threads() == {2}
