"""ONNX Runtime sessions: choice of the device, checked inputs and outputs, and one object that owns the sessions."""

from threading import Lock
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from codec.runtime import graph_check
from formats.errors import ModelError, UsageError
from formats.grid import COEFFICIENTS, HYPER_SIZE

if TYPE_CHECKING:
    from codec.dsp.mdct import Float

LOG_ERRORS = 3
"""ONNX Runtime's severity of errors. Its warnings about a missing CUDA are hidden; aez raises its own errors."""


class Sessions:
    """ONNX Runtime's sessions on one device: one for each graph, for as long as this object exists.

    Several threads may ask for networks. If two ask for the same graph, its session is made once.

    Attributes:
        device: auto, cpu, cuda or cuda:N.
    """

    def __init__(self, device: str = "auto", threads: int = 1) -> None:
        self.device = device
        self._threads = threads
        self._sessions: dict[bytes, Any] = {}
        self._lock = Lock()

    def network(self, graph: bytes, inputs: set[str], outputs: frozenset[str] = frozenset()) -> "Network":
        """The network of a graph.

        Args:
            graph: a serialized ModelProto.
            inputs: names of all its inputs.
            outputs: names of outputs that it must have; more are allowed.

        Raises:
            UsageError: the device is unknown, or is not available although it was chosen by name.
            ModelError: the graph cannot be loaded, or has other inputs and outputs.
        """
        with self._lock:
            if graph not in self._sessions:
                self._sessions[graph] = _new_session(graph, self.device, self._threads)
            session = self._sessions[graph]
        return Network(session, inputs, outputs)


class Network:
    """One ONNX graph on one device, made by `Sessions.network`. Calls may come from several threads.

    Attributes:
        provider: the provider that ONNX Runtime really uses: CUDAExecutionProvider or CPUExecutionProvider.
    """

    def __init__(self, session: Any, inputs: set[str], outputs: frozenset[str]) -> None:
        self._session = session
        self.provider: str = session.get_providers()[0]
        if {node.name for node in session.get_inputs()} != inputs:
            raise ModelError("a network has other inputs than this version of aez gives it")
        for node in (*session.get_inputs(), *session.get_outputs()):
            if not _fits(node.name, node.type, node.shape):
                raise ModelError(f"a network has {node.type} {node.shape} as {node.name}, which aez does not run")
        self._outputs = [node.name for node in session.get_outputs()]
        if not outputs <= set(self._outputs):
            raise ModelError("a network has other outputs than this version of aez takes")

    def __call__(self, **inputs: NDArray[Any]) -> dict[str, "Float"]:
        """Run the network once; inputs and outputs are arrays by name, with a batch axis first.

        Raises:
            ModelError: ONNX Runtime rejects the arrays, or fails.
        """
        try:
            found = self._session.run(self._outputs, inputs)
        except Exception as error:  # as in _new_session
            raise ModelError(f"a network cannot be run: {str(error).splitlines()[0]}") from None
        return dict(zip(self._outputs, found, strict=True))


PORTS: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "coefficients": ("tensor(float)", (None, None, COEFFICIENTS)),
    "frames": ("tensor(float)", (None, None, 2 * COEFFICIENTS)),
    "hyper": ("tensor(float)", (None, None, HYPER_SIZE)),
    **dict.fromkeys(("quantized", "latents", "features"), ("tensor(float)", (None, None, None))),
    "indices": ("tensor(int32)", (None, None, None)),
    "position": ("tensor(int16)", (None, None, None)),
    "hyper_by_frame": ("tensor(int8)", (None, None, HYPER_SIZE)),
    "noise": ("tensor(int8)", (None, None, COEFFICIENTS)),
    **dict.fromkeys(("sent", "long"), ("tensor(bool)", (None, None, 1))),
    "logits": ("tensor(float)", (None, None)),
    "gain": ("tensor(float)", (None,)),
}
"""Types and shapes of the inputs and outputs that networks may have, by name; None stands for any number."""


def _fits(name: str, kind: str, shape: list[int | str | None]) -> bool:
    """Whether an input or output has the type and shape of its name in PORTS; others must hold floats."""
    expected, sizes = PORTS.get(name, ("tensor(float)", None))
    if kind != expected or (sizes and len(sizes) != len(shape)):
        return False
    return all(
        want is None or not isinstance(size, int) or size == want
        for want, size in zip(sizes or (), shape, strict=False)
    )


def _new_session(graph: bytes, device: str, threads: int) -> Any:
    import onnxruntime as ort

    graph_check.check(graph)
    ort.set_default_logger_severity(LOG_ERRORS + 1)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it would keep one block for all of a run's arrays, 60 MB more
    options.log_severity_level = LOG_ERRORS + 1
    try:
        session = ort.InferenceSession(graph, options, providers=providers(device))
    except UsageError:
        raise
    except Exception as error:  # onnxruntime raises its own C++ types, which have no common base but Exception
        raise ModelError(f"a network cannot be loaded: {str(error).splitlines()[0]}") from None
    if device.startswith("cuda") and session.get_providers()[0] != "CUDAExecutionProvider":
        raise UsageError(f"{device} was asked for, but ONNX Runtime could not start it here")
    return session


def providers(device: str) -> list[Any]:
    """ONNX Runtime's provider list for auto, cpu, cuda or cuda:N.

    Raises:
        UsageError: an unknown name, or CUDA where this ONNX Runtime has none.
    """
    import onnxruntime as ort

    if not isinstance(device, str):
        raise UsageError(f"there is no device {device!r}: auto, cpu, cuda or cuda:N")
    name, _, number = device.partition(":")
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if name not in ("auto", "cuda") or (number and not (name == "cuda" and number.isdecimal())):
        raise UsageError(f"there is no device {device!r}: auto, cpu, cuda or cuda:N")
    if "CUDAExecutionProvider" not in ort.get_available_providers() or not _driver():
        if name == "cuda":
            raise UsageError(f"{device} was asked for, but there is no CUDA device that ONNX Runtime can use here")
        return ["CPUExecutionProvider"]
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls(directory="")  # the CUDA libraries of the `cuda` extra, where they are installed
    return [("CUDAExecutionProvider", {"device_id": int(number or 0)}), "CPUExecutionProvider"]


def _driver() -> bool:
    """Whether NVIDIA's driver finds a device; without one, trying CUDA only costs time and prints warnings."""
    import ctypes
    import sys

    try:
        cuda = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int()
        return bool(cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0)
    except (OSError, AttributeError):
        return False
