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
from .shared_tasks import Helpers


@contextmanager
def helpers(jobs: int) -> Iterator[Helpers | None]:
    """``jobs`` - 1 processes that help this one, or None for one job. They end with this process, even if it is killed.

    Raises:
        UsageError: fewer than one job.
    """
    _check(jobs)
    if jobs == 1:
        yield None
        return
    started = Helpers(_started, jobs - 1)
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def worker_pool(jobs: int) -> Iterator[Executor | None]:
    """``jobs`` worker processes for long work, or None for one job: then the work is done in this process.

    Raises:
        UsageError: fewer than one job.
    """
    _check(jobs)
    if jobs == 1:
        yield None
        return
    with _started(jobs) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _check(jobs: int) -> None:
    if not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"jobs is {jobs}; give 1 or more processes, at most {MOST_JOBS}.")


def _started(number: int) -> Executor:
    """So many processes, which import PyRadiomics."""
    from concurrent.futures import ProcessPoolExecutor  # one process need not wait for the import of what many need
    from multiprocessing import get_context

    with safe_spawning():  # the executor itself starts a process that keeps its books
        executor = ProcessPoolExecutor(number, mp_context=get_context("spawn"), initializer=_start_worker)
        for _ in range(number):
            executor.submit(int)  # an executor starts its processes only when work is submitted
    return executor


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
