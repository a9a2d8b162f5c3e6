"""Networks in batches: the same results as alone, whatever the callers' lengths and settings, and an orderly end."""

import copy
import ctypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from codec.pipeline.chunks import ENCODER_CONTEXT
from codec.runtime import batching
from codec.runtime.batching import SIZES, BatchedNetwork
from codec.runtime.device import CPU
from codec.runtime.session import Network, Sessions, SharedNetwork
from formats.errors import ModelError
from formats.grid import HYPER_FRAMES
from tests.support import MODELS
from tests.support.model_folders import one_line

FRAMES = 24
CONTEXT = ENCODER_CONTEXT // HYPER_FRAMES  # vectors at the end of a call, which no caller uses
ENCODER = (MODELS / "tiny" / "encoder.onnx").read_bytes()
DENSE = (MODELS / "tiny-dense" / "decoders" / "standard" / "decoder.onnx").read_bytes()


def encoder(sessions: Sessions) -> Network:
    return sessions.network(ENCODER, {"coefficients"}, frozenset({"hyper"}), FRAMES)


def examples(count: int) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, FRAMES // 3 + 1, count) * 3
    return [{"coefficients": rng.standard_normal((1, n, 1400), np.float32)} for n in lengths.tolist()]


def test_many_callers_get_what_they_would_get_alone() -> None:
    alone, together = encoder(Sessions("cpu")), encoder(sessions := Sessions("cpu", batched=True))
    assert together.provider == CPU
    calls = examples(100)
    with ThreadPoolExecutor(40) as pool:
        found = list(pool.map(lambda inputs: together(**inputs), calls))
    for inputs, result in zip(calls, found, strict=True):
        expected = alone(**inputs)["hyper"]
        assert result["hyper"].shape == expected.shape
        np.testing.assert_allclose(result["hyper"][:, :-CONTEXT], expected[:, :-CONTEXT], atol=1e-5)
    assert isinstance(together, SharedNetwork)
    assert sum(together.batches.batches.values()) < 100
    assert set(together.batches.batches) == set(SIZES)
    sessions.close()


def test_callers_with_other_settings_are_not_mixed() -> None:
    sessions = Sessions("cpu", batched=True)
    alone = Sessions("cpu").network(DENSE, {"quantized", "gain"})
    together = sessions.network(DENSE, {"quantized", "gain"}, frames=FRAMES)
    rng = np.random.default_rng(1)
    width = np.load(MODELS / "tiny-dense" / "tables.npz")["intercept"].size
    calls = [
        {"quantized": rng.integers(-3, 4, (1, FRAMES, width)).astype(np.float32), "gain": np.float32([gain % 3])}
        for gain in range(30)
    ]
    with ThreadPoolExecutor(30) as pool:
        found = list(pool.map(lambda inputs: together(**inputs), calls))
    for inputs, result in zip(calls, found, strict=True):
        for name, value in alone(**inputs).items():
            np.testing.assert_allclose(result[name], value, atol=1e-5)
    sessions.close()


def test_errors_are_those_of_the_callers_that_made_them() -> None:
    network = encoder(sessions := Sessions("cpu", batched=True))
    for wrong in (np.ones((1, FRAMES + 3, 1400), np.float32), np.ones((1, 3, 7), np.float32)):
        with pytest.raises(ModelError, match="cannot be run") as error:
            network(coefficients=wrong)
        one_line(error.value)
    assert network(**examples(1)[0])["hyper"].size
    sessions.close()


def test_nothing_waits_for_a_network_that_is_closed() -> None:
    network = encoder(sessions := Sessions("cpu", batched=True))
    sessions.close()
    with pytest.raises(ModelError, match="stopped"):
        network(**examples(1)[0])


def test_a_graph_that_cannot_run_is_a_model_error() -> None:
    class Broken:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("no kernel\nmore")

    network = BatchedNetwork(Broken(), FRAMES, None)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"no kernel$"):
            network({"x": np.zeros((1, 3, 4), np.float32)})
    network.close()


class Device:
    """A session as CUDA's: inputs are copied when they are bound, and outputs when a run ends."""

    def get_outputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="y")]

    def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [2 * inputs["x"]]

    def io_binding(self) -> "Device":
        return copy.copy(self)

    def bind_input(self, name: str, device: str, number: int, kind: type, shape: list[int], pointer: int) -> None:
        self.held = memory(pointer, shape).copy()

    def bind_output(self, name: str, device: str, number: int, kind: type, shape: list[int], pointer: int) -> None:
        self.target = memory(pointer, shape)

    def run_with_iobinding(self, binding: "Device") -> None:
        binding.target[...] = 2 * binding.held

    def synchronize_inputs(self) -> None:
        """Copies are done at once."""

    synchronize_outputs = synchronize_inputs


def memory(pointer: int, shape: list[int]) -> np.ndarray:
    count = int(np.prod(shape))
    return np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(ctypes.c_float)), (count,)).reshape(shape)


def test_inputs_reach_a_device_that_copies_them_when_they_are_bound() -> None:
    network = BatchedNetwork(Device(), FRAMES, None)
    for value in (1.0, 2.0, 3.0):
        found = network({"x": np.full((1, 5, 4), value, np.float32)})["y"]
        assert found.shape == (1, 5, 4)
        assert (found == 2 * value).all()
    network.close()


@pytest.mark.parametrize("works", [True, False])
def test_buffers_are_locked_for_a_gpu_as_long_as_they_are_used(works: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    locked: list[int] = []

    @contextmanager
    def pinned(arrays: list[np.ndarray], number: int) -> Iterator[bool]:
        assert number == 3
        locked.extend(array.nbytes for array in arrays)
        yield works
        locked.clear()

    monkeypatch.setattr(batching, "pinned", pinned)
    network = BatchedNetwork(Device(), FRAMES, 3)
    network({"x": np.ones((1, 5, 4), np.float32)})
    assert locked == [SIZES[-1] * FRAMES * 4 * 4] * 2  # input and output
    assert network.pinned == [works]
    network.close()
    assert not locked


def test_a_network_is_made_once_for_each_length() -> None:
    sessions = Sessions("cpu", batched=True)
    assert encoder(sessions) == encoder(sessions)
    assert encoder(sessions) != sessions.network(ENCODER, {"coefficients"}, frames=FRAMES + 3)
    assert sessions.network(ENCODER, {"coefficients"}).provider == CPU  # unbounded calls are not batched
    sessions.close()
