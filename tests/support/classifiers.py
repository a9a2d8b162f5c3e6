"""A genre classifier that is worked out by hand: the mean of the features times a matrix."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from codec.inspection import genre
from codec.runtime import classifiers, models

CLASSES = ["Rock", "Ambient", "Folk"]
MATRIX = np.random.default_rng(0).normal(0, 0.01, (genre.SIZE, len(CLASSES))).astype(np.float32)


def graph() -> bytes:
    """logits = mean over time of the features, times MATRIX."""
    nodes = [
        helper.make_node("ReduceMean", ["features", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "matrix"], ["logits"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1], np.int64), "axes"),
        numpy_helper.from_array(MATRIX, "matrix"),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["B", "T", genre.SIZE])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", len(CLASSES)])]
    model = helper.make_model(
        helper.make_graph(nodes, "classifier", inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def make(folder: Path, model: str) -> Path:
    """A classifier of the name of `folder` for an installed model."""
    folder.mkdir(parents=True)
    (folder / "genre.onnx").write_bytes(graph())
    card = {
        "classes": CLASSES,
        "bitstreams": [bytes(8).hex(), models.by_name(model).id.hex()],
        "features": classifiers.FEATURES,
        "certain_from": 0.5,
        "sha256": hashlib.sha256(graph()).hexdigest(),
    }
    (folder / "genre.json").write_text(json.dumps(card))
    return folder
