"""Devices by name: what auto stands for, the providers of ONNX Runtime, and memory that a GPU can read directly."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from numpy.typing import NDArray

from formats.errors import ModelError, UsageError

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
NUMPY = "NumPy"
"""What runs networks: ONNX Runtime's providers by their names there, or NumPy (`codec.runtime.numpy_session`)."""

WORTH = 7200.0
"""Seconds of audio from which auto takes CUDA, whose libraries take seconds to start (training/LOG.md)."""

CUDA_OPTIONS = {
    "use_tf32": 0,  # ten bits of mantissa would change the integers of a file
    "cudnn_conv_algo_search": "HEURISTIC",  # the default runs every algorithm for every new shape
    "arena_extend_strategy": "kSameAsRequested",
}
"""Options of ONNX Runtime's CUDA provider."""

NOTHING = (
    b'\x08\x08:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01'
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)
"""A graph that returns its input, to try a device with."""

SILENT = 4
"""ONNX Runtime's severity of fatal errors. Its own messages are hidden; aez raises errors instead."""

PAGE = 4096
"""Bytes below which an array is not worth locking; two small ones may share a page, which is locked only once."""

_PORTABLE = 1
"""CU_MEMHOSTREGISTER_PORTABLE: the memory counts as pinned in all contexts."""


class Device(NamedTuple):
    """A device, and why it was chosen.

    Attributes:
        name: cpu, cuda or cuda:N.
        reason: for the user, a part of a sentence; empty where the user chose it.
    """

    name: str
    reason: str = ""


def choose(name: str, seconds: float | None = None) -> Device:
    """The device for a job of so many seconds of audio; auto takes CUDA where that is worth its start.

    Args:
        name: auto, cpu, cuda or cuda:N.
        seconds: of audio, estimated; None if nobody knows.

    Raises:
        UsageError: an unknown name.
    """
    check(name)
    if name != "auto":
        return Device(name)
    if not onnxruntime_found():
        return Device("cpu", "ONNX Runtime, which could use a GPU, is not installed")
    if not cuda_found():
        return Device("cpu", "there is no CUDA device that ONNX Runtime can use")
    if seconds is not None and seconds >= WORTH:
        if starts():
            return Device("cuda", "there are hours of audio to code")
        return Device("cpu", "ONNX Runtime could not start CUDA here")
    return Device("cpu", "starting CUDA takes longer than it would save here; --device cuda takes it all the same")


def check(name: str) -> None:
    """UsageError for a device that nothing is called by."""
    if isinstance(name, str):
        kind, _, number = name.partition(":")
        if kind in ("auto", "cpu") and name == kind:
            return
        if kind == "cuda" and (name == kind or (number.isascii() and number.isdecimal())):
            return
    raise UsageError(f"there is no device {name!r}: auto, cpu, cuda or cuda:N")


def providers(name: str) -> list[Any]:
    """ONNX Runtime's list of providers for auto (which takes CUDA wherever it can), cpu, cuda or cuda:N.

    Raises:
        UsageError: an unknown name, or CUDA where this ONNX Runtime has none.
    """
    check(name)
    if name == "cpu":
        return [CPU]
    if not cuda_found():
        if name == "auto":
            return [CPU]
        raise UsageError(f"{name} was asked for, but there is no CUDA device that ONNX Runtime can use here")
    ort = onnxruntime()
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls(directory="")  # the CUDA libraries of the `cuda` extra, where they are installed
    return [(CUDA, {"device_id": number_of(name), **CUDA_OPTIONS}), CPU]


def onnxruntime_found() -> bool:
    """Whether ONNX Runtime is installed; where it is not, NumPy runs the networks."""
    spec = find_spec("onnxruntime")
    return bool(spec and spec.origin)  # a folder that was left behind has no origin


def onnxruntime() -> Any:
    """The module.

    Raises:
        ModelError: it cannot be imported: it was built for another system, or parts of it are missing.
    """
    try:
        return import_module("onnxruntime")
    except (ImportError, OSError) as error:
        raise ModelError(
            f"ONNX Runtime is installed but cannot be loaded; install it anew ({first_line(error)})"
        ) from None


def provider_of(name: str) -> str:
    """What runs the networks on a device that was named: cpu, cuda or cuda:N."""
    if name != "cpu":
        return CUDA
    return CPU if onnxruntime_found() else NUMPY


def first_line(error: Exception) -> str:
    """The first line of an error's text, or its type where it has none."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def number_of(name: str) -> int:
    """Number of a CUDA device; 0 for auto and cuda."""
    return int(name.partition(":")[2] or 0)


def cuda_found() -> bool:
    """Whether ONNX Runtime has CUDA, and NVIDIA's driver finds a device.

    The driver is asked first. Without one, trying CUDA would only cost time and print warnings.
    """
    if not _driver() or not onnxruntime_found():
        return False
    return CUDA in onnxruntime().get_available_providers()


def require(name: str) -> None:
    """Raise UsageError where a device cannot run networks: it is unknown, missing, or does not start."""
    if providers(name) != [CPU] and not starts(name):
        raise UsageError(f"{name} was asked for, but ONNX Runtime could not start it here")


def starts(name: str = "cuda") -> bool:
    """Whether ONNX Runtime can run a network on CUDA, for which it needs libraries that may not be installed."""
    ort = onnxruntime()
    ort.set_default_logger_severity(SILENT)
    try:
        session = ort.InferenceSession(NOTHING, providers=providers(name))
    except Exception:  # whatever it is, this device is not the one to take unasked
        return False
    return bool(session.get_providers()[0] == CUDA)


def _library() -> Any:
    """NVIDIA's driver. OSError: there is none."""
    return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")


def _driver() -> bool:
    try:
        cuda, count = _library(), ctypes.c_int()
        return bool(cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0)
    except (OSError, AttributeError):
        return False


@contextmanager
def pinned(arrays: list[NDArray[Any]], number: int) -> Iterator[bool]:
    """Lock arrays in physical memory for the length of a with block, so that a GPU copies from and to them directly.

    Args:
        arrays: contiguous arrays.
        number: of the CUDA device.

    Yields:
        whether that worked; without it, copies are correct but slower.
    """
    registered, large = [], [array for array in arrays if array.nbytes >= PAGE]
    try:
        with _context(number) as cuda:
            for array in large if cuda else ():
                if cuda.cuMemHostRegister_v2(
                    ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes), _PORTABLE
                ):
                    break
                registered.append(array)
            worked = bool(cuda) and len(registered) == len(large)
        yield worked
    finally:
        if registered:
            with _context(number) as cuda:
                for array in registered:
                    cuda.cuMemHostUnregister(ctypes.c_void_p(array.ctypes.data))


@contextmanager
def _context(number: int) -> Iterator[Any]:
    """The driver with this thread in the context that ONNX Runtime uses too, the device's primary one; None without."""
    device, context = ctypes.c_int(), ctypes.c_void_p()
    try:
        cuda = _library()
        ready = (
            cuda.cuInit(0) == 0
            and cuda.cuDeviceGet(ctypes.byref(device), number) == 0
            and cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device) == 0
        )
    except (OSError, AttributeError):
        ready = False
    if not ready:
        yield None
        return
    cuda.cuCtxPushCurrent_v2(context)
    try:
        yield cuda
    finally:
        cuda.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
        cuda.cuDevicePrimaryCtxRelease_v2(device)
