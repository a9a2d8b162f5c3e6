"""Networks as ONNX graphs, and the proof that ONNX Runtime computes the same numbers as torch."""

import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from codec.runtime.session import Network, Sessions

OPSET = 18

TOLERANCE = 1e-4
"""Largest accepted difference between ONNX Runtime and torch, relative to the largest value of an output."""


def write_graph(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    names: Sequence[str],
    outputs: Sequence[str],
    *,
    free: Mapping[str, int] | None = None,
    **metadata: str,
) -> bytes:
    """Export a module with free batch and time axes.

    Args:
        module: takes tensors by position.
        inputs: examples of them. Sizes of 0 and 1 would become constants in the graph, so that batch and time should
            be larger.
        names: of the inputs.
        outputs: names of the outputs.
        free: how many of an input's first axes stay free, by name; otherwise two of three, and none of fewer.
        metadata: what the graph says about itself.
    """
    counts = [(free or {}).get(name, 2 if value.dim() == 3 else 0) for name, value in zip(names, inputs, strict=True)]
    axes: Any = tuple(dict.fromkeys(range(count), torch.export.Dim.DYNAMIC) or None for count in counts)
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)  # it misses torchvision
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own deprecations
        program = torch.onnx.export(
            module, inputs, input_names=list(names), output_names=list(outputs), opset_version=OPSET, dynamo=True,
            dynamic_shapes=axes, optimize=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    onnx.helper.set_model_props(model, metadata)
    for node in model.graph.node:  # the exporter notes source locations of the machine it runs on
        del node.metadata_props[:]
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    model.graph.doc_string = ""
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def run_graph(graph: bytes, inputs: Sequence[str]) -> Network:
    """A graph on the CPU, to be called with arrays by the names of its inputs."""
    return Sessions("cpu").network(graph, set(inputs))


def parity(
    graph: bytes,
    module: nn.Module,
    examples: Iterable[tuple[Tensor, ...]],
    names: Sequence[str],
    mask: str | None = None,
) -> float:
    """Largest difference between ONNX Runtime and torch over some inputs, relative to each output's largest value.

    Outputs are compared where the input `mask` is true, if one is named.
    """
    network, worst = run_graph(graph, names), 0.0
    for inputs in examples:
        with torch.no_grad():
            expected = module(*inputs)
        arrays = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
        got = network(**arrays).values()
        for a, b in zip(got, expected if isinstance(expected, tuple) else (expected,), strict=True):
            if mask:
                a = np.where(arrays[mask], a, 0)
            worst = max(worst, float(np.abs(a - b.numpy()).max() / np.abs(b.numpy()).max()))
    return worst


def check_parity(**errors: float) -> None:
    """SystemExit where a part of a model differs by more than TOLERANCE between ONNX Runtime and torch."""
    for part, error in errors.items():
        if not error <= TOLERANCE:
            raise SystemExit(f"ONNX Runtime and torch disagree on the {part}: {error:.2e} of its largest value")
