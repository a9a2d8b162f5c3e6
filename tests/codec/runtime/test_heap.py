"""The C library's heap: glibc takes all three settings, and no other library is asked for them."""

import platform

from codec.runtime.heap import keep_freed_memory


def test_glibc_keeps_freed_memory() -> None:
    assert keep_freed_memory() is (platform.libc_ver()[0] == "glibc")
