"""ONNX's operators by NumPy: those that aez's own networks are made of, in version 18 of the operator set.

Their definitions are those of https://onnx.ai/onnx/operators. Attributes are keyword arguments, so that one which an
operator does not have here is a TypeError.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from codec.runtime.onnx_graph import TYPES

Array = NDArray[Any]


def _axes(axes: Array) -> tuple[int, ...]:
    return tuple(int(axis) for axis in np.atleast_1d(axes))


def cast(x: Array, *, to: int, saturate: int = 1) -> Array:
    """Convert to another type; `saturate` is about types that are not read."""
    return x.astype(TYPES[to][1])


def clip(x: Array, low: Array | None = None, high: Array | None = None) -> Array:
    """Limit to a range, either end of which may be open."""
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


def concat(*parts: Array, axis: int) -> Array:
    """Put arrays one behind the other."""
    return np.concatenate(parts, axis)


def divide(a: Array, b: Array) -> Array:
    """Quotients; of integers, rounded towards 0."""
    return a / b if a.dtype.kind == "f" else np.abs(a) // np.abs(b) * np.sign(a) * np.sign(b)


def expand(x: Array, shape: Array) -> Array:
    """Repeat along axes of size 1."""
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape)))


def gather_elements(x: Array, at: Array, *, axis: int = 0) -> Array:
    """Take elements at places along an axis; the places may cover less than x on the others."""
    axis %= x.ndim
    part = x[tuple(slice(None if i == axis else size) for i, size in enumerate(at.shape))]
    return np.take_along_axis(part, at, axis)


def gemm(
    a: Array, b: Array, c: Array | None = None, *, alpha: float = 1, beta: float = 1, transA: int = 0, transB: int = 0
) -> Array:
    """alpha a b + beta c, with a and b transposed where said."""
    product = (a.T if transA else a) @ (b.T if transB else b)
    if alpha != 1:
        product *= np.float32(alpha)
    if c is not None:
        product += c if beta == 1 else np.float32(beta) * c
    return product


def pad(
    x: Array, amounts: Array, value: Array | None = None, axes: Array | None = None, *, mode: bytes = b"constant"
) -> Array:
    """Put a value before and behind, on all axes; other modes and chosen axes are not known."""
    if mode != b"constant" or axes is not None:
        raise NotImplementedError
    around = [(int(before), int(behind)) for before, behind in amounts.reshape(2, -1).T]
    return np.pad(x, around, constant_values=x.dtype.type(0) if value is None else value.item())


def reduce_mean(x: Array, axes: Array | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Array:
    """Mean over axes, or over all of them."""
    if axes is None and noop_with_empty_axes:
        return x
    return np.asarray(x.mean(None if axes is None else _axes(axes), dtype=x.dtype, keepdims=bool(keepdims)))


def reshape(x: Array, shape: Array, *, allowzero: int = 0) -> Array:
    """The same elements in another shape; a size of 0 stands for the size before."""
    return x.reshape([x.shape[i] if size == 0 and not allowzero else int(size) for i, size in enumerate(shape)])


def scatter_elements(x: Array, at: Array, values: Array, *, axis: int = 0, reduction: bytes = b"none") -> Array:
    """Put values at places along an axis; to add them is not known."""
    if reduction != b"none":
        raise NotImplementedError
    result = x.copy()
    np.put_along_axis(result, at, values, axis)
    return result


def shape_of(x: Array, *, start: int = 0, end: int | None = None) -> Array:
    """Sizes of axes."""
    return np.array(x.shape[start:end], np.int64)


def slice_of(x: Array, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None) -> Array:
    """A part of an array."""
    part = [slice(None)] * x.ndim
    for i, axis in enumerate(range(len(starts)) if axes is None else _axes(axes)):
        step = 1 if steps is None else int(steps[i])
        if step < 1:
            raise NotImplementedError
        part[axis] = slice(int(starts[i]), int(ends[i]), step)
    return x[tuple(part)]


def conv(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    group: int = 1,
    pads: tuple[int, ...] = (),
    strides: tuple[int, ...] = (),
    dilations: tuple[int, ...] = (),
    kernel_shape: tuple[int, ...] = (),
    auto_pad: bytes = b"NOTSET",
) -> Array:
    """Convolution of [B, C, ...] with [M, C / group, ...] over any number of axes, of one group or of one a channel.

    `kernel_shape` is the weight's own; dilations and `auto_pad` are not known.
    """
    kernel, axes = weight.shape[2:], weight.ndim - 2
    strides, pads = strides or (1,) * axes, pads or (0,) * 2 * axes
    if auto_pad != b"NOTSET" or any(step != 1 for step in dilations) or group not in (1, len(weight)):
        raise NotImplementedError
    if any(pads):
        x = np.pad(x, [(0, 0), (0, 0), *zip(pads[:axes], pads[axes:], strict=True)])
    sizes = [(size - k) // step + 1 for size, k, step in zip(x.shape[2:], kernel, strides, strict=True)]
    result = (_dense if group == 1 else _depthwise)(x, weight, strides, sizes)
    if bias is not None:
        result += bias.reshape(-1, *[1] * axes)
    return result


def _dense(x: Array, weight: Array, strides: tuple[int, ...], sizes: list[int]) -> Array:
    """One matrix product, of what each place sees (a copy, unless the kernel is a single point)."""
    axes = len(sizes)
    seen = sliding_window_view(x, weight.shape[2:], tuple(range(2, x.ndim)))
    seen = seen[(slice(None), slice(None), *(slice(None, None, step) for step in strides))]
    seen = seen.transpose(0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes))
    columns = seen.reshape(len(x), -1, math.prod(sizes))
    product: Array = np.matmul(weight.reshape(len(weight), -1), columns)
    return product.reshape(len(x), -1, *sizes)


def _depthwise(x: Array, weight: Array, strides: tuple[int, ...], sizes: list[int]) -> Array:
    """A sum over the places of the kernel, of all elements in one row; sums that reach over an end are cut away."""
    kernel = weight.shape[2:]
    if weight.shape[1] != 1 or x.shape[1] != len(weight):
        raise NotImplementedError
    row = x.reshape(*x.shape[:2], -1)
    count = row.shape[2] - int(np.ravel_multi_index([size - 1 for size in kernel], x.shape[2:]))
    result = np.zeros_like(row)
    product = np.empty_like(row[..., :count])
    for at in np.ndindex(kernel):
        first = int(np.ravel_multi_index(at, x.shape[2:]))
        result[..., :count] += np.multiply(
            row[..., first : first + count], weight[(slice(None), 0, *at)][:, None], product
        )
    places = (slice(0, size * step, step) for size, step in zip(sizes, strides, strict=True))
    return result.reshape(x.shape)[(slice(None), slice(None), *places)]


OPERATORS: dict[str, Callable[..., Array]] = {
    "Abs": np.abs,
    "Add": np.add,
    "Cast": cast,
    "Clip": clip,
    "Concat": concat,
    "Conv": conv,
    "Div": divide,
    "Exp": np.exp,
    "Expand": expand,
    "GatherElements": gather_elements,
    "Gemm": gemm,
    "Less": np.less,
    "Log": np.log,
    "MatMul": np.matmul,
    "Mul": np.multiply,
    "Pad": pad,
    "Pow": lambda x, power: np.power(x, power).astype(x.dtype),
    "ReduceMean": reduce_mean,
    "Relu": lambda x: np.maximum(x, x.dtype.type(0)),
    "Reshape": reshape,
    "ScatterElements": scatter_elements,
    "Shape": shape_of,
    "Sign": np.sign,
    "Slice": slice_of,
    "Sqrt": np.sqrt,
    "Squeeze": lambda x, axes=None: np.squeeze(x, None if axes is None else _axes(axes)),
    "Sub": np.subtract,
    "Tanh": np.tanh,
    "Transpose": lambda x, *, perm=None: np.transpose(x, perm),
    "Unsqueeze": lambda x, axes: np.expand_dims(x, _axes(axes)),
    "Where": np.where,
}
