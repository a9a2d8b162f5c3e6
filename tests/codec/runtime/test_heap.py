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
def test_sessions_share_an_arena_where_the_process_is_aez_s_own(monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    monkeypatch.setattr(session, "keeps_freed_memory", lambda: kept)
    for _ in range(2):
        network = Sessions("cpu").network(if_graph().SerializeToString(), {"x"})
        options = network.session.get_session_options()  # type: ignore[attr-defined]
        assert options.enable_cpu_mem_arena
        if kept:
            assert options.get_session_config_entry("session.use_env_allocators") == "1"
        else:
            with pytest.raises(RuntimeError):
                options.get_session_config_entry("session.use_env_allocators")
