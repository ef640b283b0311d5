"""Worker processes for measuring: threads do not help PyRadiomics, processes do."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from ..core.errors import UsageError
from ..core.safe_start import MOST_JOBS, safe_spawning
from .engines import engine


@contextmanager
def worker_pool(jobs: int) -> Iterator[Executor | None]:
    """``jobs`` worker processes, or None for one job: then the work is done in this process.

    Open it before loading the image: the workers import PyRadiomics meanwhile. The workers end with this process,
    even if it is killed.

    Raises:
        UsageError: fewer than one job.
    """
    if not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"jobs is {jobs}; give 1 or more processes, at most {MOST_JOBS}.")
    if jobs == 1:
        yield None
        return
    from concurrent.futures import ProcessPoolExecutor  # one process need not wait for the import of what many need
    from multiprocessing import get_context

    with safe_spawning():  # the executor itself starts a process that keeps its books
        started = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start_worker)
        for _ in range(jobs):
            started.submit(int)  # an executor starts its processes only when work is submitted
    with started as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _start_worker() -> None:
    """Ctrl-C is the parent's to handle; a parent that is gone takes its workers with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    engine().warm_up()


def _end_with_parent() -> None:
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
