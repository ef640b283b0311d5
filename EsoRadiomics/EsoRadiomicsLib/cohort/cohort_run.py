"""Measuring a cohort: every case that is not finished goes to a process; what is finished is kept at once.

A second run measures only what is new, changed or failed, and gives the same table, byte for byte, as one run that
nobody interrupted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import EsoRadiomicsError, UsageError
from ..core.formatting import counted, plain, some
from ..core.interrupts import Work, interrupts_later
from ..core.progress import Progress
from ..core.safe_start import MOST_JOBS
from ..extraction.settings import ExtractionSettings
from ..imaging.volumes import Acquisition
from .acquisitions import mixed_acquisitions
from .case_store import CASES, Store
from .case_task import Outcome, Task
from .child_process import RUN_AGAIN, STAGE, Limits, measure_apart, stop_children
from .manifest import Entry, Manifest, shared_between_cases
from .problems import Problem, fault, split_message

LEAST_ALIKE = 3
"""From so many ROIs on it is said that a feature is the same in all."""
ALIKE = "features"
"""The stage of that remark."""
Workers = tuple[Executor, Callable[[], int]]
"""Where cases are measured: an executor whose threads or processes wait for child processes, and how many it has."""


@dataclass(frozen=True)
class CohortRun:
    """What a run came to: by :attr:`Entry.key` the store's key of every finished case, and all problems."""

    manifest: Manifest
    store: Store
    settings: ExtractionSettings
    features: tuple[str, ...]
    finished: Mapping[tuple[str, str, str], str]
    problems: tuple[Problem, ...]
    measured: int
    readings: tuple[ExtractionSettings, ...] = ()

    @property
    def failures(self) -> list[Problem]:
        """The problems that left a case without features."""
        return [problem for problem in self.problems if problem.blocking]

    @property
    def remarks(self) -> list[Problem]:
        """The problems to look at although their cases are measured."""
        return [problem for problem in self.problems if not problem.blocking]


@contextmanager
def local_workers(jobs: int) -> Iterator[Workers]:
    """``jobs`` child processes of this process, each with a thread that waits for it.

    Raises:
        UsageError: fewer than one job.
    """
    if not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"jobs is {jobs}; give 1 or more processes, at most {MOST_JOBS}.")
    threads = ThreadPoolExecutor(jobs)
    try:
        yield threads, lambda: jobs
    finally:
        with interrupts_later():
            threads.shutdown(wait=False, cancel_futures=True)
            stop_children()


def run_cohort(
    manifest: Manifest,
    settings: ExtractionSettings,
    folder: Path,
    *,
    features: tuple[str, ...] | None = None,
    readings: tuple[ExtractionSettings, ...] = (),
    workers: AbstractContextManager[Workers],
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Progress | None = None,
) -> CohortRun:
    """Measure a manifest's cases; may be killed at any moment and run again.

    Args:
        manifest: from :func:`EsoRadiomicsLib.cohort.manifest.read_manifest`.
        settings: how features are measured.
        folder: finished cases are kept in its subfolder ``cases``.
        features: names wanted; None for all that the settings give.
        readings: more settings, with which the same features are measured, too.
        workers: :func:`local_workers`, or those of a cluster.
        limits: of each case.
        progress: told at the start and after each case.

    Raises:
        OutputError: the folder cannot be written.
    """
    store = Store(folder.absolute() / CASES)
    store.prepare()
    finished: dict[tuple[str, str, str], str] = {}
    problems = list(manifest.problems)
    clock = _Clock(len(manifest.entries), progress)
    tasks = ((entry, _task(entry, settings, features, readings, store)) for entry in manifest.entries)
    with closing(_outcomes(tasks, workers, limits)) as outcomes:  # also ends the processes when this is interrupted
        for entry, outcome in outcomes:
            if outcome.record is not None:
                outcome = _kept(store, outcome)
            if outcome.key:
                finished[entry.key] = outcome.key
            else:
                problems.append(entry.problem(outcome.stage, f"{outcome.reason} {outcome.remedy}".strip()))
            clock.tick(entry, outcome)
    problems += _remarks(manifest, store, finished)
    order = {entry.case: position for position, entry in enumerate(manifest.entries)}
    # As cases finish differs from run to run; in the manifest's order two runs can be compared.
    problems.sort(key=lambda problem: (order.get(problem.case, -1), problem.reader, problem.session))
    names = tuple(name for name in settings.names if features is None or name in features)
    return CohortRun(manifest, store, settings, names, finished, tuple(problems), clock.measured, readings)


