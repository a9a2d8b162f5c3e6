"""The C library's heap: glibc takes all three settings, and no other library is asked for them."""

import platform

import pytest

from codec.runtime import session
from codec.runtime.heap import keep_freed_memory, keeps_freed_memory
from codec.runtime.session import Sessions
from tests.support.onnx_graphs import if_graph


def test_glibc_keeps_freed_memory() -> None:
    assert keep_freed_memory() is (platform.libc_ver()[0] == "glibc")
    assert keeps_freed_memory() is (platform.libc_ver()[0] == "glibc")


@pytest.mark.parametrize("kept", [False, True])
def test_onnx_runtime_keeps_memory_only_where_the_heap_does_not(monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    monkeypatch.setattr(session, "keeps_freed_memory", lambda: kept)
    network = Sessions("cpu").network(if_graph().SerializeToString(), {"x"})
    assert network.session.get_session_options().enable_cpu_mem_arena is not kept  # type: ignore[attr-defined]
