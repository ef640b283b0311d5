"""How much of a validation is the luck of one random split: the protocol on other splits of the same patients."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core.errors import InputError
from ..core.progress import Progress
from ..modelling.fit import Fit, split
from ..modelling.fitted_model import Choices, NothingSelectedError
from ..modelling.model_cohort import Cohort
from ..modelling.protocol_plan import Plan
from ..modelling.protocol_run import select_features
from ..statistics.inputs import FloatArray
from .permutation_check import ranking
from .resampled_runs import repeated, silent

_FEWEST = 10
"""Splits below which being the best says nothing."""


@dataclass(frozen=True)
class SplitLuck:
    """The Rad-score's validation C-index (AUC of a binary outcome): of this split, and of N others (N,).

    0.5 where another split selected no feature; splits in which it cannot be computed are left out.
    """

    own: float
    others: FloatArray

    @property
    def lucky(self) -> bool:
        """Whether this split is among the best tenth of enough others."""
        return len(self.others) >= _FEWEST and bool(self.own > np.quantile(self.others, 0.9))


def split_luck(fit: Fit, *, n: int, pool: Executor | None = None, progress: Progress = silent) -> SplitLuck | None:
    """Repeat split, selection and validation ``n`` times; None where the split was not drawn."""
    if fit.validation is None or not fit.drawn:
        return None
    run = partial(_run, fit.plan, fit.everybody, fit.model.choices.kept)
    found = repeated(run, n, fit.options.seed, "other splits", pool, progress)
    others = np.array([value for value in found if value is not None])
    return SplitLuck(ranking(fit.model.rad_signature, fit.validation), others) if len(others) else None


def fold_luck(fit: Fit, *, n: int, pool: Executor | None = None, progress: Progress = silent) -> tuple[int, ...]:
    """How many features the protocol selects with ``n`` other draws of the cross-validation's folds."""
    run = partial(_size, fit.plan, fit.training, fit.model.choices.kept)
    return tuple(repeated(run, n, fit.options.seed + 1, "other folds", pool, progress))


def _size(plan: Plan, training: Cohort, kept: Collection[str] | None, seed: int) -> int:
    try:
        return len(select_features(plan, training, Choices(seed, kept=kept, explain=False)).rad_signature.names)
    except InputError:
        return 0


def _run(plan: Plan, everybody: Cohort, kept: Collection[str] | None, seed: int) -> float | None:
    rows = split(plan, everybody, seed)
    try:
        model = select_features(plan, everybody.rows(rows), Choices(seed, kept=kept, explain=False))
        return ranking(model.rad_signature, everybody.rows(~rows))
    except NothingSelectedError:
        return 0.5
    except InputError:
        return None
