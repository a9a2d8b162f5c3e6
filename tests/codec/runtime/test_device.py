"""Devices by name: what auto stands for, what providers are asked for, and that pinning fails softly."""

import numpy as np
import onnxruntime
import pytest

from codec.runtime import device
from codec.runtime.device import CPU, CUDA, WORTH, Device
from formats.errors import UsageError
from tests.support.model_folders import one_line


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a CUDA device."""
    monkeypatch.setattr(device, "_driver", lambda: True)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr("onnxruntime.preload_dlls", lambda **_: None, raising=False)


@pytest.mark.parametrize(
    "name", ["", "gpu", "CPU", "cpu:0", "auto:1", "cuda:x", "cuda:-1", "cuda:1.5", "cuda0", 3, None]
)
def test_unknown_devices_are_usage_errors(name: str) -> None:
    for ask in (device.providers, device.choose, device.check):
        with pytest.raises(UsageError) as error:
            ask(name)  # type: ignore[operator]
        assert "auto, cpu, cuda" in one_line(error.value)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7"])
def test_cuda_where_there_is_none_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_driver", lambda: False)
    assert device.choose(name) == Device(name)
    with pytest.raises(UsageError) as error:
        device.providers(name)
    assert name in one_line(error.value)


def test_auto_is_the_cpu_where_there_is_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_driver", lambda: False)
    assert device.providers("auto") == [CPU]
    name, reason = device.choose("auto", 10 * WORTH)
    assert name == "cpu" and "no CUDA device" in reason


@pytest.mark.usefixtures("cuda")
def test_auto_takes_cuda_for_work_that_is_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "starts", lambda name="cuda": True)
    assert device.choose("auto", WORTH).name == "cuda"
    for seconds in (WORTH - 1, None):
        name, reason = device.choose("auto", seconds)
        assert name == "cpu" and "--device cuda" in reason
    assert device.choose("cpu", WORTH) == Device("cpu")
    assert device.choose("cuda:1") == Device("cuda:1")


@pytest.mark.usefixtures("cuda")
def test_auto_is_the_cpu_where_the_libraries_of_cuda_are_missing(capfd: pytest.CaptureFixture[str]) -> None:
    """As after an install without the extra `cuda`, on a machine with NVIDIA's driver."""
    name, reason = device.choose("auto", WORTH)
    assert name == "cpu" and "could not start CUDA" in reason
    device.require("cpu")
    with pytest.raises(UsageError, match="cuda:1 was asked for, but ONNX Runtime could not start it"):
        device.require("cuda:1")
    assert capfd.readouterr() == ("", "")


def test_the_graph_to_try_a_device_with_is_one() -> None:
    session = onnxruntime.InferenceSession(device.NOTHING, providers=[CPU])
    assert session.run(None, {"x": np.float32([3])})[0] == [3]


@pytest.mark.usefixtures("cuda")
def test_cuda_is_asked_for_without_tf32_and_without_a_search() -> None:
    (name, options), fallback = device.providers("cuda:2")
    assert (name, fallback) == (CUDA, CPU)
    assert options["device_id"] == 2
    assert options["use_tf32"] == 0
    assert options["cudnn_conv_algo_search"] == "HEURISTIC"


def test_pinning_without_a_driver_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> object:
        raise OSError

    monkeypatch.setattr(device, "_library", missing)
    array = np.arange(5)
    with device.pinned([array], 0) as worked:
        assert not worked
    assert array.tolist() == [0, 1, 2, 3, 4]


class Driver:
    """NVIDIA's driver with room for so many arrays."""

    def __init__(self, room: int) -> None:
        self.room, self.registered, self.calls = room, list[int](), list[str]()

    def __getattr__(self, name: str) -> object:
        return lambda *_: self.calls.append(name) or 0

    def cuMemHostRegister_v2(self, pointer: object, size: object, flags: int) -> int:  # noqa: N802
        if len(self.registered) == self.room:
            return 2  # CUDA_ERROR_OUT_OF_MEMORY
        self.registered.append(pointer.value)  # type: ignore[attr-defined]
        return 0

    def cuMemHostUnregister(self, pointer: object) -> int:  # noqa: N802
        self.registered.remove(pointer.value)  # type: ignore[attr-defined]
        return 0


@pytest.mark.parametrize("room", [0, 1, 2])
def test_what_is_pinned_is_let_go(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(room)
    monkeypatch.setattr(device, "_library", lambda: driver)
    arrays = [np.zeros(1000), np.ones(2000)]
    with device.pinned([np.zeros(1), *arrays], 0) as worked:  # less than a page is not worth it
        assert worked == (room == 2)
        assert driver.registered == [array.ctypes.data for array in arrays[:room]]
    assert not driver.registered
    assert driver.calls.count("cuCtxPushCurrent_v2") == driver.calls.count("cuCtxPopCurrent_v2")
    assert driver.calls.count("cuDevicePrimaryCtxRetain") == driver.calls.count("cuDevicePrimaryCtxRelease_v2")
