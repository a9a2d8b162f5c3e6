"""Hostile model files, the short form of `tests/fuzz/run.py graph` and so on."""

from random import Random

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codec.runtime import graph_check
from formats.errors import ModelError
from tests.fuzz import model_files, targets
from tests.support.onnx_graphs import if_graph

relaxed = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("name", model_files.TARGETS)
def test_nothing_harms_what_reads_models(name: str) -> None:
    run, seeds, change = model_files.TARGETS[name]
    guard = targets.Guard(run)

    @settings(max_examples=300, **relaxed)
    @given(st.sampled_from(seeds()), st.randoms())
    def all_of_them(data: bytes, random: Random) -> None:
        guard(change(data, random))

    for data in seeds():
        guard(data)
    all_of_them()
    guard.check()


def test_some_changed_graphs_pass() -> None:
    """Else nothing would be compared."""
    random, passed = Random(1), 0
    for _ in range(500):
        try:
            graph_check.check(model_files.mutate_graph(random.choice(model_files.graphs()), random))
            passed += 1
        except ModelError:
            pass
    assert passed > 30


@pytest.mark.parametrize("number", [13, 14])
def test_a_check_that_drops_nothing_is_noticed(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag of 33 bits, which only the C++ parser takes for the field."""
    tensor = if_graph().graph.initializer[0].SerializeToString()
    value = b"\1" if number == 14 else b"\0"
    tag = model_files.varint(number << 3 | (0 if number == 14 else 2) | 1 << 32)
    tensor = b"\x2a" + model_files.varint(len(tensor + tag + value)) + tensor + tag + value
    data = if_graph().SerializeToString() + b"\x3a" + model_files.varint(len(tensor)) + tensor
    with pytest.raises(ModelError):
        model_files.graph(data)
    with pytest.raises(AssertionError, match="weights in other files"):
        model_files.harmless(model_files.as_cpp_reads(data))
    with pytest.raises(Exception, match="parsing"):
        onnx.ModelProto.FromString(data)
    monkeypatch.setattr(graph_check, "check", bytes)
    with pytest.raises(Exception, match="parsing"):
        model_files.graph(data)
