"""What an ONNX graph may hold before ONNX Runtime sees it: plain operators and its own weights, nothing else.

A graph whose weights lie in other files makes the runtime open them, and operators of other domains are other people's
native code. The bytes are walked as protobuf (https://protobuf.dev/programming-guides/encoding) with the field numbers
of onnx.proto; whatever the walk does not understand is refused, so that nothing hides from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from formats.errors import ModelError

DOMAINS = {b"", b"ai.onnx"}
"""Operator sets that ONNX itself defines."""

DEPTH = 16
"""Graphs within graphs that are looked into."""


@dataclass(frozen=True)
class Message:
    """Fields of one kind of message that matter.

    Attributes:
        inside: by field number, messages to look into.
        domains: fields that name an operator set.
        refused: fields that must not be there, or must be 0, and what they are.
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
    """Look through a serialized ModelProto.

    Raises:
        ModelError: it has weights in other files, operators beyond ONNX's own, functions, or is no ModelProto.
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
    """Fields of a message: number, and value or bytes. ValueError, IndexError: it is none."""
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
