"""Takes the weights out of a ranked model's decoder.onnx, and refuses a graph that the player's kernels do not compute.

The kernels (`assembly/`) compute the architecture of `training/ranked/decoder_graph.py`, of whatever width and depth.
They are given the weights alone, so everything else in the graph has to be what they put in its place:
`codec.player.decoder_topology` compares the operators, and this module the arrays.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from codec.player.decoder_topology import Parts, UnfitError, parts
from codec.player.hyper_weights import convolution, planes
from codec.runtime import graph_check, onnx_graph
from codec.runtime.blas import single_threaded_blas
from formats.errors import ModelError
from formats.grid import COEFFICIENTS, HOP, HYPER_FRAMES, HYPER_SIZE
from formats.model.tables import SIGMA_UNIT, Tables

Float = NDArray[np.float32]

FEATURES = HYPER_SIZE + 3
"""Features of a frame: its hyper latents, whether its windows are long, the gain, and 1."""

ROUNDING = 1e-7
"""How far what the player computes at its start may be from what the graph has, of the largest weight."""


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
    brought = parts(found)
    weights = _Weights(brought)
    _enter(weights, tables)
    for block in range(brought.blocks):
        _block(weights, f"decoder.trunk.blocks.{block}")
    for head in range(3):
        size = 2 * weights.patch
        weights.keep(f"head_weights.{head}", size, weights.width)
        weights.keep(f"head_biases.{head}", size)
    _check_derived(weights, tables)
    return weights.kept


class _Weights:
    """The arrays of a decoder by the places where they enter, and those of them that the player gets."""

    def __init__(self, brought: Parts) -> None:
        self._arrays = brought.arrays
        self.kept: dict[str, Float] = {}
        _, self.width, _, self.tokens = self.shape("from_features", 4)
        if not self.tokens or HOP % self.tokens:
            raise UnfitError(f"frames of {self.tokens} tokens")
        self.patch = HOP // self.tokens
        if brought.sizes != {"tokens": self.tokens, "patch": self.patch, "width": self.width}:
            raise UnfitError("its operators and its weights have different sizes")

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """The shape of an array that must have so many axes."""
        array = self._arrays[name]
        if array is None or array.ndim != axes:
            raise UnfitError(f"{name} is not there with {axes} axes")
        return array.shape

    def checked(self, name: str, *shape: int) -> Float:
        """An array that must be floats of this shape, and finite; zeros in place of a bias that was left out."""
        array = self._arrays[name]
        if array is None:
            array = np.zeros(shape, np.float32)
        if array.dtype != np.float32 or array.shape != shape or not array.size:
            raise UnfitError(f"{name} is not there as floats {list(shape)}")
        if not np.isfinite(array).all():
            raise UnfitError(f"{name} is not finite")
        return array.astype(np.float32, copy=False)

    def keep(self, name: str, *shape: int) -> Float:
        """As `checked`; the player gets it."""
        self.kept[name] = self.checked(name, *shape)
        return self.kept[name]

    def has(self, name: str, values: NDArray[np.int64]) -> bool:
        """Whether these whole numbers are there."""
        array = self._arrays[name]
        return array is not None and array.dtype == values.dtype and np.array_equal(array, values)


def _enter(weights: _Weights, tables: Tables) -> None:
    """What makes the tokens of a frame."""
    width, tokens, patch = weights.width, weights.tokens, weights.patch
    added = weights.checked("from_features", 1, width, FEATURES, tokens)[0]
    shape, steady, _ = (weights.keep(name, 1, COEFFICIENTS)[0] for name in ("shape", "steady", "bias"))
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
    weights.keep("from_values", width, 2, 2, patch)
    weights.keep("from_sent", width, 1, 2, patch)


def _block(weights: _Weights, name: str) -> None:
    """A residual block, of three convolutions."""
    *_, times, frequencies = weights.shape(f"{name}.depthwise.weight", 4)
    hidden, width = weights.shape(f"{name}.up.weight", 4)[0], weights.width
    if times % 2 == 0 or frequencies % 2 == 0:
        raise UnfitError(f"a kernel of {times} x {frequencies}")
    shapes = {"depthwise": (width, 1, times, frequencies), "up": (hidden, width, 1, 1), "down": (width, hidden, 1, 1)}
    for part, shape in shapes.items():
        weights.keep(f"{name}.{part}.weight", *shape)
        weights.keep(f"{name}.{part}.bias", shape[0])


def _check_derived(weights: _Weights, tables: Tables) -> None:
    """Check that what is not kept is what the player puts in its place."""

    def ln(values: NDArray[np.integer]) -> Float:
        return (math.log(2) * (values / SIGMA_UNIT)).astype(np.float32)

    def by_token(values: NDArray[np.int32]) -> NDArray[np.int32]:
        """Coefficients [..., 1400] in the order of tokens."""
        parts = values.reshape(*values.shape[:-1], 2, weights.tokens, weights.patch)
        return parts.swapaxes(-3, -2).reshape(values.shape)

    ln_sigma = weights.checked("ln_sigma", COEFFICIENTS, HYPER_SIZE)
    ln_offset = weights.checked("ln_sigma_offset", COEFFICIENTS)
    ln_loudness = weights.checked("loudness", HYPER_SIZE + 1, 1)[:, 0]
    loudness = np.append(tables.loudness[:HYPER_SIZE], HYPER_FRAMES * tables.loudness[HYPER_SIZE])
    same = (
        np.array_equal(ln_sigma, ln(by_token(tables.predictor)).T)
        and np.array_equal(ln_offset, ln(HYPER_FRAMES * by_token(tables.offset)))
        and np.array_equal(ln_loudness, ln(loudness))
    )
    if not same:
        raise UnfitError("its scales are not those of the model's tables")
    if not weights.has("place", np.argsort(by_token(np.arange(COEFFICIENTS, dtype=np.int32)))[None].astype(np.int64)):
        raise UnfitError("its coefficients are in another order")
    if (weights.checked("ones", weights.width, 1, 1, 1) != 1).any():
        raise UnfitError("ones are not 1")
