"""Tasks shared between a process and those that help it: all done, each once, whatever happens to a helper."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial

import pytest

from EsoRadiomicsLib.extraction import shared_tasks
from EsoRadiomicsLib.extraction.shared_tasks import Helpers
from EsoRadiomicsLib.extraction.workers import helpers

TASKS = list(range(12))
HERE = os.getpid()


def slow_square(task: int) -> tuple[int, int]:
    """Who did it, and the result."""
    time.sleep(0.02)
    return os.getpid(), task**2


def killed_elsewhere(here: int, task: int) -> int:
    """A helper that takes this is killed, as by a lack of memory."""
    if os.getpid() != here:
        os.kill(os.getpid(), 9)
    time.sleep(0.05)
    return task**2


class Growing:
    """Remembers what it did, as measurements keep what several of them need."""

    def __call__(self, task: int) -> tuple[int, int]:
        for i in range(2000):
            setattr(self, f"kept_{task}_{i}", i)
        return os.getpid(), len(vars(self)) // 2000


def broken(task: int) -> int:
    raise ValueError(f"task {task}")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[Helpers]:
    """One helper, which starts with the first task."""
    monkeypatch.setattr(shared_tasks, "WORTH_S", -1)
    with helpers(2) as helping:
        assert helping is not None
        yield helping


def test_all_tasks_are_done_once_by_both_processes(at_once: Helpers) -> None:
    list(at_once.spread(slow_square, [0, 1]))  # waits until the helper has imported what it needs
    found = list(at_once.spread(slow_square, TASKS))
    assert sorted((task, result) for task, (_, result) in found) == [(task, task**2) for task in TASKS]
    assert {process == HERE for _, (process, _) in found} == {True, False}
    assert next(task for task, (process, _) in found if process == HERE) == 0
    assert next(task for task, (process, _) in found if process != HERE) == 11


def test_what_this_process_keeps_meanwhile_neither_reaches_nor_disturbs_the_helper(at_once: Helpers) -> None:
    list(at_once.spread(slow_square, [0, 1]))
    found = [result for _, result in at_once.spread(Growing(), range(200))]
    own = [kept for process, kept in found if process == HERE]
    assert max(own) == len(own)
    assert {kept for process, kept in found if process != HERE} == {1}


def test_little_work_starts_no_process() -> None:
    def start(number: int) -> None:
        raise AssertionError

    found = list(Helpers(start, 1).spread(slow_square, TASKS[:3]))  # type: ignore[arg-type]
    assert [(task, process == HERE) for task, (process, _) in found] == [(0, True), (1, True), (2, True)]


def test_what_a_killed_helper_had_is_done_here(at_once: Helpers) -> None:
    found = dict(at_once.spread(partial(killed_elsewhere, HERE), TASKS))
    assert found == {task: task**2 for task in TASKS}


def test_an_error_in_a_task_ends_the_others(at_once: Helpers) -> None:
    with pytest.raises(ValueError, match="task 0"):
        list(at_once.spread(broken, TASKS))
