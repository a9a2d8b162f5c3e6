"""Networks on a GPU: calls of many threads and processes run together, in batches of a few fixed shapes.

A GPU is fast at sixteen chunks at a time and slow at one, and CUDA's libraries prepare every shape that they meet.
Calls therefore wait in a queue. A lane takes up to sixteen of them, copies them into its own buffers, runs the graph
on these through IO binding, and hands out copies of the results. There are two lanes, so that one copies while the
other's batch is on the GPU. The same code runs on the CPU provider, where the tests try it.
"""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import ExitStack
from threading import Condition, Thread
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from codec.runtime.device import first_line, pinned
from formats.errors import ModelError

Arrays = dict[str, NDArray[Any]]
"""Inputs or outputs of a network by name."""

SIZES = (1, 4, 16)
"""Calls in a batch; a batch of fewer calls is filled up to the next size, whose results are left unused."""

LANES = 2


class Call(NamedTuple):
    """A call that waits.

    Attributes:
        inputs: its inputs.
        kind: what the calls of a batch have in common: bytes of the settings, and sizes of the last axes.
        result: where its result goes.
    """

    inputs: Arrays
    kind: tuple[bytes, tuple[int, ...]]
    result: Future[Arrays]


class BatchedNetwork:
    """Calls to one graph, from any number of threads, run in batches.

    Inputs of three axes are [1, T, n] with T up to `frames`. They are padded with zeros to [B, frames, n], which is
    beyond the context that a call brings. Inputs of fewer axes are settings: calls with others go into another batch,
    as do calls with another n.

    Attributes:
        batches: how many batches have run, by their size.
        pinned: whether the buffers of each kind of call and lane could be locked, if they had to be.
    """

    def __init__(self, session: Any, frames: int, pin: int | None) -> None:
        """Start the lanes; what they need is made when the first call comes.

        Args:
            session: ONNX Runtime's.
            frames: most frames of a call.
            pin: number of the CUDA device that buffers are locked for; None for the CPU.
        """
        self.batches = dict.fromkeys(SIZES, 0)
        self.pinned: list[bool] = []
        self._waiting: list[Call] = []
        self._changed = Condition()
        self._closed = False
        lanes = [_Lane(session, frames, pin, self.pinned) for _ in range(LANES)]
        self._threads = [Thread(target=self._serve, args=(lane,), daemon=True) for lane in lanes]
        for thread in self._threads:
            thread.start()

    def __call__(self, inputs: Arrays) -> Arrays:
        """Run the network for one caller; returns when its batch is done.

        Raises:
            ModelError: ONNX Runtime fails, or the network is closed.
        """
        settings = b"".join(value.tobytes() for value in inputs.values() if value.ndim < 3)
        call = Call(inputs, (settings, tuple(value.shape[-1] for value in inputs.values())), Future())
        with self._changed:
            if self._closed:
                raise ModelError("a network was stopped")
            self._waiting.append(call)
            self._changed.notify()
        return call.result.result()

    def _serve(self, lane: _Lane) -> None:
        with lane:
            while calls := self._take():
                try:
                    results = lane.run(calls)
                except Exception as error:  # as in codec.runtime.session
                    for call in calls:
                        call.result.set_exception(ModelError(f"a network cannot be run: {first_line(error)}"))
                else:
                    for call, found in zip(calls, results, strict=True):
                        call.result.set_result(found)

    def _take(self) -> list[Call]:
        """The next calls of one kind; none when the network is closed."""
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return []
                self._changed.wait()
            kind, taken, left = self._waiting[0].kind, list[Call](), list[Call]()
            for call in self._waiting:
                fits = call.kind == kind and len(taken) < SIZES[-1]
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


def _size(calls: int) -> int:
    return next(size for size in SIZES if size >= calls)


class _Lane:
    """One thread's buffers for each kind of call; a context manager, which lets go of them."""

    def __init__(self, session: Any, frames: int, pin: int | None, told: list[bool]) -> None:
        self._session, self._frames, self._pin, self._told = session, frames, pin, told
        self._buffers: dict[tuple[int, ...], _Buffers] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._exit.close()

    def run(self, calls: list[Call]) -> list[Arrays]:
        """Run calls of one kind, up to the largest size."""
        sizes = calls[0].kind[1]
        if sizes not in self._buffers:
            made = _Buffers(self._session, self._frames, calls[0].inputs)
            with ExitStack() as stack:
                told = [] if self._pin is None else [stack.enter_context(pinned(made.arrays, self._pin))]
                for size in SIZES:  # every shape once, so that no later call waits for its preparation
                    made.run(size)
                self._exit.push(stack.pop_all())
            self._told += told
            self._buffers[sizes] = made
        return self._buffers[sizes].call(calls)


class _Buffers:
    """Arrays for the largest batch of one kind of call, and a binding of their first items for every size of batch."""

    def __init__(self, session: Any, frames: int, like: Arrays) -> None:
        self._session, self._frames = session, frames
        self._inputs = {
            name: np.zeros((SIZES[-1], frames, value.shape[2]) if value.ndim == 3 else value.shape, value.dtype)
            for name, value in like.items()
        }
        names = [node.name for node in session.get_outputs()]
        one = session.run(names, {name: value[:1] for name, value in self._inputs.items()})
        self._outputs = {
            name: np.zeros((SIZES[-1], *value.shape[1:]), value.dtype) for name, value in zip(names, one, strict=True)
        }
        self._bindings = {size: self._bound(size) for size in SIZES}

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """All arrays that are copied to and from the device."""
        return [*self._inputs.values(), *self._outputs.values()]

    def _bound(self, size: int) -> Any:
        binding = self._session.io_binding()
        for name, value in self._outputs.items():
            binding.bind_output(name, "cpu", 0, value.dtype.type, [size, *value.shape[1:]], value.ctypes.data)
        return binding

    def run(self, size: int) -> None:
        """Run the first `size` items of the arrays.

        Inputs are bound every time: ONNX Runtime copies an input to the device when it is bound, not when it runs.
        """
        binding = self._bindings[size]
        for name, value in self._inputs.items():
            shape = [size, *value.shape[1:]] if value.ndim == 3 else list(value.shape)
            binding.bind_input(name, "cpu", 0, value.dtype.type, shape, value.ctypes.data)
        binding.synchronize_inputs()
        self._session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    def call(self, calls: list[Call]) -> list[Arrays]:
        """Run calls of this kind, up to the largest size."""
        for item, call in enumerate(calls):
            for name, value in call.inputs.items():
                target = self._inputs[name]
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
