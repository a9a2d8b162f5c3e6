"""Graphs compute what torch does, and differences are noticed."""

import pytest
import torch
from torch import Tensor, nn

from training.model_files import graphs


class Twice(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


class Almost(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2.02 * x


def test_a_graph_has_free_axes_and_says_nothing_of_its_maker() -> None:
    graph = graphs.write_graph(Twice(), (torch.ones(2, 3, 4),), ("x",), ["y"], part="a test")
    assert b"a test" in graph and __file__.encode() not in graph and b"site-packages" not in graph
    network = graphs.run_graph(graph, ("x",))
    for shape in ((1, 1, 4), (5, 9, 4)):
        x = torch.randn(shape)
        assert torch.equal(torch.from_numpy(network(x=x.numpy())["y"]), 2 * x)
    examples = [(torch.randn(3, 2, 4),)]
    assert graphs.parity(graph, Twice(), examples, ("x",)) == 0
    assert graphs.parity(graph, Almost(), examples, ("x",)) == pytest.approx(0.02 / 2.02, rel=1e-3)


def test_a_difference_ends_the_export() -> None:
    graphs.check_parity(encoder=1e-5, decoder=graphs.TOLERANCE)
    for error in (2e-4, float("nan")):
        with pytest.raises(SystemExit, match="disagree on the decoder"):
            graphs.check_parity(encoder=0.0, decoder=error)
