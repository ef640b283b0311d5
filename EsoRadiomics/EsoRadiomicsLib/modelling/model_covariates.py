"""Clinical variables of a table as numbers, and as the covariates that a study card describes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import InputError, UsageError
from ..scoring.nomogram import pretty
from ..statistics.inputs import BoolArray, numbers
from ..studies.card_parts import Covariate
from ..studies.study import Study

_MOST_LEVELS = 10
_INTERVALS = 10


def coded(
    clinical: pd.DataFrame, training: BoolArray | None, study: Study, factors: Collection[str] = ()
) -> tuple[pd.DataFrame, tuple[dict[str, Any], ...]]:
    """Numbers (n, c) and the card's covariates; levels and ranges are those of the ``training`` rows (n,).

    What a patient lacks stays NaN.
    A variable that the study knows takes the study's levels, by number or label. Others may be numbers (up to ten
    distinct values are levels) or text of two values; text of ``factors`` may have more.

    Raises:
        InputError: text of more than two values, a level that only validation patients have.
    """
    columns, covariates = {}, []
    for name in map(str, clinical.columns):
        raw = clinical[name]
        present = raw.notna().to_numpy()
        described = study.covariates.get(name) or study.rival_covariates.get(name)
        known, labels = _numbers(raw[present], described, name in factors)
        values = np.full(len(raw), np.nan)
        values[present] = known
        inside = values[present] if training is None else values[present & training]
        columns[name] = values
        covariates.append(_covariate(name, inside, labels, study))
        if training is not None and "levels" in covariates[-1]:
            _check_levels(name, values, training, raw)
    return pd.DataFrame(columns, index=clinical.index), tuple(covariates)


def _numbers(raw: pd.Series, known: Covariate | None, factor: bool) -> tuple[np.ndarray, dict[float, str]]:
    """Values and, where there are any, the labels of the levels."""
    if known is not None and known.levels is not None:
        try:
            return np.array([known.check(value) for value in raw]), dict(known.levels)
        except UsageError as error:
            raise InputError(f"A clinical variable does not fit the study's card: {error}") from error
    if pd.api.types.is_numeric_dtype(raw):
        return numbers(raw, f"'{raw.name}'"), {}
    found = sorted(set(raw.astype(str)))
    if len(found) > 2 and not factor:
        raise InputError(
            f"“{raw.name}” is text of {len(found)} values ({', '.join(found[:5])} …). A model needs numbers: code it "
            f"in their order, or give each category an effect of its own (--factor {raw.name!r})."
        )
    return np.searchsorted(found, raw.astype(str).to_numpy(dtype=str)).astype(np.float64), dict(enumerate(found))


def _covariate(name: str, inside: np.ndarray, labels: dict[float, str], study: Study) -> dict[str, Any]:
    known = study.covariates.get(name) or study.rival_covariates.get(name)
    node: dict[str, Any] = {"name": name, "label": known.label if known else name}
    if known and known.description:
        node["description"] = known.description
    if known and known.after_baseline:
        node["after_baseline"] = known.after_baseline
    if known and known.unit:
        node["unit"] = known.unit
    distinct = [float(value) for value in np.unique(inside)]
    if labels or len(distinct) <= _MOST_LEVELS:
        levels = labels or {value: f"{value:g}" for value in distinct}
        node["levels"] = [{"value": value, "label": label} for value, label in levels.items()]
    else:
        ticks = pretty(distinct[0], distinct[-1], _INTERVALS)
        node["range"] = [ticks[0], ticks[-1]]
    return node


def _check_levels(name: str, values: np.ndarray, training: BoolArray, raw: pd.Series) -> None:
    unseen = sorted({value for value in values[~training] if not np.isnan(value)} - set(values[training]))
    if unseen:
        row = int(np.flatnonzero(values == unseen[0])[0])
        raise InputError(
            f"“{name}” is {raw.iloc[row]} only in validation patients ({raw.index[row]}): no training patient can "
            "teach the model its effect. Merge it with another level, or leave these patients out."
        )
