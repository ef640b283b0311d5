"""Repeating a whole protocol many times: seeds, processes, progress; and a bootstrap sample of whole patients."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

import numpy as np

from ..core.interrupts import in_order
from ..core.progress import Progress
from ..modelling.model_cohort import Cohort

T = TypeVar("T")


def silent(share: float, what: str) -> None:
    """Progress for nobody."""


def repeated(
    run: Callable[[int], T], n: int, seed: int, what: str, pool: Executor | None, progress: Progress
) -> list[T]:
    """``run`` of ``n`` seeds drawn from ``seed``, in their order; ``what`` is said beside the progress."""
    seeds = [int(value) for value in np.random.SeedSequence(seed).generate_state(n)]
    found: list[T] = []
    for result in in_order(pool, run, seeds) if pool else map(run, seeds):
        found.append(result)
        progress(len(found) / n, f"{what}, {len(found)} of {n}")
    return found


def bootstrap_sample(cohort: Cohort, seed: int) -> tuple[Cohort, Cohort]:
    """Patients drawn with replacement with all their rows, and those that were not drawn."""
    names = np.asarray(cohort.patients, dtype=str)
    patients = np.unique(names)
    drawn = np.random.default_rng(seed).choice(patients, len(patients))
    rows_of = {patient: np.flatnonzero(names == patient) for patient in patients}
    return cohort.rows(np.concatenate([rows_of[patient] for patient in drawn])), cohort.rows(~np.isin(names, drawn))
