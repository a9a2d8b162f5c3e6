"""One thread for NumPy's matrix products while chunks are coded.

The products of a chunk are just large enough for OpenBLAS to hand half of each to a second thread. While that thread
waits for the next product it spins, on a core that another chunk could use. Results do not depend on the setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

from threadpoolctl import ThreadpoolController

_lock = Lock()
_users = 0
_limit = ExitStack()
"""The number of threads belongs to the process, so the first user sets it, and the last one restores it."""


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
