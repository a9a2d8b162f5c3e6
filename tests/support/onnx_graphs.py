"""Small ONNX graphs made by hand."""

from typing import Any

import onnx
from onnx import TensorProto, ValueInfoProto, helper

FUNCTION = helper.make_function("own", "F", ["a"], ["b"], [], [helper.make_opsetid("", 18)])
"""A function that a graph may bring along."""


def value(name: str, kind: int = TensorProto.FLOAT) -> ValueInfoProto:
    """An input or output: one number."""
    return helper.make_tensor_value_info(name, kind, [1])


def if_graph(**changes: Any) -> onnx.ModelProto:
    """x is compared with a weight, and an If copies it to y; anything of that may be spoilt.

    Args:
        **changes: external (True: the weight lies in another file; "inner": so does a nested graph's), constant (the
            weight is a Constant node's), inner and inside (operator and domain of the nested node), sets (domains of
            further operator sets), own (functions).
    """
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0])
    if changes.get("external"):
        weight.ClearField("float_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="secret.bin")
    node = helper.make_node(changes.get("inner", "Identity"), ["x"], ["z"], domain=changes.get("inside", ""))
    weights = [weight] if changes.get("external") == "inner" else []
    branch = helper.make_graph([node], "inner", [], [value("z")], weights)
    other = helper.make_graph([helper.make_node("Identity", ["x"], ["z2"])], "other", [], [value("z2")])
    nodes = [
        helper.make_node("Greater", ["x", "w"], ["more"]),
        helper.make_node("If", ["more"], ["y"], then_branch=branch, else_branch=other),
    ]
    graph = helper.make_graph(nodes, "outer", [value("x")], [value("y")], [weight])
    if changes.get("constant"):
        graph.node.append(helper.make_node("Constant", [], ["c"], value=weight))
        graph.initializer[0].CopyFrom(helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0]))
    return _model(graph, changes.get("sets", []), changes.get("own"))


def identity(name: str) -> bytes:
    """One number called `name`, copied to y."""
    return _model(
        helper.make_graph([helper.make_node("Identity", [name], ["y"])], "one", [value(name)], [value("y")])
    ).SerializeToString()


def _model(graph: onnx.GraphProto, domains: Any = (), functions: Any = None) -> onnx.ModelProto:
    sets = [helper.make_opsetid("", 18), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=sets, functions=functions, ir_version=10)
