"""The same run on an existing Dask cluster: its workers start the child processes, so a case fails as it does here.

The images must be at the same paths for all workers. A worker that dies is Dask's to replace: its cases go to others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import UsageError
from ..core.optional import require
from .child_process import stop_children
from .cohort_run import Workers

CONNECT_SECONDS = 30


@contextmanager
def cluster_workers(address: str) -> Iterator[Workers]:
    """The workers of the Dask scheduler at ``address`` (``tcp://host:8786``).

    Raises:
        UsageError: the package distributed is missing, or there is no scheduler.
    """
    distributed = require("distributed", "cluster", "A Dask cluster (here and on its workers)")
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise UsageError(f"There is no Dask scheduler at {address} ({error}). Check the address.") from error
    executor = client.get_executor(pure=False)
    try:
        yield executor, lambda: max(1, sum(client.nthreads().values()))
    finally:
        executor.shutdown(wait=False)  # cancels what is left of an interrupted run
        client.run(stop_children, on_error="ignore")
        client.close()
