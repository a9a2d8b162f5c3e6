"""Processes that measure clips side by side."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from training.data.shards import end_with_parent


@contextmanager
def clip_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of so many processes with one thread in every library, unless the environment says otherwise.

    Clips in parallel are faster than threads inside a clip. Where the block ends with an exception, such as that of a
    Ctrl-C, or this process is killed, its processes end at once instead of finishing their clips.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown()


def _begin() -> None:
    """Prepare a process: Ctrl-C ends it without a word, and so does its parent's end."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=end_with_parent, daemon=True).start()
