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
    "Clip": (6, 0), "Div": (2, 0), "Abs": (1, 0), "Less": (1, 0), "Where": (1, 0), "Softmax": (0, 0),
    "GatherElements": (9, 0), "ScatterElements": (2, 0),
}  # fmt: skip
"""How often a decoder without blocks has operators, and how often each block adds one."""

DERIVED = frozenset({"from_features", "ln_sigma", "ln_sigma_offset", "loudness", "ones"})
"""Arrays that the player makes of others and of the tables, and one that changes nothing."""


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
    weights = _Weights(found.constants)
    _enter(weights, tables)
    blocks = _blocks(weights)
    _heads(weights)
    counts = Counter(node.operator for node in found.nodes)
    for name, (without, each) in OPERATORS.items():
        if counts[name] != without + each * blocks:
            raise UnfitError(f"{counts[name]} operators {name} with {blocks} blocks")
    _check_derived(weights, tables)
    weights.check_rest()
    return weights.kept


class _Weights:
    """The arrays of a graph, and those of them that the player gets."""

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._arrays = arrays
        self.kept: dict[str, Float] = {}
        shape = self.shape("from_features", 4)
        self.width, self.tokens = shape[1], shape[3]
        if not self.tokens or HOP % self.tokens:
            raise UnfitError(f"frames of {self.tokens} tokens")
        self.patch = HOP // self.tokens

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """The shape of an array that must have so many axes."""
        shape = self._arrays[name].shape if name in self._arrays else ()
        if len(shape) != axes:
            raise UnfitError(f"{name} is not there with {axes} axes")
        return shape

    def checked(self, name: str, *shape: int) -> Float:
        """An array that must be floats of this shape, and finite."""
        array = self._arrays.get(name)
        if array is None or array.dtype != np.float32 or array.shape != shape or not array.size:
            raise UnfitError(f"{name} is not there as floats {list(shape)}")
        if not np.isfinite(array).all():
            raise UnfitError(f"{name} is not finite")
        return array.astype(np.float32, copy=False)

    def keep(self, name: str, *shape: int) -> Float:
        """As `checked`; the player gets it."""
        self.kept[name] = self.checked(name, *shape)
        return self.kept[name]

    def check_rest(self) -> None:
        """Check that there are no other weights, and no other constants."""
        known = {np.float32(value) for value in CONSTANTS}
        met = set()
        for name, array in self._arrays.items():
            if array.dtype != np.float32 or name in self.kept or name in DERIVED:
                continue
            if array.size != 1 or array.item() not in known:
                raise UnfitError(f"it has {name} besides")
            met.add(np.float32(array.item()))
        if missing := known - met:
            raise UnfitError(f"it does without {', '.join(map(str, sorted(missing)))}")


def _enter(weights: _Weights, tables: Tables) -> None:
    """What makes the tokens of a frame."""
    width, tokens, patch = weights.width, weights.tokens, weights.patch
    added = weights.checked("from_features", 1, width, FEATURES, tokens)[0]
    shape, steady, _ = (weights.keep(name, 1, COEFFICIENTS)[0] for name in ("shape", "steady", "bias"))
    found, error = convolution(added[:, :HYPER_SIZE], planes(shape, steady, tables, tokens))
    if not error <= ROUNDING * np.abs(added).max():
        raise UnfitError("hyper latents enter it in another way")
    weights.kept["from_scales"] = found
    for feature, name in ((HYPER_SIZE, "from_long"), (HYPER_SIZE + 1, "from_gain")):
        values = added[:, feature]
        if (values != values[:, :1]).any():
            raise UnfitError(f"its {name} differs from token to token")
        weights.kept[name] = values[:, 0]
    weights.kept["constant"] = added[:, HYPER_SIZE + 2]
    weights.keep("from_values", width, 2, 2, patch)
    weights.keep("from_sent", width, 1, 2, patch)


def _blocks(weights: _Weights) -> int:
    """The residual blocks; returns how many there are."""
    count, width = 0, weights.width
    while f"{(name := f'decoder.trunk.blocks.{count}')}.up.weight" in weights:
        *_, times, frequencies = weights.shape(f"{name}.depthwise.weight", 4)
        if times % 2 == 0 or frequencies % 2 == 0:
            raise UnfitError(f"a kernel of {times} x {frequencies}")
        hidden = weights.shape(f"{name}.up.weight", 4)[0]
        weights.keep(f"{name}.depthwise.weight", width, 1, times, frequencies)
        weights.keep(f"{name}.depthwise.bias", width)
        weights.keep(f"{name}.up.weight", hidden, width, 1, 1)
        weights.keep(f"{name}.up.bias", hidden)
        weights.keep(f"{name}.down.weight", width, hidden, 1, 1)
        weights.keep(f"{name}.down.bias", width)
        count += 1
    return count


def _heads(weights: _Weights) -> None:
    for head in range(3):
        weights.keep(f"head_weights.{head}", 2 * weights.patch, weights.width)
        weights.keep(f"head_biases.{head}", 2 * weights.patch)


def _check_derived(weights: _Weights, tables: Tables) -> None:
    """Check that what is not kept is what the player puts in its place."""

    def ln(values: NDArray[np.integer]) -> Float:
        return (math.log(2) * (values / SIGMA_UNIT)).astype(np.float32)

    def by_token(values: NDArray[np.int32]) -> NDArray[np.int32]:
        """Coefficients [..., 1400] in the order of tokens."""
        parts = values.reshape(*values.shape[:-1], 2, weights.tokens, weights.patch)
        return parts.swapaxes(-3, -2).reshape(values.shape)

    loudness = np.append(tables.loudness[:HYPER_SIZE], HYPER_FRAMES * tables.loudness[HYPER_SIZE])
    same = (
        np.array_equal(weights.checked("ln_sigma", COEFFICIENTS, HYPER_SIZE), ln(by_token(tables.predictor)).T)
        and np.array_equal(weights.checked("ln_sigma_offset", COEFFICIENTS), ln(HYPER_FRAMES * by_token(tables.offset)))
        and np.array_equal(weights.checked("loudness", HYPER_SIZE + 1, 1)[:, 0], ln(loudness))
    )
    if not same:
        raise UnfitError("its scales are not those of the model's tables")
    if (weights.checked("ones", weights.width, 1, 1, 1) != 1).any():
        raise UnfitError("ones are not 1")
