"""ONNX graphs that reach beyond themselves never get to ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from codec.runtime import graph_check
from codec.runtime.session import Sessions
from formats.errors import ModelError
from tests.support.model_folders import one_line
from tests.support.onnx_graphs import FUNCTION, if_graph


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"external": True}, "weights in other files"),
        ({"external": "inner"}, "weights in other files"),
        ({"external": True, "constant": True}, "weights in other files"),
        ({"sets": ["com.microsoft"]}, "not ONNX's own"),
        ({"sets": ["ai.onnx.ml"]}, "not ONNX's own"),
        ({"inside": "com.evil", "inner": "Run"}, "not ONNX's own"),
        ({"own": [FUNCTION]}, "functions of its own"),
    ],
)
def test_graphs_that_reach_beyond_themselves_are_refused(
    changes: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.bin").write_bytes(np.float32(2).tobytes())
    with pytest.raises(ModelError, match=words):
        Sessions("cpu").network(if_graph(**changes).SerializeToString(), {"x"})


def test_a_graph_that_keeps_to_itself_passes() -> None:
    graph_check.check(if_graph().SerializeToString())


@pytest.mark.parametrize("raw", [b"", b"no graph", bytes(100), b"\xff" * 100, b"\x3a" * 3, b"\x0b"], ids=repr)
def test_bytes_that_are_no_graph_are_refused(raw: bytes) -> None:
    with pytest.raises(ModelError, match="no ONNX graph"):
        graph_check.check(raw + (if_graph().SerializeToString() if raw == b"\x0b" else b""))


def test_truncated_graphs_never_crash() -> None:
    whole = if_graph().SerializeToString()
    for size in range(len(whole)):
        try:
            graph_check.check(whole[:size])
        except ModelError as error:
            one_line(error)


def test_deep_nesting_is_refused() -> None:
    nested = b""
    for _ in range(40):
        attribute = b"\x32" + varint(len(nested)) + nested
        node = b"\x2a" + varint(len(attribute)) + attribute
        nested = b"\x0a" + varint(len(node)) + node
    with pytest.raises(ModelError, match="no ONNX graph"):
        graph_check.check(b"\x3a" + varint(len(nested)) + nested)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | int, *, upper: int = 0, size: int = 0) -> bytes:
    """One field; its tag may have bits above its 32, and be longer than it need be."""
    wire = 0 if isinstance(value, int) else 2
    tag = bytearray(varint(number << 3 | wire | upper << 32))
    while len(tag) < size:
        tag[-1] |= 128
        tag.append(0)
    return bytes(tag) + (varint(value) if isinstance(value, int) else varint(len(value)) + value)


def with_attribute(name: str, **fields: Any) -> bytes:
    """The graph of `if_graph`, whose first node has an attribute of these fields."""
    model = if_graph()
    model.graph.node[0].attribute.add(name=name, **fields)
    return bytes(model.SerializeToString())


GOOD = if_graph().SerializeToString()
TENSOR = field(1, 1) + field(2, 1) + field(8, b"w")
WEIGHT = field(9, b"\0\0\0\x40")

LONG_TAGS = {
    "data location": field(7, field(5, TENSOR + field(14, 1, upper=1))),
    "external data": field(7, field(5, TENSOR + field(13, b"", upper=1))),
    "domain": field(7, field(1, field(4, b"Gelu") + field(7, b"com.microsoft", upper=1))),
    "operator set": field(8, field(1, b"com.microsoft", upper=8) + field(2, 1)),
    "node": field(7, field(1, field(7, b"com.microsoft"), upper=1)),
    "graph": field(7, field(1, field(7, b"com.microsoft")), upper=1),
    "function": field(25, b"", upper=1),
    "harmless": field(7, field(2, b"name", upper=1)),
    "upper bits alone": field(7, field(2, b"name", upper=1 << 20)),
    "long": field(8, field(2, 1), size=6),
    "as long as can be": field(8, field(2, 1), size=10),
}


@pytest.mark.parametrize("part", LONG_TAGS.values(), ids=LONG_TAGS)
def test_tags_of_more_than_32_bits_are_refused(part: bytes) -> None:
    """C++ drops the upper bits and reads the field; a graph is then not what was checked."""
    for graph in (GOOD + part, part + GOOD):
        with pytest.raises(ModelError, match="no ONNX graph"):
            graph_check.check(graph)


def test_the_mark_of_the_runtimes_own_format_is_refused() -> None:
    name = GOOD[:2] + field(2, b"ORTM") + GOOD[2:]
    assert name[4:8] == b"ORTM"
    for graph in (name, b"\x18\0\0\0ORTM" + GOOD, b"\x18\0\0\0ORTM" + bytes(100)):
        with pytest.raises(ModelError, match="own format"):
            graph_check.check(graph)
    named = field(7, field(10, b"note") + field(2, b"ORTM") + if_graph().graph.SerializeToString())
    rest = if_graph()
    rest.ClearField("graph")
    with pytest.raises(ModelError):  # the mark comes to its place only when the note before it is left out
        graph_check.check(named + rest.SerializeToString())


def test_the_runtime_is_told_the_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the mark alone does nothing, even if it got past the check."""
    monkeypatch.setattr(graph_check, "check", bytes)
    with pytest.raises(ModelError, match="cannot be loaded"):
        Sessions("cpu").network(b"\x18\0\0\0ORTM" + GOOD, {"x"})