def _kept(store: Store, outcome: Outcome) -> Outcome:
    """The outcome of a case once its record is kept, or why it cannot be: then only this case has failed."""
    assert outcome.record is not None
    try:
        store.write(outcome.key, outcome.record)
    except ValueError as error:
        reason, remedy = split_message(fault(error))
        return Outcome(stage=STAGE, reason=reason, remedy=remedy)
    return outcome


def _remarks(manifest: Manifest, store: Store, finished: Mapping[tuple[str, str, str], str]) -> Iterator[Problem]:
    """What to look at in cases that are finished: warnings, mixed acquisitions, the same image or mask in two cases,
    features that are the same in all."""
    contents, scans = {}, {}
    alike: Mapping[str, float] | None = None
    for entry in manifest.entries:
        record = store.read(finished[entry.key]) if entry.key in finished else None
        if record is not None:
            contents[entry.key] = record["image_sha256"], record["mask_sha256"]
            scans[entry.key] = Acquisition(**record["acquisition"]), record["spacing_mm"][2]
            found = record["features"]
            alike = found if alike is None else {name: alike[name] for name in alike if found.get(name) == alike[name]}
            for text in record["warnings"]:
                yield entry.problem("warning", text, blocking=False)
    yield from mixed_acquisitions(manifest.entries, scans)
    yield from shared_between_cases(manifest.entries, "voxels", contents, "content")
    if alike and (rois := len(set(contents.values()))) >= LEAST_ALIKE:
        listed = some(f"{name} ({plain(value)})" for name, value in alike.items())
        reason = f"The same in all {rois} ROIs: {counted(len(alike), 'feature')}, {listed}."
        yield Problem("", ALIKE, reason, "They tell no patient from another: models leave them out.", blocking=False)


def _task(
    entry: Entry,
    settings: ExtractionSettings,
    features: tuple[str, ...] | None,
    readings: tuple[ExtractionSettings, ...],
    store: Store,
) -> Task:
    return Task(
        name=entry.case,
        image=str(entry.image),
        mask=str(entry.mask),
        roi=entry.roi,
        settings=settings.to_dict(),
        features=features,
        store=str(store.folder),
        allow_outside=entry.allow_outside,
        readings=tuple(each.to_dict() for each in readings),
    )


def _outcomes(
    tasks: Iterator[tuple[Entry, Task]], workers: AbstractContextManager[Workers], limits: Limits
) -> Generator[tuple[Entry, Outcome], None, None]:
    """Outcomes as they come; only a few cases are under way at a time, so that memory does not grow with the cohort."""
    with workers as (executor, capacity):
        work: Work[Entry, Outcome] = Work(executor)
        while True:
            while len(work) < 2 * capacity() and (task := next(tasks, None)):
                work.give(task[0], measure_apart, task[1], limits)
            if not work:
                return
            entry, future = work.take()
            yield entry, _outcome(future)


def _outcome(future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except EsoRadiomicsError:
        raise
    except Exception as error:  # the process could not be started, or the cluster gave the case up
        return Outcome(
            stage=STAGE, reason=f"The case was not measured ({error or type(error).__name__}).", remedy=RUN_AGAIN
        )


class _Clock:
    """Counts cases and tells how long the rest will take; cases that were finished before take no time."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self.progress = total, progress
        self.done = self.failed = self.measured = 0
        self.start = time.monotonic()
        if progress is not None:
            progress(0.0, f"0 of {total} cases")  # the first may take minutes

    def tick(self, entry: Entry, outcome: Outcome) -> None:
        self.done += 1
        self.failed += not outcome.key
        self.measured += outcome.record is not None
        if self.progress is None:
            return
        worked = self.measured + self.failed
        left = (time.monotonic() - self.start) / worked * (self.total - self.done) if worked else 0.0
        message = f"{self.done} of {self.total} cases, {self.failed} failed"
        if self.done < self.total and worked:
            message += f", {_duration(left)} left"
        self.progress(self.done / self.total, f"{message} ({entry.case})")


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def threads_per_case(jobs: int) -> int:
    """Threads of SimpleITK in each of ``jobs`` processes, so that they do not take the computer's cores twice."""
    return max(1, (os.cpu_count() or 1) // max(jobs, 1))
