"""Takes the weights out of a ranked model's decoder.onnx, and refuses a graph that the player's kernels do not compute.

The kernels (`assembly/`) compute the architecture of `training/ranked/decoder_graph.py`, of whatever width and depth.
They are given the weights alone, so everything else in the graph has to be what they put in its place.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from codec.player.hyper_weights import convolution, planes
from codec.runtime import graph_check, onnx_graph
from codec.runtime.blas import single_threaded_blas
from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HOP, HYPER_FRAMES, HYPER_SIZE
from formats.model.tables import SIGMA_UNIT, Tables

Float = NDArray[np.float32]

FEATURES = HYPER_SIZE + 3
"""Features of a frame: its hyper latents, whether its windows are long, the gain, and 1."""

LN_NOISE = math.log(0.8 / 32)

CONSTANTS = (
    *(0, 1, 0.5, 2, -2, 4, -4, 0.8, 0.3125, 0.0078125, math.log(2) / 32),
    *(LN_NOISE, LN_NOISE - 4, LN_NOISE + 1.5),
)
"""What the kernels compute with (`assembly/coefficients.ts`, `src/model/network.ts`)."""

ROUNDING = 1e-7
"""How far what the player computes at its start may be from what the graph has, of the largest weight."""

OPERATORS = {
    "Conv": (3, 3), "Relu": (1, 1), "Gemm": (4, 0), "MatMul": (2, 0), "Exp": (5, 0), "Tanh": (4, 0), "Log": (1, 0),
    "Clip": (6, 0), "Div": (2, 0), "Abs": (1, 0), "Less": (1, 0), "Where": (1, 0),
    "GatherElements": (9, 0), "ScatterElements": (2, 0), "Add": (10, 1), "Mul": (13, 0), "Sub": (3, 0),
}  # fmt: skip
"""How often a decoder without blocks has operators, and how often each block adds one."""

MOVING = frozenset(["Cast", "Concat", "Expand", "Reshape", "Shape", "Slice", "Squeeze", "Transpose", "Unsqueeze"])
"""Operators that compute nothing."""


class UnfitError(ModelError):
    """The kernels do not compute this graph; the text says why."""


def read(graph: bytes, tables: Tables) -> dict[str, Float]:
    """Read decoder.onnx -> the weights that the player needs, by name, in the order of `src/model/weights.ts`.

    Args:
        graph: the file's bytes.
        tables: of its model.

    Raises:
        ModelError: it is no ONNX graph; UnfitError: it is one of another architecture, or of other tables.
    """
    checked = graph_check.check(graph)
    try:
        found = onnx_graph.read(checked)
    except ModelError:
        raise UnfitError("it has parts of another kind") from None
    counts = Counter(node.operator for node in found.nodes)
    blocks = max(0, counts["Conv"] - 3) // 3
    if others := counts.keys() - OPERATORS.keys() - MOVING:
        raise UnfitError(f"it has the operator {min(others)}")
    for name, (without, each) in OPERATORS.items():
        if counts[name] != without + each * blocks:
            raise UnfitError(f"{counts[name]} operators {name} with {blocks} blocks")
    weights = _Weights(found)
    _enter(weights, tables)
    for block in range(blocks):
        _block(weights, f"decoder.trunk.blocks.{block}", 3 + 3 * block)
    for head in range(3):
        size = 2 * weights.patch
        weights.keep(f"head_weights.{head}", ("Gemm", 1 + head, 1), size, weights.width)
        weights.keep(f"head_biases.{head}", ("Gemm", 1 + head, 2), size)
    _check_derived(weights, tables)
    weights.check_rest()
    return weights.kept


Place = tuple[str, int, int]
"""Where an array enters: an operator, which of the nodes that have it, counted from 0, and which of its inputs."""


class _Weights:
    """The arrays of a graph by the places where they enter, and those of them that the player gets.

    Their names do not tell them apart: an export keeps one of several arrays that are equal, and leaves out biases of
    zeros, as those of a decoder that has hardly been trained.
    """

    def __init__(self, graph: onnx_graph.Graph) -> None:
        self._graph = graph
        self._used: set[str] = set()
        self.kept: dict[str, Float] = {}
        shape = self.shape("from_features", ("MatMul", 1, 1), 4)
        self.width, self.tokens = shape[1], shape[3]
        if not self.tokens or HOP % self.tokens:
            raise UnfitError(f"frames of {self.tokens} tokens")
        self.patch = HOP // self.tokens

    def shape(self, name: str, place: Place, axes: int) -> tuple[int, ...]:
        """The shape of an array that must have so many axes."""
        array = self._array(name, place)
        if array is None or array.ndim != axes:
            raise UnfitError(f"{name} is not there with {axes} axes")
        return array.shape

    def checked(self, name: str, place: Place, *shape: int) -> Float:
        """An array that must be floats of this shape, and finite; zeros in place of a bias that was left out."""
        array = self._array(name, place)
        if array is None and place[2] == 2:
            array = np.zeros(shape, np.float32)
        if array is None or array.dtype != np.float32 or array.shape != shape or not array.size:
            raise UnfitError(f"{name} is not there as floats {list(shape)}")
        if not np.isfinite(array).all():
            raise UnfitError(f"{name} is not finite")
        return array.astype(np.float32, copy=False)

    def keep(self, name: str, place: Place, *shape: int) -> Float:
        """As `checked`; the player gets it."""
        self.kept[name] = self.checked(name, place, *shape)
        return self.kept[name]

    def check_rest(self) -> None:
        """Check that there are no other weights, and no other constants."""
        known = {np.float32(value) for value in CONSTANTS}
        met = set()
        for name, array in self._graph.constants.items():
            if array.dtype != np.float32 or name in self._used:
                continue
            if array.size != 1 or array.item() not in known:
                raise UnfitError(f"it has {name} besides")
            met.add(np.float32(array.item()))
        if missing := known - met:
            raise UnfitError(f"it does without {', '.join(map(str, sorted(missing)))}")

    def _array(self, name: str, place: Place) -> NDArray[np.generic] | None:
        operator, number, index = place
        node = [node for node in self._graph.nodes if node.operator == operator][number]
        found = node.inputs[index] if index < len(node.inputs) else ""
        if operator == "Gemm" and node.attributes.get("transB") != 1:
            raise UnfitError("a matrix is stored column by column")
        if (found and found not in self._graph.constants) or (found != name and name in self._graph.constants):
            raise UnfitError(f"{name} is not where it should be")
        self._used.add(found)
        return self._graph.constants[found] if found else None


def _enter(weights: _Weights, tables: Tables) -> None:
    """What makes the tokens of a frame."""
    width, tokens, patch = weights.width, weights.tokens, weights.patch
    added = weights.checked("from_features", ("MatMul", 1, 1), 1, width, FEATURES, tokens)[0]
    shape, steady, _ = (
        weights.keep(name, ("GatherElements", number, 0), 1, COEFFICIENTS)[0]
        for number, name in ((1, "shape"), (2, "steady"), (3, "bias"))
    )
    with single_threaded_blas(), np.errstate(all="ignore"):  # what overflows fits nothing
        try:
            found, error = convolution(added[:, :HYPER_SIZE], planes(shape, steady, tables, tokens))
        except np.linalg.LinAlgError:
            error = math.inf
    if not error <= ROUNDING * np.abs(added).max():
        raise UnfitError("hyper latents enter it in another way")
    weights.kept["from_scales"] = found
    for feature, name in ((HYPER_SIZE, "from_long"), (HYPER_SIZE + 1, "from_gain")):
        values = added[:, feature]
        if (values != values[:, :1]).any():
            raise UnfitError(f"its {name} differs from token to token")
        weights.kept[name] = values[:, 0]
    weights.kept["constant"] = added[:, HYPER_SIZE + 2]
    weights.keep("from_values", ("Conv", 1, 1), width, 2, 2, patch)
    weights.keep("from_sent", ("Conv", 2, 1), width, 1, 2, patch)


def _block(weights: _Weights, name: str, conv: int) -> None:
    """A residual block, of three convolutions."""
    *_, times, frequencies = weights.shape(f"{name}.depthwise.weight", ("Conv", conv, 1), 4)
    hidden, width = weights.shape(f"{name}.up.weight", ("Conv", conv + 1, 1), 4)[0], weights.width
    if times % 2 == 0 or frequencies % 2 == 0:
        raise UnfitError(f"a kernel of {times} x {frequencies}")
    parts = {"depthwise": (width, 1, times, frequencies), "up": (hidden, width, 1, 1), "down": (width, hidden, 1, 1)}
    for number, (part, shape) in enumerate(parts.items(), conv):
        weights.keep(f"{name}.{part}.weight", ("Conv", number, 1), *shape)
        weights.keep(f"{name}.{part}.bias", ("Conv", number, 2), shape[0])


def _check_derived(weights: _Weights, tables: Tables) -> None:
    """Check that what is not kept is what the player puts in its place."""

    def ln(values: NDArray[np.integer]) -> Float:
        return (math.log(2) * (values / SIGMA_UNIT)).astype(np.float32)

    def by_token(values: NDArray[np.int32]) -> NDArray[np.int32]:
        """Coefficients [..., 1400] in the order of tokens."""
        parts = values.reshape(*values.shape[:-1], 2, weights.tokens, weights.patch)
        return parts.swapaxes(-3, -2).reshape(values.shape)

    ln_sigma = weights.checked("ln_sigma", ("Gemm", 0, 1), COEFFICIENTS, HYPER_SIZE)
    ln_offset = weights.checked("ln_sigma_offset", ("Gemm", 0, 2), COEFFICIENTS)
    ln_loudness = weights.checked("loudness", ("MatMul", 0, 1), HYPER_SIZE + 1, 1)[:, 0]
    loudness = np.append(tables.loudness[:HYPER_SIZE], HYPER_FRAMES * tables.loudness[HYPER_SIZE])
    same = (
        np.array_equal(ln_sigma, ln(by_token(tables.predictor)).T)
        and np.array_equal(ln_offset, ln(HYPER_FRAMES * by_token(tables.offset)))
        and np.array_equal(ln_loudness, ln(loudness))
    )
    if not same:
        raise UnfitError("its scales are not those of the model's tables")
    if (weights.checked("ones", ("Conv", 0, 1), weights.width, 1, 1, 1) != 1).any():
        raise UnfitError("ones are not 1")
