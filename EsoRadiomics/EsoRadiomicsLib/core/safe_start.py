"""Starting Python in another process so that it imports nothing from the current folder, which may be the data's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from .interrupts import interrupts_later

MOST_JOBS = 256
"""Processes that a command starts at most: more is a typing error that would take the computer down."""
LIBRARY = Path(__file__).resolve().parents[2]
"""The folder that holds the library: what a child must find, and a neutral place for it to start in."""


def safe_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child: the library is found, and nothing beside what the child works on.

    ``PYTHONSAFEPATH`` keeps the current folder off the path from Python 3.11 on; before that a child must start in
    :data:`LIBRARY`. Relative and empty parts of ``PYTHONPATH`` would mean the current folder too.
    """
    environment = dict(os.environ if environment is None else environment)
    parts = environment.get("PYTHONPATH", "").split(os.pathsep)
    environment["PYTHONPATH"] = os.pathsep.join([str(LIBRARY), *filter(os.path.isabs, parts)])
    environment["PYTHONSAFEPATH"] = "1"
    return environment


@contextmanager
def safe_spawning() -> Iterator[None]:
    """Processes that multiprocessing spawns inside start as safely, and Ctrl-C is never theirs."""
    from multiprocessing import resource_tracker

    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "PYTHONSAFEPATH")}
    os.environ.update(safe_environment())
    try:
        with _neutral_folder():
            resource_tracker.ensure_running()  # it takes the mask away when it starts
            with interrupts_later():
                yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def spare_threads() -> None:
    """Before NumPy is imported: with small matrices a second thread of OpenBLAS waits more than it works."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def forget_current_folder() -> None:
    """Take the current folder, which ``python -m`` puts there, off this process's path, unless it is the library's."""
    with suppress(OSError):  # the folder may be gone
        here = Path.cwd()
        if here != LIBRARY:
            sys.path[:] = [path for path in sys.path if path and Path(path) != here]


@contextmanager
def _neutral_folder() -> Iterator[None]:
    """Only for Python 3.10, which knows no PYTHONSAFEPATH: multiprocessing cannot be told where to start."""
    if sys.version_info >= (3, 11):
        yield
        return
    here = os.getcwd()
    os.chdir(LIBRARY)
    try:
        yield
    finally:
        os.chdir(here)
