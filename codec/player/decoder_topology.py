"""What the player's kernels compute, as an ONNX graph, and the comparison of a decoder with it.

The graph is that of `training/ranked/decoder_graph.py`, where its operations are explained, as PyTorch exports it. What
counts is how each value is computed: the names of values and the order of the nodes make no difference.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.runtime.onnx_graph import Graph, Node
from formats.errors import ModelError

OUTPUT = """
Reshape(Transpose(Reshape(filled, Concat(B, T, tokens, 2, patch, axis=0)), perm=(0, 1, 3, 2, 4)), all)
"""

DEFINITIONS = """
hyper = Cast(hyper_by_frame, to=1)
index = Cast(indices, to=1)
magnitude = Abs(index)
at = Cast(position, to=7)
flat = Reshape(at, (1, -1))
one = Expand(1.0, Shape(Slice(hyper, 0, 1, 2, 1)))
by_gain = Mul(Unsqueeze(gain, (1, 2)), one)
all = Concat(B, T, 1400, axis=0)
sent_ones = Concat(B, T, M, axis=0)

ln_sigma = Reshape(Gemm(Reshape(hyper, (-1, 48)), "ln_sigma", "ln_sigma_offset?", transB=1), all)
place = Reshape(GatherElements("place", flat, axis=1), sent_ones)
shape = Reshape(GatherElements("shape", flat, axis=1), sent_ones)
steady = Reshape(GatherElements("steady", flat, axis=1), sent_ones)
bias = Reshape(GatherElements("bias", flat, axis=1), sent_ones)
loudness = MatMul(Concat(hyper, one, axis=2), "loudness")
own_ln_sigma = GatherElements(ln_sigma, place, axis=2)
by_bias = Sub(bias, Mul(by_gain, LN_GAIN))
ln_step = Add(Add(Mul(own_ln_sigma, shape), Mul(loudness, steady)), by_bias)
ratio = Exp(Sub(own_ln_sigma, ln_step))

in_sigmas = Clip(Div(index, ratio), -4, 4)
ln_magnitude = Add(Log(Add(magnitude, 1)), Cast(sent, to=1))
values = Concat(Unsqueeze(in_sigmas, 1), Unsqueeze(ln_magnitude, 1), axis=1)
zeros = Expand(0.0, Concat(B, 2, T, 1400, axis=0))
dense = ScatterElements(zeros, Expand(Unsqueeze(at, 1), (1, 2, 1, 1)), values, axis=3)
planes = Reshape(dense, Concat(B, 2, Reshape(Mul(2, Squeeze(T)), -1), 700, axis=0))
were_sent = Clip(Slice(planes, 1, END, 1, 1), None, 1)
features = Concat(hyper, Cast(long, to=1), by_gain, one, axis=2)
added = Conv(MatMul(Unsqueeze(features, 1), "from_features"), "ones", group=width)
with_values = Add(added, Conv(planes, "from_values", strides=(2, patch)))
enter = Add(with_values, Conv(were_sent, "from_sent", strides=(2, patch)))

by_token = Reshape(Transpose(BLOCKS, perm=(0, 2, 3, 1)), (-1, width))
factor = Reshape(Gemm(by_token, "head_weights.0", "head_biases.0?", transB=1), all)
noise_gain = Reshape(Gemm(by_token, "head_weights.1", "head_biases.1?", transB=1), all)
residual = Reshape(Gemm(by_token, "head_weights.2", "head_biases.2?", transB=1), all)

in_tokens = Transpose(Reshape(noise, Concat(B, T, 2, tokens, patch, axis=0)), perm=(0, 1, 3, 2, 4))
fill = Cast(Reshape(in_tokens, all), to=1)
amplitude = Exp(Clip(noise_gain, LEAST_NOISE, MOST_NOISE))
unsent = Mul(Exp(ln_sigma), Add(Tanh(residual), Mul(fill, amplitude)))

