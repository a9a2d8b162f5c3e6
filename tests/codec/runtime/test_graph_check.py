"""ONNX graphs that reach beyond themselves never get to ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
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
