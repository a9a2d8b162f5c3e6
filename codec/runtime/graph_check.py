"""Checks an ONNX graph before ONNX Runtime loads it: only ONNX's own operators and embedded weights are accepted.

A graph whose weights lie in other files would make the runtime open them, and operators of other domains are native
code of other people. The bytes are walked as protobuf (https://protobuf.dev/programming-guides/encoding) with the field
numbers of onnx.proto. Whatever the walk does not understand is refused, so that nothing can be hidden from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from formats.errors import ModelError

DOMAINS = {b"", b"ai.onnx"}
"""Operator sets that ONNX itself defines."""

DEPTH = 16
"""Most levels of nested messages that are checked."""


@dataclass(frozen=True)
class Message:
    """The fields of one kind of message that are checked.

    Attributes:
        inside: nested messages to check, by field number.
        domains: fields that name an operator set.
        refused: fields that must be missing or 0, and what they hold.
    """

    inside: dict[int, Message] = field(default_factory=dict)
    domains: frozenset[int] = frozenset()
    refused: dict[int, str] = field(default_factory=dict)


TENSOR = Message(refused={13: "weights in other files", 14: "weights in other files"})
SPARSE = Message({1: TENSOR, 2: TENSOR})
GRAPH = Message({5: TENSOR, 15: SPARSE})
ATTRIBUTE = Message({5: TENSOR, 6: GRAPH, 10: TENSOR, 11: GRAPH, 22: SPARSE, 23: SPARSE})
NODE = Message({5: ATTRIBUTE}, domains=frozenset({7}))
GRAPH.inside[1] = NODE
MODEL = Message(
    {7: GRAPH, 8: Message(domains=frozenset({1}))}, refused={20: "training information", 25: "functions of its own"}
)


def check(graph: bytes) -> None:
    """Check a serialized ModelProto.

    Raises:
        ModelError: it has weights in other files, operators that are not ONNX's own, or functions; or it is not a
        ModelProto.
    """
    try:
        if not _walk(memoryview(graph), MODEL, DEPTH) & {7}:
            raise ValueError
    except (ValueError, IndexError, RecursionError):
        raise ModelError("a network cannot be loaded: it is no ONNX graph") from None


def _walk(data: memoryview, kind: Message, depth: int) -> set[int]:
    """Check one message -> the numbers of its fields."""
    seen = set()
    for number, value in _fields(data):
        seen.add(number)
        if number in kind.refused and value:
            raise ModelError(f"a network has {kind.refused[number]}, which aez does not run")
        if number in kind.domains and (isinstance(value, int) or bytes(value) not in DOMAINS):
            raise ModelError("a network has operators that are not ONNX's own, which aez does not run")
        if number in kind.inside:
            if isinstance(value, int) or not depth:
                raise ValueError
            _walk(value, kind.inside[number], depth - 1)
    return seen


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message: number, and value or bytes; ValueError or IndexError if it is not a message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(data, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError
        if length > len(data) - at:
            raise ValueError
        yield number, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (1 << 64) - 1, at
    raise ValueError
