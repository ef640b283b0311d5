"""A long-lived child process that measures one case at a time, so that a crash, a kill or a limit takes only its case.

Own code because the executors of the standard library and of joblib give up the whole run when a process is killed,
and know no limits of time and memory.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from ..core.errors import UsageError
from ..core.interrupts import interrupts_later
from ..core.optional import require
from ..core.safe_start import LIBRARY, safe_environment
from ..core.slicer_python import slicer_python
from .case_task import Outcome, Task

STAGE = "process"
RUN_AGAIN = "Run again; if it happens again, look for damaged files, or for a lack of memory and run fewer jobs."
CHECK_EVERY_S = 0.2
MINUTES = 60.0
"""A case gets at most this unless the user says otherwise: all features of a large GTV take a few."""
MEMORY_SHARE, LEAST_GIB, MOST_GIB = 0.8, 2.0, 16.0
"""Of this computer's memory for all cases at a time; a case's limit is its share of it, within these bounds."""


@dataclass(frozen=True)
class Limits:
    """Per case: minutes, GiB of memory (None: no limit), and threads that SimpleITK may use."""

    minutes: float | None = None
    memory_gib: float | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        for name, value in (("time", self.minutes), ("memory", self.memory_gib)):
            if value is not None and value <= 0:
                raise UsageError(f"The {name} limit is {value:g}; give a number above 0.")
        if self.memory_gib is not None and not _PROC.exists():
            _psutil()


def default_memory_gib(jobs: int) -> float | None:
    """A case's memory limit where the user names none; None where a process cannot be watched here."""
    if _PROC.exists():
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    elif find_spec("psutil"):
        total = _psutil().virtual_memory().total
    else:
        return None
    return min(max(MEMORY_SHARE * total / 2**30 / max(jobs, 1), LEAST_GIB), MOST_GIB)


class Child:
    """The process; it is ready when the constructor returns, so that no case's time is spent on imports."""

    def __init__(self, threads: int) -> None:
        with interrupts_later(), _starting:
            self.process = subprocess.Popen(
                [slicer_python(), "-m", f"{__package__}.case_worker", str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=safe_environment(),
                cwd=LIBRARY,
                text=True,
                encoding="utf-8",
            )
            _all.add(self)
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def measure(self, task: Task, limits: Limits) -> Outcome:
        """Measure a case; if the process ends over it, that is the outcome."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with _watched(self.process, limits) as reasons:
            try:
                self.process.stdin.write(json.dumps(asdict(task)) + "\n")
                self.process.stdin.flush()
                line = self.process.stdout.readline()
            except OSError:
                line = ""
        if reasons:
            self.process.wait()  # also where the answer came just before the kill: the next case needs another child
        if line.endswith("\n"):
            return Outcome(**json.loads(line))
        code = self.process.wait()
        ended = f"The process that measured this case ended ({_how(code)})."
        reason, remedy = reasons[0] if reasons else (ended, RUN_AGAIN)
        return Outcome(stage=STAGE, reason=reason, remedy=remedy)

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()


_PROC = Path("/proc/self/statm")  # Linux tells by itself; elsewhere psutil does
_all: weakref.WeakSet[Child] = weakref.WeakSet()
_starting = threading.Lock()  # a child that is being started is stopped, too
_of_thread = threading.local()


def measure_apart(task: Task, limits: Limits) -> Outcome:
    """Measure a case in the child process of the calling thread, which waits meanwhile."""
    child: Child | None = getattr(_of_thread, "child", None)
    if child is None or child.process.poll() is not None:
        child = _of_thread.child = Child(limits.threads)
    return child.measure(task, limits)


def stop_children() -> None:
    """End all child processes of this process."""
    with _starting:
        children = list(_all)
    for child in children:
        child.stop()


@contextmanager
def _watched(process: subprocess.Popen[str], limits: Limits) -> Iterator[list[tuple[str, str]]]:
    """Kill the process when it goes beyond a limit, and say so in the list."""
    reasons: list[tuple[str, str]] = []
    if limits.minutes is None and limits.memory_gib is None:
        yield reasons
        return
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(process, limits, done, reasons), daemon=True)
    watch.start()
    try:
        yield reasons
    finally:
        done.set()
        watch.join()


def _watch(
    process: subprocess.Popen[str], limits: Limits, done: threading.Event, reasons: list[tuple[str, str]]
) -> None:
    start = time.monotonic()
    while not done.wait(CHECK_EVERY_S):
        if limits.minutes is not None and time.monotonic() - start > 60 * limits.minutes:
            reasons.append((f"The case took more than {limits.minutes:g} min.", "Look at it, or raise --time-limit."))
        elif limits.memory_gib is not None and _memory_gib(process.pid) > limits.memory_gib:
            reasons.append(
                (f"The case took more than {limits.memory_gib:g} GiB.", "Look at it, or raise --memory-limit.")
            )
        if reasons:
            process.kill()
            return


def _memory_gib(pid: int) -> float:
    """Resident memory of a process; 0 if it is gone."""
    if _PROC.exists():
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
        except (OSError, IndexError):
            return 0.0
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**30
    psutil = _psutil()
    try:
        return psutil.Process(pid).memory_info().rss / 2**30
    except psutil.Error:
        return 0.0


def _psutil() -> ModuleType:
    return require("psutil", "cohort", "A memory limit")


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
