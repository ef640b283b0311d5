"""What chance and overfitting contribute: the whole protocol on shuffled outcomes and on bootstrap samples.

Every step that looked at the outcome is repeated each time, the selection of features included; anything less would
flatter the model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from ..core.errors import InputError
from ..core.progress import Progress
from ..statistics.discrimination import harrell
from ..statistics.inputs import FloatArray, IntArray
from ..statistics.roc import auc
from .draws import shuffled
from .fitted_model import RAD_SCORE, Choices, FittedModel, FittedSignature, NothingSelectedError
from .model_cohort import Cohort
from .protocol_plan import Plan
from .protocol_run import fit_protocol, select_features

FINAL = "final model"
T = TypeVar("T")


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
class Corrected:
    """C-index or AUC (``metric``) of the Rad-score or the final model: ``apparent``, and its mean ``optimism``."""

    model: str
    metric: str
    apparent: float
    optimism: float

    @property
    def corrected(self) -> float:
        return self.apparent - self.optimism


@dataclass(frozen=True)
class BootstrapOptimism:
    """The Rad-score, and the final model where it ranks patients otherwise, corrected for their optimism."""

    models: tuple[Corrected, ...]
    n_samples: int
    n_failed: int


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
    rows = _repeated(run, n, seed, pool, lambda share: progress(share, "permutation check"))
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
    real: FittedModel,
    *,
    n: int,
    seed: int,
    kept: Collection[str] | None = None,
    pool: Executor | None = None,
    progress: Progress = _silent,
) -> BootstrapOptimism:
    """Harrell's optimism: in each bootstrap sample the sample's own model there, less the same in all patients.

    A patient drawn twice is in one fold only, so that cross-validation stays honest. A sample without any selected
    feature predicts at 0.5 in both.
    """
    run = partial(_bootstrap_run, plan, training, kept)
    drops = _repeated(run, n, seed, pool, lambda share: progress(share, "bootstrap"))
    known = [drop for drop in drops if drop is not None]
    if 2 * len(known) < n:
        raise InputError(f"The protocol could not be repeated in {n - len(known)} of {n} bootstrap samples.")
    models = []
    for name, apparent in _of_model(real, training).items():
        of_binary = training.binary is not None and (name == RAD_SCORE or not _is_survival(real))
        drop = float(np.mean([drop.get(name, 0.0) for drop in known]))
        models.append(Corrected(name, "AUC" if of_binary else "C-index", apparent, drop))
    if real.final is not None and [term.kind for term in real.final.terms] == ["rad-score"]:
        models.pop()  # it ranks as the Rad-score does
    return BootstrapOptimism(tuple(models), n, n - len(known))


def _repeated(
    run: Callable[[int], T], n: int, seed: int, pool: Executor | None, progress: Callable[[float], None]
) -> list[T]:
    """``run`` of ``n`` seeds drawn from ``seed``, in their order."""
    seeds = [int(value) for value in np.random.SeedSequence(seed).generate_state(n)]
    found: list[T] = []
    for result in pool.map(run, seeds) if pool else map(run, seeds):
        found.append(result)
        progress(len(found) / n)
    return found


def _shuffled_run(
    plan: Plan, training: Cohort, validation: Cohort | None, kept: Collection[str] | None, seed: int
) -> tuple[float, float, int]:
    noise = shuffled(training, np.random.default_rng(seed))
    try:
        found = select_features(plan, noise, Choices(seed, kept=kept, explain=False)).signature
    except InputError:
        return 0.5, 0.5, 0
    outside = 0.5 if validation is None else _discrimination(found, validation)
    return _discrimination(found, noise), outside, len(found.names)


def _bootstrap_run(plan: Plan, training: Cohort, kept: Collection[str] | None, seed: int) -> dict[str, float] | None:
    """How much better each model is in the sample than in all patients; None where none could be built."""
    patients = np.unique(np.asarray(training.patients, dtype=str))
    drawn = np.random.default_rng(seed).choice(patients, len(patients))
    rows_of = {patient: np.flatnonzero(np.asarray(training.patients, dtype=str) == patient) for patient in patients}
    sample = training.rows(np.concatenate([rows_of[patient] for patient in drawn]))
    try:
        model = fit_protocol(plan, sample, Choices(seed, kept=kept, explain=False))
        inside, outside = _of_model(model, sample), _of_model(model, training)
    except NothingSelectedError:
        return {}
    except InputError:
        return None
    return {name: inside[name] - outside[name] for name in inside}


def _of_model(model: FittedModel, cohort: Cohort) -> dict[str, float]:
    """Discrimination of the Rad-score and of the final model."""
    found = {RAD_SCORE: _discrimination(model.rad_signature, cohort)}
    if model.final is not None:
        its_outcome = replace(cohort, binary=None) if _is_survival(model) else cohort
        found[FINAL] = _ranking(model.predictor(cohort), its_outcome)
    return found


def _is_survival(model: FittedModel) -> bool:
    return model.final is not None and model.final.kind == "survival"


def _discrimination(signature: FittedSignature, cohort: Cohort) -> float:
    return _ranking(signature.rad_score(cohort.features), cohort)


def _ranking(scores: FloatArray, cohort: Cohort) -> float:
    """AUC for a binary outcome, Harrell's C for survival."""
    if cohort.binary is not None:
        return auc(cohort.binary, scores).value
    assert cohort.survival is not None
    return harrell(cohort.survival, scores).value
