"""Processes that measure clips side by side."""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from tempfile import TemporaryDirectory

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
    with TemporaryDirectory(prefix="aez-clips-", ignore_cleanup_errors=True) as folder:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(folder,))
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - before:
                process.terminate()
            raise
        finally:
            pool.shutdown()


def _begin(folder: str) -> None:
    """Prepare a process: Ctrl-C ends it without a word, and so does its parent's end, which removes its files."""
    tempfile.tempdir = folder
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=end_with_parent, daemon=True).start()
