"""The simple models that a card carries: written where it is fitted, read where it is validated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy.special import expit

from ..core.errors import InputError
from ..modelling.card_outcome import curve_node, quantity
from ..modelling.model_cohort import Cohort
from ..statistics.inputs import select_columns
from ..statistics.logistic import LogisticModel
from ..studies.card_curves import read_curve
from ..studies.study import Study
from .markers import Marker, Rival


def rivals_node(found: Iterable[Rival], training: Cohort, horizons: Sequence[float], source: str) -> dict[str, Any]:
    """The card's “rivals”: the models, and the covariates that they need."""
    models = [_model_node(rival, horizons, source) for rival in found]
    used = {variable["name"] for model in models for variable in model["variables"]}
    return {"covariates": [node for node in training.covariates if node["name"] in used], "models": models}


def _model_node(rival: Rival, horizons: Sequence[float], source: str) -> dict[str, Any]:
    fit = rival.fit
    fitted = dict(zip(fit.names, fit.coefficients, strict=True))
    variables: list[dict[str, Any]] = []
    for name in rival.columns:
        curve = rival.curved.curve(name, fit)
        node_of = {"name": name, "coefficient": quantity(1.0 if curve else fitted[name], source)}
        variables.append(node_of if curve is None else {**node_of, "curve": curve_node(curve, source)})
    node: dict[str, Any] = {"name": rival.name, "variables": variables}
    offset = rival.curved.offset(fit)
    if isinstance(fit, LogisticModel):
        return {**node, "kind": "logistic", "intercept": quantity(fit.intercept + offset, source)}
    # The linear predictor is moved to the mean patient, where the baseline survival is far from 0 and 1.
    centre = float(fit.means @ fit.coefficients)
    survival = np.exp(-fit.baseline.at(np.array(horizons)) * np.exp(centre))
    baseline = [
        {"time": float(time), "survival": quantity(float(value), source)}
        for time, value in zip(horizons, survival, strict=True)
        if 0 < value < 1
    ]
    return {**node, "kind": "survival", "intercept": quantity(offset - centre, source), "baseline": baseline}


def rival_markers(study: Study, cohort: Cohort) -> tuple[tuple[Marker, ...], tuple[str, ...]]:
    """What the card's rivals predict for other patients, and a sentence for each that cannot be applied there."""
    found, missing = [], []
    table = cohort.known
    for model in study.card.get("rivals", {"models": ()})["models"]:
        try:
            x = select_columns(table, [variable["name"] for variable in model["variables"]])
        except InputError as error:
            missing.append(f"The {model['name']} model of the card cannot be applied: {error}")
            continue
        risk = np.full(len(x), model["intercept"]["value"])
        for variable, column in zip(model["variables"], x.T, strict=True):
            curve = read_curve(variable["curve"]) if "curve" in variable else None
            values = column if curve is None else np.array([curve.at(float(value)) for value in column])
            risk = risk + variable["coefficient"]["value"] * values
        if model["kind"] == "logistic":
            found.append(Marker(model["name"], "logistic", risk, probability=expit(risk)))
            continue
        s0 = {at["time"]: at["survival"]["value"] for at in model["baseline"]}
        found.append(Marker(model["name"], "survival", risk, {t: value ** np.exp(risk) for t, value in s0.items()}))
    return tuple(found), tuple(missing)
