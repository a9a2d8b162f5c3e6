"""Networks on a GPU: calls of many threads and processes run together, in batches of a few fixed shapes.

A GPU is fast at sixteen chunks at a time and slow at one, and CUDA's libraries prepare every shape that they meet.
Calls therefore wait in a queue. A lane takes up to sixteen of them, copies them into its own buffers, runs the graph
on these through IO binding, and hands out copies of the results. There are two lanes, so that one copies while the
other's batch is on the GPU. The same code runs on the CPU provider, where the tests try it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from threading import Condition, Thread
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.runtime.device import pinned
from formats.errors import ModelError

Arrays = dict[str, NDArray[Any]]
"""Inputs or outputs of a network by name."""

SIZES = (1, 4, 16)
"""Calls in a batch; a batch of fewer calls is filled up to the next size, whose results are left unused."""

LANES = 2

TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32, "tensor(bool)": np.bool_, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8,
    "tensor(int16)": np.int16, "tensor(int32)": np.int32, "tensor(int64)": np.int64,
}  # fmt: skip
"""NumPy's types by ONNX Runtime's names."""


class Call(NamedTuple):
    """A call that waits: its inputs, the bytes of those that a batch shares, and where its result goes."""

    inputs: Arrays
    shared: bytes
    result: Future[Arrays]


class BatchedNetwork:
    """Calls to one graph, from any number of threads, run in batches.

    Inputs of three axes are [1, T, n] with T up to `frames`. They are padded with zeros to [B, frames, n], which is
    beyond the context that a call brings. Inputs of fewer axes are settings: calls with others go into another batch.
    """

    def __init__(self, session: Any, frames: int, pin: int | None) -> None:
        """Prepare the buffers, and run every size of batch once.

        Args:
            session: ONNX Runtime's.
            frames: most frames of a call.
            pin: number of the CUDA device that the buffers are locked for; None for the CPU.

        Raises:
            ModelError: ONNX Runtime fails.
        """
        self._waiting: list[Call] = []
        self._changed = Condition()
        self._closed = False
        self._exit = ExitStack()
        try:
            lanes = [_Lane(session, frames) for _ in range(LANES)]
            if pin is not None:
                self._exit.enter_context(pinned([array for lane in lanes for array in lane.buffers], pin))
            for lane in lanes:
                for size in SIZES:
                    lane.run(size)
        except Exception as error:  # as in codec.runtime.session
            self._exit.close()
            raise ModelError(f"a network cannot be run: {str(error).splitlines()[0]}") from None
        self.batches = dict.fromkeys(SIZES, 0)
        self._settings = [name for name, value in lanes[0].inputs.items() if value.ndim < 3]
        self._threads = [Thread(target=self._serve, args=(lane.call,), daemon=True) for lane in lanes]
        for thread in self._threads:
            thread.start()

    def __call__(self, inputs: Arrays) -> Arrays:
        """Run the network for one caller; returns when its batch is done.

        Raises:
            ModelError: ONNX Runtime fails, or the network is closed.
        """
        shared = b"".join(np.ascontiguousarray(inputs[name]).tobytes() for name in self._settings)
        call = Call(inputs, shared, Future())
        with self._changed:
            if self._closed:
                raise ModelError("a network was stopped")
            self._waiting.append(call)
            self._changed.notify()
        return call.result.result()

    def _serve(self, work: Callable[[list[Call]], list[Arrays]]) -> None:
        while calls := self._take():
            try:
                results = work(calls)
            except Exception as error:
                line = (str(error).splitlines() or [type(error).__name__])[0]
                for call in calls:
                    call.result.set_exception(ModelError(f"a network cannot be run: {line}"))
            else:
                for call, found in zip(calls, results, strict=True):
                    call.result.set_result(found)

    def _take(self) -> list[Call]:
        """The next calls with equal settings; none when the network is closed."""
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return []
                self._changed.wait()
            shared, taken, left = self._waiting[0].shared, list[Call](), list[Call]()
            for call in self._waiting:
                fits = call.shared == shared and len(taken) < SIZES[-1]
                (taken if fits else left).append(call)
            self._waiting = left
            self.batches[_size(len(taken))] += 1
            return taken

    def close(self) -> None:
        """End the threads; calls that still wait fail."""
        with self._changed:
            self._closed = True
            left, self._waiting = self._waiting, []
            self._changed.notify_all()
        for call in left:
            call.result.set_exception(ModelError("a network was stopped"))
        for thread in self._threads:
            thread.join()
        self._exit.close()


def _size(calls: int) -> int:
    return next(size for size in SIZES if size >= calls)


class _Lane:
    """Buffers for the largest batch, and a binding of their first items for every size of batch."""

    def __init__(self, session: Any, frames: int) -> None:
        self._session, self._frames = session, frames
        self.inputs = {
            node.name: np.zeros(
                [SIZES[-1], frames, *node.shape[2:]] if len(node.shape) == 3 else node.shape, TYPES[node.type]
            )
            for node in session.get_inputs()
        }
        names = [node.name for node in session.get_outputs()]
        one = session.run(names, {name: value[:1] for name, value in self.inputs.items()})
        self._outputs = {
            name: np.zeros((SIZES[-1], *value.shape[1:]), value.dtype) for name, value in zip(names, one, strict=True)
        }
        self._bindings = {size: self._bound(size) for size in SIZES}

    @property
    def buffers(self) -> list[NDArray[Any]]:
        """All arrays that are copied to and from the device."""
        return [*self.inputs.values(), *self._outputs.values()]

    def _bound(self, size: int) -> Any:
        binding = self._session.io_binding()
        for name, value in self.inputs.items():
            shape = [size, *value.shape[1:]] if value.ndim == 3 else list(value.shape)
            binding.bind_input(name, "cpu", 0, value.dtype.type, shape, value.ctypes.data)
        for name, value in self._outputs.items():
            binding.bind_output(name, "cpu", 0, value.dtype.type, [size, *value.shape[1:]], value.ctypes.data)
        return binding

    def run(self, size: int) -> None:
        """Run the first `size` items of the buffers."""
        self._session.run_with_iobinding(self._bindings[size])
        self._bindings[size].synchronize_outputs()

    def call(self, calls: list[Call]) -> list[Arrays]:
        """Run calls of equal settings, up to the largest size."""
        for item, call in enumerate(calls):
            for name, value in call.inputs.items():
                target = self.inputs[name]
                if value.ndim < 3:
                    target[...] = value
                else:
                    target[item, : value.shape[1]] = value[0]
                    target[item, value.shape[1] :] = 0
        self.run(_size(len(calls)))
        return [self._result(item, _frames(call.inputs)) for item, call in enumerate(calls)]

    def _result(self, item: int, frames: int) -> Arrays:
        """Copies of an item's outputs, which have one frame, or one hyper vector, in proportion to those of inputs."""
        return {
            name: value[item : item + 1, : value.shape[1] * frames // self._frames].copy()
            for name, value in self._outputs.items()
        }


def _frames(inputs: Arrays) -> int:
    shapes = (value.shape for value in inputs.values())
    return next(int(shape[1]) for shape in shapes if len(shape) == 3)
