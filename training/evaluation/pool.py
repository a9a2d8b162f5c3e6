"""Processes that measure clips side by side."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def clip_pool(jobs: int) -> ProcessPoolExecutor:
    """A pool of so many processes with one thread in every library, unless the environment says otherwise.

    Clips in parallel are faster than threads inside a clip.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