own_gain = GatherElements(noise_gain, place, axis=2)
own_factor = Tanh(GatherElements(factor, place, axis=2))
moved = Add(Tanh(GatherElements(residual, place, axis=2)), Mul(Clip(index, -2, 2), own_factor))
zero = Mul(Exp(Clip(own_gain, LEAST_NOISE, MOST_NOISE)), Clip(Div(ratio, 0.8), None, 0.3125))
more = Mul(Relu(Tanh(Sub(own_gain, LN_NOISE))), 0.0078125)
own_fill = Mul(GatherElements(fill, place, axis=2), Where(Less(magnitude, 0.5), zero, more))
value = Add(Add(index, Mul(moved, 0.5)), own_fill)
filled = ScatterElements(unsent, place, Mul(Exp(ln_step), value), axis=2)
"""
"""Texts are arrays that a decoder brings, which an export leaves out where they end in ? and are zero."""

_LN_NOISE = math.log(0.8 / 32)

NUMBERS = {
    "LN_GAIN": math.log(2) / 32,
    "LN_NOISE": _LN_NOISE,
    "LEAST_NOISE": _LN_NOISE - 4,
    "MOST_NOISE": _LN_NOISE + 1.5,
    "END": (1 << 63) - 1,
}
"""What the kernels compute with besides (`assembly/coefficients.ts`, `src/model/network.ts`)."""

SIZES = ("tokens", "patch", "width")
"""Sizes in which decoders differ."""

AXES = {"B": 0, "T": 1, "M": 2}
"""Lengths that differ from call to call, and the axes of the inputs that have them."""

INPUTS = ("indices", "position", "sent", "hyper_by_frame", "noise", "long", "gain")

DEFAULTS: dict[str, dict[str, Any]] = {
    "Cast": {"saturate": 1},
    "Conv": {"auto_pad": b"NOTSET", "dilations": (1, 1), "group": 1, "pads": (0, 0, 0, 0), "strides": (1, 1)},
    "Gemm": {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0},
    "GatherElements": {"axis": 0},
    "ScatterElements": {"axis": 0, "reduction": b"none"},
    "Shape": {"start": 0},
}
"""Attributes that a node has where it does not state them."""

UNIMPORTANT = frozenset(["allowzero", "kernel_shape"])
"""Attributes that change nothing: no length is 0, and a kernel has the shape of its weights."""


class UnfitError(ModelError):
    """The kernels do not compute this graph; the text says why."""


@dataclass
class Parts:
    """What a decoder brings to the common graph.

    Attributes:
        arrays: by the places where they enter; None for a bias that was left out. A block's are
            decoder.trunk.blocks.0.up.weight and so on.
        sizes: of SIZES.
        blocks: number of residual blocks.
    """

    arrays: dict[str, NDArray[Any] | None] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    blocks: int = 0


def parts(graph: Graph) -> Parts:
    """Compare a decoder with the graph that the kernels compute -> what it brings.

    Raises:
        UnfitError: it computes something else.
    """
    if len(graph.outputs) != 1:
        raise UnfitError(f"it has {len(graph.outputs)} outputs")
    comparison = _Comparison(graph)
    comparison.compare(ast.parse(OUTPUT.strip(), mode="eval").body, graph.outputs[0].name, "its output")
    return comparison.found


class _Comparison:
    """Walks from the output to the inputs, in the graph and in the definitions at once."""

    def __init__(self, graph: Graph) -> None:
        self.found = Parts()
        self._constants = graph.constants
        self._inputs = {port.name for port in graph.inputs}
        self._nodes = {node.output: node for node in graph.nodes}
        self._same: set[tuple[str, str]] = set()
        self._definitions: dict[str, ast.expr] = {}
        for line in ast.parse(DEFINITIONS).body:
            assert isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
            self._definitions[line.targets[0].id] = line.value

    def compare(self, wanted: ast.expr, name: str, place: str) -> None:
        """Compare the value of this name with what is wanted.

        Args:
            wanted: an expression of the definitions.
            name: in the graph; empty where an input is left out.
            place: what it belongs to, for the error's text.
        """
        match wanted:
            case ast.Name(id) if id in self._definitions:
                if (id, name) not in self._same:
                    self.compare(self._definitions[id], name, id)
                    self._same.add((id, name))
            case ast.Name("BLOCKS"):
                self._compare_blocks(name)
            case ast.Name(id) if id in AXES:
                self._compare_length(id, name, place)
            case ast.Name(id) if id in INPUTS:
                if name != id or name not in self._inputs:
                    raise UnfitError(f"{place} is not computed from {id}")
            case ast.Call(ast.Name(operator), args, keywords):
                node = self._node(name, operator, place)
                self._check_attributes(node, {str(key.arg): self._number(key.value) for key in keywords}, place)
                self._compare_inputs(node, args, place)
            case ast.Constant(str(role)):
                self._bring(role, name)
            case ast.Constant(None):
                if name:
                    raise UnfitError(f"{place} has a bound more")
            case _:
                self._compare_number(wanted, name, place)

    def _node(self, name: str, operator: str, place: str) -> Node:
        node = self._nodes.get(name)
        if node is None or name in self._constants or node.operator != operator:
            found = "no result" if node is None or name in self._constants else f"the result of {node.operator}"
            raise UnfitError(f"{place} has {found} where that of {operator} belongs")
        return node

    def _compare_inputs(self, node: Node, wanted: list[ast.expr], place: str) -> None:
        if len(node.inputs) > len(wanted):
            raise UnfitError(f"{place} has {len(node.inputs)} inputs in {node.operator}, not {len(wanted)}")
        names = (*node.inputs, *[""] * (len(wanted) - len(node.inputs)))
        for expression, name in zip(wanted, names, strict=True):
            self.compare(expression, name, place)

    def _check_attributes(self, node: Node, wanted: dict[str, Any], place: str) -> None:
        defaults = DEFAULTS.get(node.operator, {})
        found = defaults | {key: value for key, value in node.attributes.items() if key not in UNIMPORTANT}
        wanted = defaults | wanted
        if found.keys() != wanted.keys():
            raise UnfitError(f"{place} has other attributes in {node.operator}")
        for key, value in found.items():
            if not self._is(value, wanted[key]):
                raise UnfitError(f"{place} has the {key} {value} in {node.operator}")

    def _compare_length(self, wanted: str, name: str, place: str) -> None:
        """Compare with the length of an axis of the inputs."""
        axis = AXES[wanted]
        node = self._node(name, "Shape", place)
        start = node.attributes.get("start", 0)
        having = ("indices", "position") if wanted == "M" else INPUTS[:4]
        if _input(node, 0) not in having or (start, node.attributes.get("end")) != (axis, axis + 1):
            raise UnfitError(f"{place} has another length")

    def _compare_blocks(self, name: str) -> None:
        """Take residual blocks off until what enters them is left; they are counted from there."""
        ends: list[tuple[Node, Node]] = []
        while len(ends) <= len(self._nodes):
            last = self._node(name, "Add", "the trunk")
            down = self._nodes.get(_input(last, 1))
            relu = self._nodes.get(_input(down, 0))
            if down is None or relu is None or down.operator != "Conv" or relu.operator != "Relu":
                break
            ends.append((last, down))
            name = _input(last, 0)
        self.compare(ast.Name("enter"), name, "enter")
        self.found.blocks = len(ends)
        for number, (last, down) in enumerate(reversed(ends)):
            self._compare_block(f"decoder.trunk.blocks.{number}", last, down)

    def _compare_block(self, block: str, last: Node, down: Node) -> None:
        up = self._node(_input(self._node(_input(down, 0), "Relu", block), 0), "Conv", block)
        depthwise = self._node(_input(up, 0), "Conv", block)
        if _input(depthwise, 0) != _input(last, 0):
            raise UnfitError(f"{block} adds to something else than what it is computed from")
        for part, node in (("depthwise", depthwise), ("up", up), ("down", down)):
            self._bring(f"{block}.{part}.weight", _input(node, 1))
            self._bring(f"{block}.{part}.bias?", _input(node, 2))
        kernel = self._constants[_input(depthwise, 1)]
        margins = tuple(size // 2 for size in kernel.shape[2:])
        self._check_attributes(depthwise, {"group": "width", "pads": margins * 2}, block)
        for node in (up, down):
            self._check_attributes(node, {}, block)

    def _bring(self, role: str, name: str) -> None:
        """Note the array that a decoder brings in a place."""
        place = role.removesuffix("?")
        array = self._constants.get(name)
        if array is None and (name or place == role):
            raise UnfitError(f"{place} is not there")
        known = self.found.arrays.setdefault(place, array)
        if known is not array:
            raise UnfitError(f"{place} is there twice")

    def _compare_number(self, wanted: ast.expr, name: str, place: str) -> None:
        found = self._constants.get(name)
        if found is None or found.size > 8 or not self._is(found.ravel().tolist(), self._number(wanted)):
            raise UnfitError(f"{place} has another constant")

    def _number(self, wanted: ast.expr) -> Any:
        """A number, the name of a size, or several in a row."""
        match wanted:
            case ast.Tuple(parts):
                return tuple(self._number(part) for part in parts)
            case ast.UnaryOp(ast.USub(), operand):
                return -self._number(operand)
            case ast.Name(id):
                return NUMBERS.get(id, id)
            case ast.Constant(value):
                return value
        raise AssertionError(ast.dump(wanted))

    def _is(self, value: Any, wanted: Any) -> bool:
        """Whether a value is the wanted one; a size becomes known where it is met first."""
        several = list(value) if isinstance(value, list | tuple) else [value]
        wanted = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
        return len(several) == len(wanted) and all(map(self._is_one, several, wanted))

    def _is_one(self, value: Any, wanted: Any) -> bool:
        if isinstance(wanted, str):
            return bool(self.found.sizes.setdefault(wanted, value) == value)
        if isinstance(value, float) or isinstance(wanted, float):
            return bool(np.float32(value) == np.float32(wanted))
        return bool(value == wanted)


def _input(node: Node | None, index: int) -> str:
    """Name of an input; empty where it is left out."""
    return node.inputs[index] if node and index < len(node.inputs) else ""
