"""A network run by NumPy, where ONNX Runtime is not installed; it has the methods of ONNX Runtime's sessions.

It takes the operators that aez's own networks are made of. Results differ from ONNX Runtime's by rounding. A network
takes about twice as long, and less memory (`python -m training speed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.runtime import onnx_graph
from codec.runtime.device import NUMPY
from codec.runtime.onnx_graph import Port
from codec.runtime.operators import OPERATORS
from formats.errors import ModelError


class NumpySession:
    """One graph. Runs share nothing but its constants, so that several threads may call it."""

    def __init__(self, model: bytes) -> None:
        """Read a serialized ModelProto that was checked.

        Raises:
            ModelError: it has operators, types or attributes that only ONNX Runtime knows, or is no ModelProto.
        """
        self._graph = onnx_graph.read(model)
        unknown = {node.operator for node in self._graph.nodes} - OPERATORS.keys()
        if unknown:
            raise ModelError(
                f"a network has the operator {min(unknown)}, for which ONNX Runtime is needed, which is not installed"
            )
        last = {name: i for i, node in enumerate(self._graph.nodes) for name in node.inputs}
        kept = self._graph.constants.keys() | {port.name for port in self._graph.outputs}
        self._ended = [
            [name for name in set(node.inputs) - kept if last[name] == i] for i, node in enumerate(self._graph.nodes)
        ]

    def get_inputs(self) -> list[Port]:
        """Inputs that a run needs."""
        return self._graph.inputs

    def get_outputs(self) -> list[Port]:
        """What a run can give."""
        return self._graph.outputs

    def get_providers(self) -> list[str]:
        """What runs the network."""
        return [NUMPY]

    def run(self, names: list[str], inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Outputs of these names; arrays are let go as soon as nothing needs them.

        Raises:
            Exception: NumPy's, where shapes or types do not fit.
        """
        values = {"": None, **self._graph.constants, **inputs}
        with np.errstate(all="ignore"):  # as ONNX Runtime, which says nothing of an overflow
            for node, ended in zip(self._graph.nodes, self._ended, strict=True):
                arguments = [values[name] for name in node.inputs]
                values[node.output] = OPERATORS[node.operator](*arguments, **node.attributes)
                for name in ended:
                    values.pop(name, None)
        return [np.ascontiguousarray(values[name]) for name in names]
