"""Patients unlike those that a card was built on: who they are, and how much of its calibration hangs on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..core.errors import InputError
from ..modelling.model_cohort import Cohort
from ..modelling.predictions import Prediction
from ..statistics.calibration import calibration_model
from ..statistics.competing import log_hazard
from ..statistics.inputs import BoolArray, FloatArray
from ..statistics.logistic import fit_logistic
from ..studies.study import Study


@dataclass(frozen=True)
class Outside:
    """A value of one patient outside the range (``low``, ``high``) of the patients that the card was built on."""

    case: str
    what: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Beyond:
    """Those ``outside``, of ``n`` patients, and the calibration slope with and without them (None: unknown)."""

    outside: tuple[Outside, ...]
    n: int
    slope: float | None
    slope_without: float | None

    @property
    def cases(self) -> tuple[str, ...]:
        """The patients, each once."""
        return tuple(dict.fromkeys(item.case for item in self.outside))


def beyond_training(study: Study, cohort: Cohort, prediction: Prediction) -> Beyond | None:
    """Who lies beyond the card's ranges of Rad-score and covariates; None where it has none."""
    columns = _ranges(study, cohort, prediction)
    if not columns:
        return None
    outside, member = [], np.zeros(len(cohort), dtype=np.bool_)
    for what, values, low, high in columns:
        beyond = (values < low) | (values > high)
        member |= beyond
        rows = np.flatnonzero(beyond)
        outside += [Outside(str(cohort.features.index[row]), what, float(values[row]), low, high) for row in rows]
    slopes: tuple[float | None, float | None] = (None, None)
    if outside and not member.all():
        slopes = _slope(cohort, prediction, np.ones(len(cohort), dtype=np.bool_)), _slope(cohort, prediction, ~member)
    return Beyond(tuple(outside), len(cohort), *slopes)


def _ranges(study: Study, cohort: Cohort, prediction: Prediction) -> list[tuple[str, FloatArray, float, float]]:
    signature, found = study.card["signature"], []
    axes = [term["axis"]["value"] for term in (study.card["outcome"] or {}).get("terms", ()) if "axis" in term]
    known = [signature["range"]["value"]] if "range" in signature else axes
    if known:
        found.append((signature["name"], prediction.rad_score, float(known[0][0]), float(known[0][1])))
    for node in study.card["covariates"]:
        if "range" in node and node["name"] in cohort.clinical:
            values = cohort.clinical[node["name"]].to_numpy(dtype=np.float64)
            found.append((node["name"], values, float(node["range"][0]), float(node["range"][1])))
    return found


def _slope(cohort: Cohort, prediction: Prediction, rows: BoolArray) -> float | None:
    """Calibration slope of the linear predictor in some of the patients."""
    risk = prediction.linear_predictor[rows]
    if cohort.survival is not None and cohort.survival.competed is not None and prediction.survival:
        risk = log_hazard(prediction.survival[max(prediction.survival)][rows])
    try:
        if prediction.probability is not None and cohort.binary is not None:
            return float(fit_logistic(pd.DataFrame({"log odds": risk}), cohort.binary[rows]).coefficients[0])
        if cohort.survival is not None:
            return float(calibration_model(cohort.survival[rows], risk).coefficients[0])
    except InputError:
        return None
    return None
