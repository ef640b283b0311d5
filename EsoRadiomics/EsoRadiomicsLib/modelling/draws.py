"""Random draws of patients: folds and outcomes dealt out anew, where all rows of a patient stay together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..core.errors import InputError
from ..statistics.crossvalidation import assign_folds
from ..statistics.inputs import FloatArray, IntArray, Survival
from .model_cohort import Cohort


def draw_folds(cohort: Cohort, n_folds: int, seed: int) -> IntArray:
    """Fold 1…K of each row, events spread evenly; all rows of a patient are in one fold."""
    _, first, row_of = np.unique(np.asarray(cohort.patients, dtype=str), return_index=True, return_inverse=True)
    if int(cohort.event.sum()) < n_folds:
        raise InputError(
            f"{int(cohort.event.sum())} events are too few for {n_folds} folds: each fold needs one. Use fewer folds "
            "(--n-folds) or more patients."
        )
    return assign_folds(cohort.event[first], n_folds, seed)[row_of]


def shuffled(cohort: Cohort, rng: np.random.Generator) -> Cohort:
    """The cohort with its outcomes dealt out anew, so that features and outcome have nothing to do with each other.

    Whole patients swap their outcomes, so that the rows of a patient stay as alike as they are: with any other patient
    where all rows of each patient have one outcome, else among patients with the same number of rows.
    """
    order = _patients_shuffled(cohort, rng)
    mixed = cohort.rows(order)
    return replace(cohort, survival=mixed.survival, binary=mixed.binary, completed=(), warnings=())


def _patients_shuffled(cohort: Cohort, rng: np.random.Generator) -> IntArray:
    """For each row (n,) the row whose outcome it gets."""
    n = len(cohort)
    _, first, patient, sizes = np.unique(
        np.asarray(cohort.patients, dtype=str), return_index=True, return_inverse=True, return_counts=True
    )
    if len(sizes) == n:
        return rng.permutation(n)
    outcomes = np.column_stack(
        [column for column in (cohort.binary, *_columns(cohort.survival)) if column is not None]
    ).astype(np.float64)
    if (outcomes == outcomes[first][patient]).all():
        return first[rng.permutation(len(first))][patient]
    order = np.empty(n, dtype=np.int64)
    for size in np.unique(sizes):
        members = np.flatnonzero(sizes == size)
        for taker, giver in zip(members, rng.permutation(members), strict=True):
            order[np.flatnonzero(patient == taker)] = np.flatnonzero(patient == giver)
    return order


def _columns(outcome: Survival | None) -> tuple[FloatArray, ...]:
    return () if outcome is None else (outcome.time, outcome.event.astype(np.float64))
