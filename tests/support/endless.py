"""A network that never returns, made of one that does."""

import hashlib
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from tests.support.model_folders import change_card, copied


def endless(graph: bytes) -> bytes:
    """The graph with a loop without end before its first output."""
    model = onnx.ModelProto.FromString(graph)
    output = model.graph.output[0]
    kind = output.type.tensor_type.elem_type
    for node in model.graph.node:
        node.output[:] = ["before_the_loop" if name == output.name else name for name in node.output]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still"]),
            helper.make_node("Identity", ["state"], ["state_after"]),
        ],
        "for_ever",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", kind, None),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state_after", kind, None),
        ],
    )
    model.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    model.graph.node.append(helper.make_node("Loop", ["", "yes", "before_the_loop"], [output.name], body=body))
    return bytes(model.SerializeToString())


def endless_model(place: Path) -> Path:
    """A copy of the tiny model whose networks never return; its folder."""
    folder = copied("tiny", place)
    decoder = "decoders/standard/decoder.onnx"
    graphs = {part: endless((folder / part).read_bytes()) for part in ("encoder.onnx", decoder)}
    for part, graph in graphs.items():
        (folder / part).write_bytes(graph)

    def entries(card):
        card["encoder"]["sha256"] = hashlib.sha256(graphs["encoder.onnx"]).hexdigest()
        card["decoders"]["standard"]["sha256"] = hashlib.sha256(graphs[decoder]).hexdigest()

    change_card(folder, entries)
    return folder
