"""An ONNX graph as Python objects, read from bytes that `codec.runtime.graph_check` has let through."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from codec.runtime.protobuf import UnreadableError, Value, fields, read_varint
from formats.errors import ModelError

Attribute = int | float | bytes | tuple[int, ...]

TYPES: dict[int, tuple[str, type[np.generic]]] = {
    1: ("float", np.float32),
    2: ("uint8", np.uint8),
    3: ("int8", np.int8),
    5: ("int16", np.int16),
    6: ("int32", np.int32),
    7: ("int64", np.int64),
    9: ("bool", np.bool_),
    10: ("float16", np.float16),
    11: ("double", np.float64),
}
"""TensorProto.DataType: ONNX Runtime's name of each type that is read, and NumPy's type."""


class Port(NamedTuple):
    """An input or output of a graph, as ONNX Runtime describes it.

    Attributes:
        name: of the value.
        type: tensor(float) and the like.
        shape: a number, or a name, or None where nothing is said, for each axis.
    """

    name: str
    type: str
    shape: list[int | str | None]


class Node(NamedTuple):
    """One operation: its operator, names of its inputs (empty where one is left out) and of its output, attributes."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Attribute]


class Graph(NamedTuple):
    """Operations in the order in which they run, and the arrays that they need beside the inputs, by name."""

    nodes: list[Node]
    constants: dict[str, NDArray[Any]]
    inputs: list[Port]
    outputs: list[Port]


def read(model: bytes) -> Graph:
    """Read a serialized ModelProto.

    Raises:
        ModelError: it has values of types, or attributes, that only ONNX Runtime knows; or it is no ModelProto.
    """
    try:
        graph = _Fields(_Fields(memoryview(model)).one(7))
        constants = dict(_tensor(data) for data in graph.all(5))
        return Graph(
            [_node(data) for data in graph.all(1)],
            constants,
            [port for data in graph.all(11) if (port := _port(data)).name not in constants],
            [_port(data) for data in graph.all(12)],
        )
    except (ValueError, KeyError, TypeError, IndexError, OverflowError):
        raise ModelError("a network cannot be loaded without ONNX Runtime, which is not installed") from None


class _Fields:
    """The fields of one message by their numbers."""

    def __init__(self, data: Value) -> None:
        self._values: dict[int, list[Value]] = {}
        for number, _, value in fields(memoryview(data)):  # type: ignore[arg-type]  # TypeError for a number
            self._values.setdefault(number, []).append(value)

    def all(self, number: int) -> list[Value]:
        """Values of a repeated field."""
        return self._values.get(number, [])

    def one(self, number: int) -> Value:
        """Value of a field. KeyError: it is missing."""
        return self._values[number][-1]

    def integer(self, number: int, default: int = 0) -> int:
        """A signed number of 64 bits."""
        return _signed(self._values.get(number, [default])[-1])

    def text(self, number: int) -> str:
        """A text, which is empty where it is missing."""
        return _text(self._values.get(number, [memoryview(b"")])[-1])

    def integers(self, number: int) -> list[int]:
        """Signed numbers of a repeated field, packed or not."""
        return list(chain.from_iterable(_unpacked(value) for value in self.all(number)))

    def floats(self, number: int) -> NDArray[np.float32]:
        """Floats of a repeated field, packed or not."""
        return np.frombuffer(b"".join(bytes(value) for value in self.all(number)), "<f4")


def _text(value: Value) -> str:
    return bytes(value).decode()


def _signed(value: Value) -> int:
    if not isinstance(value, int):
        raise UnreadableError
    return value - (1 << 64) if value >> 63 else value


def _unpacked(value: Value) -> list[int]:
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = read_varint(value, at)
        found.append(_signed(number))
    return found


def _tensor(data: Value) -> tuple[str, NDArray[Any]]:
    """Name and array of a TensorProto."""
    tensor = _Fields(data)
    kind = np.dtype(TYPES[tensor.integer(2)][1])
    shape = tensor.integers(1)
    if tensor.all(9):
        array = np.frombuffer(bytes(tensor.one(9)), kind.newbyteorder("<")).astype(kind)
    elif kind == np.float32:
        array = tensor.floats(4).astype(kind)
    elif kind.kind in "iub":
        array = np.array(tensor.integers(7 if kind == np.int64 else 5), kind)
    else:
        raise UnreadableError  # other floats are read as raw bytes only
    if min(shape, default=1) < 0 or math.prod(shape) != array.size:
        raise UnreadableError
    return tensor.text(8), array.reshape(shape)


def _node(data: Value) -> Node:
    node = _Fields(data)
    outputs = node.all(2)
    if len(outputs) != 1:
        raise UnreadableError
    attributes = dict(_attribute(value) for value in node.all(5))
    return Node(node.text(4), tuple(_text(value) for value in node.all(1)), _text(outputs[0]), attributes)


def _attribute(data: Value) -> tuple[str, Attribute]:
    """Name and value of an AttributeProto; KeyError for the types that no operator here has."""
    attribute = _Fields(data)
    match attribute.integer(20):  # AttributeProto.AttributeType
        case 1:
            found: Attribute = float(attribute.floats(2)[0])
        case 2:
            found = attribute.integer(3)
        case 3:
            found = bytes(attribute.one(4))
        case 7:
            found = tuple(attribute.integers(8))
        case kind:
            raise KeyError(kind)
    return attribute.text(1), found


def _port(data: Value) -> Port:
    value = _Fields(data)
    tensor = _Fields(_Fields(value.one(2)).one(1))
    sizes = [_Fields(size) for size in _Fields(tensor.one(2)).all(1)] if tensor.all(2) else []
    shape = [size.integer(1) if size.all(1) else size.text(2) or None for size in sizes]
    return Port(value.text(1), f"tensor({TYPES[tensor.integer(1)][0]})", shape)
