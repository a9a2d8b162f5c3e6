"""Each operator gives what ONNX Runtime gives."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from codec.runtime.numpy_session import NumpySession
from codec.runtime.operators import OPERATORS
from formats.errors import ModelError

RNG = np.random.default_rng(4)
F = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)
POSITIVE = np.abs(F) + np.float32(0.1)
INTS = np.array([-7, -1, 0, 3, 9], np.int64)
BIG = RNG.normal(size=(2, 6, 9, 8)).astype(np.float32)
MATRIX = RNG.normal(size=(4, 3)).astype(np.float32)
PLACES = RNG.integers(-4, 4, (2, 3, 2, 5))


def i64(*numbers: int) -> np.ndarray[Any, Any]:
    return np.array(numbers, np.int64)


def f32(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.normal(size=shape).astype(np.float32)


CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    *((name, [F], {}) for name in ("Abs", "Exp", "Relu", "Sign", "Tanh")),
    *((name, [POSITIVE], {}) for name in ("Log", "Sqrt")),
    *((name, [F, F[:, :1]], {}) for name in ("Add", "Div", "Less", "Mul", "Sub")),
    ("Div", [INTS, i64(2, 2, 2, -2, -4)], {}),
    ("MatMul", [F, f32(2, 1, 5, 7)], {}),
    ("Pow", [POSITIVE, np.float32(1.5)], {}),
    ("Where", [F > 0, F, np.float32(3)], {}),
    *(("Cast", [array], {"to": to}) for array in (F * 3, INTS) for to in (1, 6, 7, 9, 10, 11)),
    ("Clip", [F], {}),
    ("Clip", [F, np.float32(-0.5)], {}),
    ("Clip", [F, None, np.float32(0.5)], {}),
    ("Clip", [F, np.float32(-0.5), np.float32(0.5)], {}),
    ("Concat", [F, F, F[:, :1]], {"axis": 1}),
    ("Expand", [F[:, :1], i64(3, 1, 1)], {}),
    ("GatherElements", [F, PLACES], {"axis": 2}),
    ("GatherElements", [F, PLACES[:1, :2, :, :3]], {"axis": -2}),
    ("Gemm", [MATRIX, f32(3, 2)], {}),
    ("Gemm", [MATRIX, f32(4, 2), f32(2)], {"transA": 1, "alpha": 0.5, "beta": 2.0}),
    ("Gemm", [MATRIX, f32(2, 3), f32(1, 2)], {"transB": 1}),
    ("Pad", [F, i64(0, 0, 1, 2, 0, 0, 0, 3)], {}),
    ("Pad", [F, i64(1, 0, 0, 0, 0, 0, 0, 1), np.float32(2)], {"mode": "constant"}),
    ("ReduceMean", [F], {}),
    ("ReduceMean", [F, i64(-1, 1)], {"keepdims": 0}),
    ("ReduceMean", [F], {"noop_with_empty_axes": 1}),
    ("Reshape", [F, i64(0, -1, 10)], {}),
    ("Reshape", [F[:0], i64(0, 7)], {"allowzero": 1}),
    ("ScatterElements", [F, PLACES[:, :, :1], f32(2, 3, 1, 5)], {"axis": 2}),
    ("Shape", [F], {}),
    ("Shape", [F], {"start": 1, "end": -1}),
    ("Slice", [F, i64(1, -3), i64(2**40, -1), i64(1, -1)], {}),
    ("Slice", [F, i64(0, 0, 0), i64(2, 2, 4), i64(0, 1, 2), i64(1, 1, 3)], {}),
    ("Slice", [F, i64(1), i64(2)], {}),
    ("Squeeze", [F[:, :1, :, :1]], {}),
    ("Squeeze", [F[:, :1, :, :1], i64(-1)], {}),
    ("Transpose", [F], {}),
    ("Transpose", [F], {"perm": [0, 2, 3, 1]}),
    ("Unsqueeze", [F, i64(0, -1)], {}),
    ("Conv", [BIG, f32(4, 6, 1, 1)], {}),
    ("Conv", [BIG, f32(4, 6, 3, 2), f32(4)], {"strides": [2, 3], "pads": [1, 0, 2, 1], "kernel_shape": [3, 2]}),
    ("Conv", [BIG, f32(6, 1, 5, 3), f32(6)], {"group": 6, "pads": [2, 1, 2, 1], "auto_pad": "NOTSET"}),
    ("Conv", [BIG, f32(6, 1, 2, 3)], {"group": 6, "strides": [2, 2], "dilations": [1, 1]}),
    ("Conv", [BIG[..., 0], f32(4, 6, 3)], {}),
]


def model(operator: str, inputs: list[Any], attributes: dict[str, Any]) -> bytes:
    """A graph of one operation, whose inputs are constants but for the first."""
    arrays = {f"x{i}": np.asarray(value) for i, value in enumerate(inputs) if value is not None}
    names = [f"x{i}" if f"x{i}" in arrays else "" for i in range(len(inputs))]
    graph = helper.make_graph(
        [helper.make_node(operator, names, ["y"], **attributes)],
        "g",
        [helper.make_tensor_value_info("x0", helper.np_dtype_to_tensor_dtype(arrays["x0"].dtype), None)],
        [helper.make_tensor_value_info("y", TensorProto.UNDEFINED, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items() if name != "x0"],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(onnx.shape_inference.infer_shapes(made).SerializeToString())


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_operator_gives_what_onnx_runtime_gives(
    operator: str, inputs: list[Any], attributes: dict[str, Any]
) -> None:
    graph = model(operator, inputs, attributes)
    (expected,) = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(None, {"x0": inputs[0]})
    (found,) = NumpySession(graph).run(["y"], {"x0": inputs[0]})
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def test_every_operator_is_compared() -> None:
    assert {operator for operator, *_ in CASES} == OPERATORS.keys()


@pytest.mark.parametrize(
    ("operator", "inputs", "attributes"),
    [
        ("Conv", [BIG, f32(4, 6, 3, 3)], {"dilations": [2, 2]}),
        ("Conv", [BIG, f32(4, 3, 3, 3)], {"group": 2}),
        ("Conv", [BIG, f32(4, 6, 3, 3)], {"auto_pad": "SAME_UPPER"}),
        ("Pad", [F, i64(0, 0, 1, 1, 0, 0, 0, 0)], {"mode": "edge"}),
        ("ScatterElements", [F, PLACES, F[:, :, :2]], {"axis": 2, "reduction": "add"}),
        ("Slice", [F, i64(2), i64(0), i64(1), i64(-1)], {}),
    ],
)  # fmt: skip
def test_what_is_not_known_is_not_done_otherwise(operator: str, inputs: list[Any], attributes: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        NumpySession(model(operator, inputs, attributes)).run(["y"], {"x0": inputs[0]})


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(ModelError, match="the operator Erf, for which ONNX Runtime is needed, which is not installed"):
        NumpySession(model("Erf", [F], {}))
