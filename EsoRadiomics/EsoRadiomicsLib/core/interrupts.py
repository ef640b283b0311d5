"""Ctrl-C comes between calls of executors and starts of processes, never inside one.

An interrupt inside a call of the standard library's executors may leave one of their locks held for good: the program
then says that it was interrupted, and never ends.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K")
I = TypeVar("I")  # noqa: E741 - an item

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals by which a person or a system asks a program to end."""


@contextmanager
def interrupts_later() -> Iterator[None]:
    """Ctrl-C waits until the block ends; processes started in it never get it, as it is their parent's to handle.

    Only the main thread is ever interrupted, by a function that Python calls there whichever thread got the signal:
    so the function waits, and the mask is for the processes.
    """
    if threading.current_thread() is not threading.main_thread():
        with _masked():
            yield
        return
    came: list[int] = []
    before = {number: handler for number in ENDING if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        with _masked():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(came):
            before[signal.Signals(number)](number, None)


@contextmanager
def _masked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Work(Generic[K, T]):
    """Calls that an executor was given, to be taken as they are finished, each with its key."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._keys: dict[Future[T], K] = {}
        self._finished: SimpleQueue[Future[T]] = SimpleQueue()

    def __len__(self) -> int:
        """How many calls were given and not taken."""
        return len(self._keys)

    def give(self, key: K, function: Callable[..., T], *arguments: object) -> None:
        """Have ``function`` called."""
        with interrupts_later():
            future = self._executor.submit(function, *arguments)
            self._keys[future] = key
            future.add_done_callback(self._finished.put)

    def take(self) -> tuple[K, Future[T]]:
        """Wait for the next call that is finished; Ctrl-C ends the waiting."""
        future = self._finished.get()  # written in C: an interrupt leaves nothing behind
        return self._keys.pop(future), future

    def cancel(self) -> None:
        """Give up what has not been begun."""
        with interrupts_later():
            for future in self._keys:
                future.cancel()


def in_order(executor: Executor, function: Callable[[I], T], items: Iterable[I]) -> Iterator[T]:
    """``function`` of every item, in the items' order; as :meth:`concurrent.futures.Executor.map`."""
    work: Work[int, T] = Work(executor)
    for position, item in enumerate(items):
        work.give(position, function, item)
    early: dict[int, Future[T]] = {}
    try:
        for position in range(len(work)):
            while position not in early:
                taken, future = work.take()
                early[taken] = future
            yield early.pop(position).result()
    finally:
        work.cancel()
