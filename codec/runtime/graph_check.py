"""Checks an ONNX graph before ONNX Runtime loads it: only ONNX's own operators and embedded weights are accepted.

A graph whose weights lie in other files would make the runtime open them, and operators of other domains are native
code of other people. The bytes are parsed as protobuf (`codec.runtime.protobuf`) with the fields of
`codec.runtime.onnx_fields`, and whatever is not understood is refused. ONNX Runtime is not given these bytes
but new ones, written from what was parsed: where its parser reads something else in the same bytes (it drops the upper
bits of a tag, for instance), that is not there any more.
"""

from __future__ import annotations

from codec.runtime.onnx_fields import GRAPH_FIELD, MODEL, Field, Form, Message
from codec.runtime.protobuf import BYTES, FIXED32, FIXED64, VARINT, UnreadableError, Value, fields, varint
from formats.errors import ModelError

DOMAINS = {b"", b"ai.onnx"}
"""Operator sets that ONNX itself defines."""

DEPTH = 16
"""Most levels of nested messages that are checked."""

ORT_MARK = slice(4, 8), b"ORTM"
"""Where ONNX Runtime looks for the mark of its own format, and that mark."""

WIRES = {
    Form.VARINT: VARINT,
    Form.FLOAT: FIXED32,
    Form.DOUBLE: FIXED64,
    Form.TEXT: BYTES,
    Form.BYTES: BYTES,
}


def check(graph: bytes) -> bytes:
    """Check a serialized ModelProto -> the same model, serialized anew without notes; only this may be loaded.

    Raises:
        ModelError: it has weights in other files, operators that are not ONNX's own, functions, or fields that this
            version does not know; or it is not a ModelProto.
    """
    try:
        return _checked(graph)
    except (UnreadableError, UnicodeDecodeError, RecursionError):
        raise ModelError("a network cannot be loaded: it is no ONNX graph") from None


def _checked(graph: bytes) -> bytes:
    place, mark = ORT_MARK
    if graph[place] == mark:
        raise ModelError("a network is in ONNX Runtime's own format, which aez does not run")
    seen: set[int] = set()
    made = _rebuilt(memoryview(graph), MODEL, DEPTH, seen)
    if GRAPH_FIELD not in seen or made[place] == mark:
        raise UnreadableError
    return made


def _rebuilt(data: memoryview, kind: Message, depth: int, seen: set[int]) -> bytes:
    """Parse one message and write it anew; the numbers of its fields are added to `seen`."""
    out: list[bytes | memoryview] = []
    for number, wire, value in fields(data):
        field = kind.fields.get(number)
        if field is None:
            raise ModelError(f"a network has a field of number {number}, which this version of aez does not know")
        if number in seen and not field.many:  # parsers would merge them, or take one of them
            raise UnreadableError
        seen.add(number)
        value = _value(field, wire, value, depth)
        if field.kept:
            out.append(varint(number << 3 | wire))
            out.append(varint(value if isinstance(value, int) else len(value)) if wire in (VARINT, BYTES) else b"")
            out.append(b"" if isinstance(value, int) else value)
    return b"".join(out)


def _value(field: Field, wire: int, value: Value, depth: int) -> Value:
    """The checked value of a field; a message is written anew."""
    if field.refused and value != 0:
        raise ModelError(f"a network has {field.refused}, which aez does not run")
    if isinstance(field.holds, Message):
        if wire != BYTES or isinstance(value, int) or not depth:
            raise UnreadableError
        return memoryview(_rebuilt(value, field.holds, depth - 1, set()))
    if wire == BYTES and field.many and WIRES[field.holds] != BYTES:
        _check_packed(field.holds, value)
    elif wire != WIRES[field.holds]:
        raise UnreadableError
    if field.holds is Form.TEXT and not isinstance(value, int):
        str(value, "utf-8")
    if isinstance(value, int) and value >= field.below:
        raise UnreadableError
    if field.domain and (isinstance(value, int) or bytes(value) not in DOMAINS):
        raise ModelError("a network has operators that are not ONNX's own, which aez does not run")
    return value


def _check_packed(form: Form, value: Value) -> None:
    """Raise UnreadableError unless the bytes are numbers of this form, one behind the other."""
    import numpy as np

    if isinstance(value, int) or len(value) % {Form.FLOAT: 4, Form.DOUBLE: 8}.get(form, 1):
        raise UnreadableError
    if form is not Form.VARINT or not len(value):
        return
    raw = np.frombuffer(value, np.uint8)
    ends = np.flatnonzero(raw < 128)
    sizes = np.diff(ends, prepend=-1)
    if raw[-1] > 127 or sizes.max() > 10 or (raw[ends[sizes == 10]] > 1).any():
        raise UnreadableError
