"""Does the Rad-score add anything to what is known anyway: clinical variables and the volume of the tumour?

In the training patients a score that was built on them would always seem to. So it is *cross-fitted* there: each fold
of patients gets the score of the protocol run on the others (pre-validation: Tibshirani & Efron, Stat Appl Genet Mol
Biol 2002;1), and the nested models with and without it are compared by the likelihood ratio. A score that points the
wrong way adds nothing, so that the test is one of a positive weight. In validation patients the models themselves are
compared.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from ..core.errors import InputError
from ..core.interrupts import in_order
from ..core.progress import Progress
from ..modelling.completed import cox, imputed, logistic
from ..modelling.curved_terms import CurvedTerms
from ..modelling.draws import draw_folds
from ..modelling.fitted_model import RAD_SCORE, Choices, FittedModel, NothingSelectedError
from ..modelling.model_cohort import Cohort
from ..modelling.protocol_plan import Plan
from ..modelling.protocol_run import select_features
from ..statistics.chunk_tests import likelihood_ratio, wald_chunk
from ..statistics.cox import CoxModel
from ..statistics.inputs import FloatArray, IntArray
from ..statistics.logistic import LogisticModel
from .markers import candidate_columns
from .resampled_runs import silent

_FOLDS = 10


@dataclass(frozen=True)
class NestedTest:
    """``base`` variables with the cross-fitted Rad-score against the same without: likelihood ratio χ² (Wald's by
    patients where they have several rows) and p.

    ``weight`` is the Rad-score's coefficient per SD; where it is not positive p is 1.
    """

    base: str
    weight: float
    chi2: float
    p: float


def added_value(
    plan: Plan, model: FittedModel, *, pool: Executor | None = None, progress: Progress = silent
) -> tuple[NestedTest, ...]:
    """The nested tests in the training patients, one for each of the simple models that can be fitted there."""
    score = cross_fitted_score(plan, model, pool=pool, progress=progress)
    if np.ptp(score) == 0:
        return ()
    # What fills gaps may know the score that is tested, not the one that was built on these very patients.
    training = imputed(model.training, max(1, len(model.training.completed)), model.choices.seed, {RAD_SCORE: score})
    found = []
    curved = plan.curved(training)
    for base, columns in candidate_columns(training).items():
        if not columns:
            continue
        try:
            found.append(_nested(base, training, columns, curved, score))
        except InputError:  # the simple model itself cannot be fitted, which the comparison tells already
            continue
    return tuple(found)


def cross_fitted_score(
    plan: Plan, model: FittedModel, *, pool: Executor | None = None, progress: Progress = silent
) -> FloatArray:
    """Each training patient's Rad-score (n,) by the protocol run on the other folds, centred there; 0 without one."""
    training, choices = model.training, model.choices
    folds = draw_folds(training, min(_FOLDS, int(training.event.sum())), choices.seed + 1)
    run = partial(_fold_score, plan, training, folds, Choices(choices.seed, kept=choices.kept, explain=False))
    score = np.zeros(len(training))
    numbers = [int(fold) for fold in np.unique(folds)]
    for fold, values in zip(numbers, in_order(pool, run, numbers) if pool else map(run, numbers), strict=True):
        score[folds == fold] = values
        progress(fold / len(numbers), "cross-fitted Rad-score")
    return score


def _fold_score(plan: Plan, training: Cohort, folds: IntArray, choices: Choices, fold: int) -> FloatArray:
    rest = training.rows(folds != fold)
    try:
        signature = select_features(plan, rest, choices).signature
    except NothingSelectedError:
        return np.zeros(int((folds == fold).sum()))
    centre = signature.rad_score(rest).mean()
    return signature.rad_score(training.rows(folds == fold)) - centre


def _nested(
    base: str, training: Cohort, columns: tuple[str, ...], curved: CurvedTerms, score: FloatArray
) -> NestedTest:
    table = training.known[list(columns)]
    larger = table.assign(**{RAD_SCORE: score / score.std()})
    smaller_fit, fit = _fit(table, training, curved), _fit(larger, training, curved)
    # Rows that belong together, and pooled models, have no likelihood ratio; Wald's test takes their errors.
    wald = training.clusters is not None or bool(training.completed)
    test = wald_chunk(fit, [RAD_SCORE]) if wald else likelihood_ratio(smaller_fit, fit)
    weight = float(fit.coefficients[-1])
    return NestedTest(base, weight, test.chi2, test.p if weight > 0 else 1.0)


def _fit(table: pd.DataFrame, training: Cohort, curved: CurvedTerms) -> CoxModel | LogisticModel:
    if training.binary is not None:
        return logistic(table, training, curved)
    return cox(table, training, curved)
