"""Random draws of patients: folds and outcomes dealt out anew, where all rows of a patient stay together."""

from __future__ import annotations

import numpy as np

from ..core.errors import InputError
from ..statistics.crossvalidation import assign_folds
from ..statistics.inputs import IntArray
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
    """The cohort with its outcomes dealt out anew, so that features and outcome have nothing to do with each other."""
    order = rng.permutation(len(cohort))
    mixed = cohort.rows(order)
    return Cohort(cohort.features, cohort.clinical, mixed.survival, mixed.binary, cohort.patients, cohort.covariates)
