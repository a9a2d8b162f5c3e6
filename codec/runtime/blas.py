"""One thread for NumPy's matrix products while chunks are coded.

The products of a chunk are just large enough for OpenBLAS to hand half of each to a second thread, which then spins,
waiting for the next one, on a core that another chunk could use. Results do not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

from threadpoolctl import ThreadpoolController

_lock = Lock()
_users = 0
_limit = ExitStack()
"""The number of threads is the process's own, so whoever comes first sets it, and whoever goes last sets it back."""


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Keep NumPy's BLAS to one thread for the length of a with block, in the whole process; may overlap and nest."""
    global _users
    with _lock:
        if not _users:
            _limit.enter_context(ThreadpoolController().limit(limits=1, user_api="blas"))
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _limit.close()
