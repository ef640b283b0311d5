"""What chance and overfitting contribute: the whole protocol on shuffled outcomes and on bootstrap samples.

Every step that looked at the outcome is repeated each time, the selection of features included; anything less would
flatter the model.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..errors import InputError
from ..modelling.discrimination import harrell
from ..modelling.inputs import FloatArray, IntArray
from ..modelling.roc import auc
from ..progress import Progress
from .cohort import Cohort
from .protocol import Plan
from .signature import FittedSignature, draw_folds, fit_signature, shuffled


def _silent(share: float, what: str) -> None:
    """Progress for nobody."""


@dataclass(frozen=True)
class Chance:
    """The Rad-score's C-index (AUC of a binary outcome) in the real data and where outcomes were shuffled N times.

    ``training`` and ``validation`` (N,) are of the shuffled runs; 0.5 where no feature was selected, and
    ``n_selected`` (N,) is then 0. ``p`` is the share of runs, the real one counted, that reach the real value.
    """

    real: tuple[float, float | None]
    training: FloatArray
    validation: FloatArray | None
    n_selected: IntArray

    @property
    def p(self) -> float:
        value, runs = (self.real[0], self.training) if self.validation is None else (self.real[1], self.validation)
        assert value is not None
        return float((1 + (runs >= value).sum()) / (1 + len(runs)))


@dataclass(frozen=True)
class BootstrapOptimism:
    """The Rad-score's C-index (or AUC): ``apparent``, mean ``optimism`` over the samples, and corrected for it."""

    apparent: float
    optimism: float
    n_samples: int
    n_failed: int

    @property
    def corrected(self) -> float:
        return self.apparent - self.optimism


def permutation_check(
    plan: Plan,
    training: Cohort,
    validation: Cohort | None,
    real: FittedSignature,
    *,
    n: int,
    seed: int,
    kept: Collection[str] | None = None,
    pool: Executor | None = None,
    progress: Progress = _silent,
) -> Chance:
    """Repeat filters and LASSO ``n`` times with the outcomes of the training patients dealt out anew."""
    run = partial(_shuffled_run, plan, training, validation, kept)
    seeds = [int(value) for value in np.random.SeedSequence(seed).generate_state(n)]
    rows = []
    for row in pool.map(run, seeds) if pool else map(run, seeds):
        rows.append(row)
        progress(len(rows) / n, "permutation check")
    inside, outside, sizes = zip(*rows, strict=True)
    return Chance(
        real=(_discrimination(real, training), None if validation is None else _discrimination(real, validation)),
        training=np.array(inside),
        validation=None if validation is None else np.array(outside),
        n_selected=np.array(sizes, dtype=np.int64),
    )


def optimism(
    plan: Plan,
    training: Cohort,
    real: FittedSignature,
    *,
    n: int,
    seed: int,
    kept: Collection[str] | None = None,
    pool: Executor | None = None,
    progress: Progress = _silent,
) -> BootstrapOptimism:
    """Harrell's optimism: in each bootstrap sample the sample's Rad-score there, less the same in all patients.

    A patient drawn twice is in one fold only, so that cross-validation stays honest. A sample without any selected
    feature predicts at 0.5 in both.
    """
    run = partial(_bootstrap_run, plan, training, kept)
    seeds = [int(value) for value in np.random.SeedSequence(seed).generate_state(n)]
    drops: list[float | None] = []
    for drop in pool.map(run, seeds) if pool else map(run, seeds):
        drops.append(drop)
        progress(len(drops) / n, "bootstrap")
    known = [drop for drop in drops if drop is not None]
    if 2 * len(known) < n:
        raise InputError(f"The protocol could not be repeated in {n - len(known)} of {n} bootstrap samples.")
    return BootstrapOptimism(_discrimination(real, training), float(np.mean(known)), n, n - len(known))


def _shuffled_run(
    plan: Plan, training: Cohort, validation: Cohort | None, kept: Collection[str] | None, seed: int
) -> tuple[float, float, int]:
    noise = shuffled(training, np.random.default_rng(seed))
    try:
        found = fit_signature(plan, noise, draw_folds(noise, plan.lasso.folds, seed), kept, explain=False)
    except InputError:
        return 0.5, 0.5, 0
    outside = 0.5 if validation is None else _discrimination(found, validation)
    return _discrimination(found, noise), outside, len(found.names)


def _bootstrap_run(plan: Plan, training: Cohort, kept: Collection[str] | None, seed: int) -> float | None:
    patients = np.unique(np.asarray(training.patients, dtype=str))
    drawn = np.random.default_rng(seed).choice(patients, len(patients))
    rows_of = {patient: np.flatnonzero(np.asarray(training.patients, dtype=str) == patient) for patient in patients}
    sample = training.rows(np.concatenate([rows_of[patient] for patient in drawn]))
    try:
        folds = draw_folds(sample, plan.lasso.folds, seed)
    except InputError:
        return None
    try:
        found = fit_signature(plan, sample, folds, kept, explain=False)
    except InputError:
        return 0.0
    return _discrimination(found, sample) - _discrimination(found, training)


def _discrimination(signature: FittedSignature, cohort: Cohort) -> float:
    """AUC for a binary outcome, Harrell's C for survival."""
    scores = signature.rad_score(cohort.features)
    if cohort.binary is not None:
        return auc(cohort.binary, scores).value
    assert cohort.survival is not None
    return harrell(cohort.survival, scores).value
