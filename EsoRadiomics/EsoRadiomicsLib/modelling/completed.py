"""Clinical variables with gaps: filled several times by the training patients, and models pooled over the fillings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from ..core.errors import InputError
from ..statistics.cox import CoxModel, fit_cox
from ..statistics.imputation import chained_equations, nelson_aalen
from ..statistics.inputs import FloatArray
from ..statistics.logistic import LogisticModel, fit_logistic
from ..statistics.rubin import pool_cox, pool_logistic
from .curved_terms import STRAIGHT, CurvedTerms
from .model_cohort import Cohort

IN_A_RESAMPLE = 5
"""Fillings where only the estimate counts and not its limits."""


def imputed(training: Cohort, n: int, seed: int, known: Mapping[str, FloatArray] | None = None) -> Cohort:
    """The cohort with its gaps filled ``n`` times; itself where there are none.

    What fills them knows the other clinical variables, the outcome of these patients and what is ``known`` beside, such
    as the Rad-score: all that the model to be fitted holds, so that its effects are not diluted.
    """
    if not training.gaps:
        return training
    columns = [training.clinical.to_numpy(dtype=np.float64), *(each[:, None] for each in (known or {}).values())]
    if training.survival is not None:
        outcome = training.survival
        columns += [outcome.event[:, None].astype(np.float64), nelson_aalen(outcome)[:, None]]
    if training.binary is not None:
        columns.append(training.binary[:, None].astype(np.float64))
    k = training.clinical.shape[1]
    tables = chained_equations(np.hstack(columns), n, seed)[:, :, :k]
    clinical = training.clinical
    return replace(
        training,
        completed=tuple(pd.DataFrame(each, index=clinical.index, columns=clinical.columns) for each in tables),
    )


def cox(table: pd.DataFrame, training: Cohort, curved: CurvedTerms = STRAIGHT) -> CoxModel:
    """A Cox model of ``table`` (n, p), rows of the training patients; pooled where clinical variables were imputed.

    The ``curved`` variables enter as their columns.
    """
    assert training.survival is not None
    tables = [curved.expanded(each) for each in _filled(table, training)]
    models = [fit_cox(each, training.survival, training.clusters) for each in tables]
    return models[0] if len(models) == 1 else pool_cox(models, tables, training.survival)


def logistic(table: pd.DataFrame, training: Cohort, curved: CurvedTerms = STRAIGHT) -> LogisticModel:
    """A logistic model of ``table`` (n, p), rows of the training patients; pooled where variables were imputed."""
    assert training.binary is not None
    tables = [curved.expanded(each) for each in _filled(table, training)]
    models = [fit_logistic(each, training.binary, training.clusters) for each in tables]
    return models[0] if len(models) == 1 else pool_logistic(models)


def filled_once(table: pd.DataFrame, training: Cohort) -> pd.DataFrame:
    """The table as the first filling has it, for what can be looked at in one only."""
    return _filled(table, training)[0]


def _filled(table: pd.DataFrame, training: Cohort) -> list[pd.DataFrame]:
    """The table with its gaps filled, once a filling; the table itself where it has no gaps."""
    if not table.isna().to_numpy().any():
        return [table]
    if not training.completed:
        raise InputError(f"{', '.join(training.gaps)} has gaps; complete cases or imputation (--missing) close them.")
    return [
        table.assign(**{name: each[name].to_numpy() for name in table.columns if name in each})
        for each in training.completed
    ]
