"""Native work on a stranger's bytes, done in a fork of this process: a crash there becomes an answer, not the end.

Only on Linux: a fork takes a few milliseconds, where a new process would take as long as the rest of a score. Elsewhere
the work is done here; cohort runs measure each case in a process of its own everywhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Callable

CAN_FORK = sys.platform == "linux"
_MINUTES = 30
"""Then the fork ends itself: no decoder takes as long."""
_PARENT_DEATH_SIGNAL = 1  # of Linux's prctl


def survives(work: Callable[[], object]) -> bool:
    """Whether ``work`` ends without raising and without crashing; what it prints is not shown.

    What it leaves must lie in shared memory (``mmap``): everything else is lost with the fork.
    """
    if not CAN_FORK:
        with contextlib.suppress(RuntimeError):
            work()
            return True
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of threads: the fork runs native code alone, and ends
        child = os.fork()
    if child == 0:
        code = 1
        try:
            _quietly()
            work()
            code = 0
        finally:
            os._exit(code)
    try:
        _, status = os.waitpid(child, 0)
    except BaseException:  # Ctrl-C
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    return status == 0


def _quietly() -> None:
    """No core file, no words on the terminal, no handler of the parent's, and no life after it."""
    import ctypes
    import faulthandler
    import resource

    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    faulthandler.disable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.alarm(60 * _MINUTES)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for handle in (1, 2):
        os.dup2(nowhere, handle)
