"""Sharing tasks between this process and those that help it."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from ..core.interrupts import interrupts_later

Task = TypeVar("Task")
Result = TypeVar("Result")

WORTH_S = 1.0
"""Processor seconds of work left: less is done before a process that helps has imported what it needs."""


class Helpers:
    """Processes that do tasks beside this one; they start when there is enough to do, and then stay."""

    def __init__(self, start: Callable[[int], Executor], number: int) -> None:
        self._start, self._number = start, number
        self._executor: Executor | None = None

    def spread(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task with its result, in the order in which they are done.

        This process begins with the first tasks, helpers with the last, so neighbours that share work stay together.
        What was with a helper that was killed is done here.
        """
        left = deque(tasks)
        while left and self._executor is None:
            before, task = time.process_time(), left.popleft()
            result = function(task)
            if (time.process_time() - before) * len(left) > WORTH_S:
                self._executor = self._start(self._number)
            yield task, result
        if self._executor is not None:
            yield from _shared(self._executor, self._number, function, left)

    def stop(self) -> None:
        """End the processes when what they are doing is done."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)


def _shared(
    executor: Executor, helpers: int, function: Callable[[Task], Result], left: deque[Task]
) -> Iterator[tuple[Task, Result]]:
    """As :meth:`Helpers.spread`; each helper has one task at a time, so that all end together."""
    asked: dict[Future[Result], Task] = {}
    answers: SimpleQueue[Future[Result]] = SimpleQueue()
    # The executor packs what it sends in a thread of its own; what this process computes meanwhile grows the function.
    packed = pickle.dumps(function)

    def ask() -> None:
        with suppress(IndexError), interrupts_later():
            task = left.pop()
            try:
                future = executor.submit(_unpacked, packed, task)
            except (BrokenExecutor, RuntimeError):  # helpers were killed, or are to end
                left.append(task)
                return
            asked[future] = task
            future.add_done_callback(answered)

    def answered(future: Future[Result]) -> None:
        if not (future.cancelled() or future.exception()):
            ask()
        answers.put(future)

    try:
        for _ in range(helpers):
            ask()
        while left or asked:
            with suppress(IndexError):
                task = left.popleft()
                yield task, function(task)
            while asked and (not left or not answers.empty()):
                future = answers.get()
                task = asked.pop(future)
                try:
                    result = future.result()
                except BrokenExecutor:
                    result = function(task)
                yield task, result
    finally:
        left.clear()  # nobody waits for the rest


def _unpacked(packed: bytes, task: Any) -> Any:
    """In a helper: packed by the process that it helps."""
    return pickle.loads(packed)(task)