@pytest.mark.parametrize(
    "graph",
    [
        GOOD + b"\x0b\x0c",
        GOOD + b"\x0e",
        GOOD + b"\x0f",
        GOOD + b"\0\0",
        GOOD + b"\x02\0",
        GOOD + field(7, b""),
        GOOD + field(1, 8),
        GOOD + field(7, 1),
        GOOD + b"\x09" + bytes(8),
        GOOD + b"\x42\x80\x80\x80\x80\x80\0",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02" + GOOD[2:],
        GOOD + field(8, field(1, b"\xff")),
        field(7, field(5, field(2, 1 << 31))),
        field(7, field(5, field(2, (1 << 32) + 1))),
        field(7, field(1, field(5, field(20, 1 << 31)))),
        field(7, field(1, field(5, field(20, 15)))),
        GOOD + field(2, b"\xff"),
        field(7, field(5, TENSOR + field(4, bytes(3)))),
        field(7, field(5, TENSOR + field(7, b"\x80"))),
        field(7, field(5, TENSOR + field(7, b"\x80" * 10 + b"\0"))),
        field(7, field(5, TENSOR + field(7, b"\xff" * 9 + b"\x02"))),
    ],
    ids=range(21),
)
def test_what_parsers_may_not_agree_on_is_refused(graph: bytes) -> None:
    """Groups, unknown wire types, number 0, fields twice, other wire types, numbers and texts that are none."""
    with pytest.raises(ModelError):
        graph_check.check(graph)


@pytest.mark.parametrize(
    "part", [field(26, b""), field(8, field(3, 1)), field(7, field(1, field(10, b""))), field(99, 0)]
)
def test_unknown_fields_are_refused(part: bytes) -> None:
    with pytest.raises(ModelError, match="does not know"):
        graph_check.check(GOOD + part if part[0] != 0x3A else part)


@pytest.mark.parametrize("number", [13, 20, 25])
def test_refused_fields_may_not_even_be_empty(number: int) -> None:
    part = field(7, field(5, field(13, b""))) if number == 13 else GOOD + field(number, b"")
    with pytest.raises(ModelError, match="which aez does not run"):
        graph_check.check(part)


def test_what_is_loaded_is_written_anew() -> None:
    """Notes are left out, numbers take their shortest form, and all else is the same."""
    plain = if_graph()
    noted = if_graph()
    noted.producer_name, noted.doc_string = "somebody", "something"
    noted.metadata_props.add(key="ort_config", value="{}")
    noted.graph.node[0].doc_string = "first"
    assert graph_check.check(noted.SerializeToString()) == graph_check.check(plain.SerializeToString())
    roundabout = GOOD + b"\x42\x87\x80\0" + field(1, b"") + b"\x90\0\x81\x80\0"
    made = graph_check.check(roundabout)
    assert made == graph_check.check(made) == graph_check.check(GOOD) + field(8, field(1, b"") + field(2, 1))


def test_every_kind_of_attribute_passes() -> None:
    tensor = if_graph().graph.initializer[0]
    tensor.raw_data, tensor.float_data[:] = tensor.float_data[0].hex().encode(), []
    for fields in (
        {"f": 0.5, "i": -1, "s": b"\xff"},
        {"floats": [0.5, 1], "ints": [-1, 1 << 40], "strings": [b"\xff", b""]},
        {"t": tensor, "tensors": [tensor, tensor]},
    ):
        made = onnx.ModelProto.FromString(graph_check.check(with_attribute("a", **fields)))
        assert made.graph.node[0].attribute[0] == onnx.AttributeProto(name="a", **fields)
