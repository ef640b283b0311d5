"""Ctrl-C at any moment ends the program: nothing stays locked, nothing is waited for, and it is never lost."""

from __future__ import annotations

import _thread
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from EsoRadiomicsLib.core.interrupts import Work, in_order, interrupts_later
from EsoRadiomicsLib.core.safe_start import safe_environment

EVERY_MOMENT = """
import os, signal, sys
from concurrent.futures import ThreadPoolExecutor
from EsoRadiomicsLib.core.interrupts import Work

class Interrupt:
    def __init__(self, moment):
        self.moment, self.passed = moment, 0

    def __call__(self, frame, event, argument):
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.passed += 1
            if self.passed == self.moment:
                signal.raise_signal(signal.SIGINT)
        return self

def run(pool, interrupt):
    sys.settrace(interrupt)
    try:
        work = Work(pool)
        for key in range(3):
            work.give(key, int)
        while work:
            work.take()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False

moment = 0
while True:
    moment += 5
    interrupt = Interrupt(moment)
    with ThreadPoolExecutor(2) as pool:
        came = run(pool, interrupt)
    if interrupt.passed < moment:
        break
    assert came, f"The interrupt at instruction {moment} was lost."
print(moment)
"""
"""Ctrl-C at every fifth instruction of a run, one run each; with the standard library's ``wait`` some never end."""


class Interrupted(Executor):
    """Ctrl-C comes while it takes a call."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future[Any]:
        signal.raise_signal(signal.SIGINT)
        self.taken.append(function)
        return Future()


def test_an_interrupt_inside_an_executors_call_comes_when_the_call_is_over() -> None:
    executor = Interrupted()
    work: Work[str, int] = Work(executor)
    with pytest.raises(KeyboardInterrupt):
        work.give("one", len, "a")
    assert executor.taken == [len] and len(work) == 1


def test_a_program_that_is_interrupted_at_any_moment_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERY_MOMENT], env=safe_environment(), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000


def test_interrupts_wait_whichever_thread_the_system_gives_them_to() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), interrupts_later():
        other = threading.Thread(target=_thread.interrupt_main)
        other.start()
        other.join()
        reached = True
    assert reached and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_thread_beside_the_main_one_leaves_the_signals_alone() -> None:
    found: list[Any] = []

    def look() -> None:
        with interrupts_later():
            found.append(signal.getsignal(signal.SIGINT))

    other = threading.Thread(target=look)
    other.start()
    other.join()
    assert found == [signal.default_int_handler]


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_later():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_results_come_in_the_order_of_their_items_and_errors_with_them() -> None:
    with ThreadPoolExecutor(3) as pool:
        assert list(in_order(pool, abs, range(-20, 0))) == list(range(20, 0, -1))
        results = in_order(pool, int, ["1", "x", "3"])
        assert next(results) == 1
        with pytest.raises(ValueError, match="x"):
            next(results)


def test_what_was_not_begun_can_be_given_up() -> None:
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        work: Work[int, Any] = Work(pool)
        for key in range(3):
            work.give(key, gate.wait)
        work.cancel()
        gate.set()
        taken = dict(work.take() for _ in range(3))
    assert [taken[key].cancelled() for key in range(3)] == [False, True, True]


def test_the_library_takes_results_of_executors_by_this_road_only() -> None:
    """``wait``, ``as_completed`` and ``map`` are where an interrupt can leave a lock held."""
    library = Path(__file__).resolve().parents[3] / "EsoRadiomics" / "EsoRadiomicsLib"
    for file in library.rglob("*.py"):
        if file.name != "interrupts.py":
            found = re.search(
                r"as_completed|FIRST_COMPLETED|\b(pool|executor)\.map\(", file.read_text(encoding="utf-8")
            )
            assert not found, f"{file.name} says {found}"
