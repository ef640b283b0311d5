"""What chance gives: the whole selection repeated with shuffled outcomes."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core.errors import InputError
from ..core.progress import Progress
from ..modelling.draws import shuffled
from ..modelling.fitted_model import Choices, FittedModel, FittedSignature
from ..modelling.model_cohort import Cohort
from ..modelling.protocol_plan import Plan
from ..modelling.protocol_run import select_features
from ..statistics.discrimination import harrell
from ..statistics.inputs import FloatArray, IntArray
from ..statistics.roc import auc
from .resampled_runs import repeated, silent


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


def permutation_check(
    plan: Plan,
    real: FittedModel,
    validation: Cohort | None,
    *,
    n: int,
    pool: Executor | None = None,
    progress: Progress = silent,
) -> Chance:
    """Repeat filters and selection ``n`` times with the outcomes of the training patients dealt out anew.

    Whole patients are shuffled, see :func:`draws.shuffled`. Seeds come from that of the ``real`` run.
    """
    training, score = real.training, real.rad_signature
    run = partial(_shuffled_run, plan, training, validation, real.choices.kept)
    rows = repeated(run, n, real.choices.seed, "shuffled outcomes", pool, progress)
    inside, outside, sizes = zip(*rows, strict=True)
    return Chance(
        real=(ranking(score, training), None if validation is None else ranking(score, validation)),
        training=np.array(inside),
        validation=None if validation is None else np.array(outside),
        n_selected=np.array(sizes, dtype=np.int64),
    )


def ranking(signature: FittedSignature, cohort: Cohort) -> float:
    """AUC of the Rad-score for a binary outcome, Harrell's C for survival."""
    scores = signature.rad_score(cohort)
    if cohort.binary is not None:
        return auc(cohort.binary, scores).value
    assert cohort.survival is not None
    return harrell(cohort.survival, scores).value


def _shuffled_run(
    plan: Plan, training: Cohort, validation: Cohort | None, kept: Collection[str] | None, seed: int
) -> tuple[float, float, int]:
    noise = shuffled(training, np.random.default_rng(seed))
    try:
        found = select_features(plan, noise, Choices(seed, kept=kept, explain=False)).signature
    except InputError:
        return 0.5, 0.5, 0
    outside = 0.5 if validation is None else ranking(found, validation)
    return ranking(found, noise), outside, len(found.names)
