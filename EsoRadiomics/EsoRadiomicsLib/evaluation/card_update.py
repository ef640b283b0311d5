"""Recalibrating a card in other patients: three updates, each a new card that names its parent."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from ..core.errors import InputError, UsageError
from ..modelling.card_curve import curve
from ..modelling.card_outcome import baseline, quantity, risk_group_name
from ..modelling.fitted_card import Identity, add_medians, with_prevalence
from ..modelling.model_cohort import Cohort, study_unit
from ..modelling.predictions import column_of, parameters
from ..statistics.calibration import calibration_model
from ..statistics.competing import causes, event_free
from ..statistics.cox import efron_baseline, fit_cox
from ..statistics.estimate import z_value
from ..statistics.fine_gray import fit_fine_gray
from ..statistics.inputs import BoolArray, FloatArray, Survival
from ..statistics.likelihood import LogisticLikelihood
from ..statistics.logistic import fit_logistic
from ..studies.study import Study, check_card
from .validate import Validation, horizons_of

UPDATES = ("intercept", "slope", "refit")
_FAR = 40.0
"""So far, in log hazard, from the mean patient's that everybody or nobody survives."""
_WHAT = {
    "intercept": "Recalibrated in the large (baseline or intercept only)",
    "slope": "Recalibrated (baseline or intercept, and slope)",
    "refit": "Outcome model refitted, Rad-score unchanged",
}


def update(validation: Validation, how: str, identity: Identity) -> dict[str, Any]:
    """A new card: the same features, recalibrated in this cohort.

    ``intercept``: only the level of risk changes. Cox: the baseline, so that observed/expected is 1 at each
    horizon; logistic: the intercept (Steyerberg, Clinical Prediction Models, ch. 20). ``slope``: the linear predictor
    is multiplied by its coefficient in this cohort too. ``refit``: the terms of the outcome model get new coefficients.

    Raises:
        UsageError: the card has no outcome model that could be updated so.
        InputError: too few events, separation, a slope of 0 or less.
    """
    study, cohort = validation.study, validation.cohort
    card: dict[str, Any] = deepcopy(dict(study.card))
    event = cohort.survival.event if _is_survival(study, cohort) and cohort.survival else cohort.event
    source = f"{identity.cohort}: {len(cohort)} patients, {int(event.sum())} events"
    card |= {"id": identity.id, "title": identity.title, "parent": study.id, "performance": []}
    card["limitations"] = [f"{_WHAT[how]} in {source}.", *slope_warnings(validation, how), *card["limitations"]]
    card["notes"] = [f"Updated from {study.id}; the original card stays as it is.", *card["notes"]]
    _keep_parameters(card, validation, source)
    if _is_survival(study, cohort):
        card["outcome"] = _updated_survival(validation, how, source)
    elif study.outcome is not None and study.outcome.kind == "logistic":
        card["outcome"] = _updated_logistic(validation, how, source)
    else:
        _update_signature(card["signature"], validation, how, source)
        for term in card["outcome"]["terms"] if card["outcome"] else ():
            if term["kind"] == "risk-group":
                term["name"] = risk_group_name(card["signature"]["cutoff"])
    if not _is_survival(study, cohort):
        card["limitations"] = with_prevalence(card["limitations"], identity.cohort, float(event.mean()))
    add_medians(card, identity.cohort, cohort, validation.prediction)
    return dict(check_card(card, Path(f"{identity.id}.json")).card)


def slope_warnings(validation: Validation, how: str) -> list[str]:
    """A sentence where the calibration slope is not 1 and the update leaves it so."""
    slope = validation.evaluations[0].find("calibration slope")
    if how != "intercept" or slope is None or slope.lower is None or slope.upper is None:
        return []
    if slope.lower <= 1 <= slope.upper:
        return []
    apart = "too far apart" if slope.value < 1 else "too close together"
    return [
        f"The calibration slope in these patients is {slope.value:.2f} ({slope.lower:.2f} to {slope.upper:.2f}): the "
        f"predictions stay {apart}, high and low risks are wrong even where their mean is right. --update slope would "
        "mend that."
    ]


def _is_survival(study: Study, cohort: Cohort) -> bool:
    kind = study.outcome.kind if study.outcome else "survival" if study.card["task"] == "survival" else "logistic"
    if kind == "survival" and cohort.survival is None and cohort.binary is not None and study.signature is not None:
        # A probability beside a survival model: without follow-up it is the probability that is recalibrated.
        kind = "logistic" if study.signature.link == "logistic" else kind
    if kind == "survival" and cohort.survival is None:
        raise UsageError(f"Updating {study.id} needs the columns --time and --event.")
    return kind == "survival"


def _keep_parameters(card: dict[str, Any], validation: Validation, source: str) -> None:
    """Means and SDs that came from a reference cohort go into the card: the update holds only with them."""
    if card["signature"]["normalisation"] != "z-score":
        return
    means, sds = parameters(validation.study, validation.reference)
    label = validation.reference.label if validation.reference else source
    for feature, mean, sd in zip(card["signature"]["features"], means, sds, strict=True):
        if "mean" not in feature:
            feature |= {"mean": quantity(mean, f"reference cohort: {label}"), "sd": quantity(sd, f"reference: {label}")}


def _terms(validation: Validation) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """The outcome model's terms as columns (n, t) and as the card's nodes; a card without one has its Rad-score."""
    study, predicted = validation.study, validation.prediction
    signature = study.signature
    assert signature is not None
    if study.outcome is None:
        axis = [float(predicted.rad_score.min()), float(predicted.rad_score.max())]
        node = {
            "kind": "rad-score",
            "name": signature.name,
            "coefficient": quantity(1.0),
            "axis": {"value": axis, "evidence": "refit", "source": "range of these patients"},
        }
        return pd.DataFrame({signature.name: predicted.rad_score}), [node]
    columns = {
        term.name: column_of(study, term, predicted.rad_score, predicted.above, validation.cohort.clinical)
        for term in study.outcome.terms
    }
    return pd.DataFrame(columns), deepcopy(list(study.card["outcome"]["terms"]))


def _updated_survival(validation: Validation, how: str, source: str) -> dict[str, Any]:
    study, outcome = validation.study, validation.cohort.survival
    assert outcome is not None
    if study.outcome is not None and study.outcome.of_two_hazards is not None:
        raise UsageError(
            f"{study.id} rests on the hazards of two events, and no one baseline recalibrates both. Fit its protocol "
            "anew with “esoradiomics fit”, or start from a card with Fine and Gray's model."
        )
    columns, nodes = _terms(validation)
    predictor = validation.prediction.linear_predictor
    curves = {}
    if how == "refit":
        competing = outcome.competed is not None
        fitted = fit_fine_gray(columns, causes(outcome)) if competing else fit_cox(columns, outcome)
        if not competing and all("curve" not in node for node in nodes):  # of a spline's coefficients nothing is known
            curves["curve"] = curve(columns.to_numpy(), outcome, fitted.coefficients, fitted.covariance, source)
        predictor = fitted.linear_predictor(columns)
        reach = z_value(0.95) * fitted.se
        for node, beta, width in zip(nodes, fitted.coefficients, reach, strict=True):
            node["coefficient"] = quantity(beta, source, [beta - width, beta + width])
            node.pop("hazard_ratio", None)
    elif how == "slope":
        slope = _slope(float(calibration_model(outcome, predictor).coefficients[0]))
        predictor = slope * predictor
        _scale(nodes, slope, source)
    horizons = horizons_of(study, outcome)
    if how == "refit" and outcome.competed is None:
        survival = np.exp(-efron_baseline(outcome, predictor).at(np.array(horizons)))
    else:
        survival = np.array([_baseline_as_observed(outcome, predictor, time) for time in horizons])
    published = study.card["outcome"] or {"kind": "survival", "label": study.endpoint, "unit": study_unit(study)}
    kept = {name: value for name, value in published.items() if name != "curve"}  # of the model before the update
    return {**kept, "terms": nodes, "baseline": baseline(survival, horizons, source), **curves, "source": source}


def _baseline_as_observed(outcome: Survival, predictor: FloatArray, time: float) -> float:
    """S0 at ``time`` with which the mean predicted survival is the observed one: observed/expected becomes 1 there.

    (A Breslow or Efron baseline makes the events over the whole follow-up right, not those until the horizon.)
    """
    observed = float(event_free(outcome, time)[0])
    if not 0 < observed < 1:
        raise InputError(
            f"By {time:g} nobody, or everybody, of these patients had the event, so the baseline cannot be updated."
        )
    relative = np.exp(predictor)

    def excess(log_hazard: float) -> float:
        return float(np.mean(np.exp(-np.exp(log_hazard) * relative))) - observed

    centre = -float(predictor.mean())
    log_hazard = brentq(excess, centre - _FAR, centre + _FAR, xtol=1e-12)
    return float(np.exp(-np.exp(log_hazard)))


def _updated_logistic(validation: Validation, how: str, source: str) -> dict[str, Any]:
    event, study = _binary(validation), validation.study
    columns, nodes = _terms(validation)
    assert study.outcome is not None
    if how == "refit":
        fitted = fit_logistic(columns, event)
        reach = z_value(0.95) * fitted.se[1:]
        for node, beta, width in zip(nodes, fitted.coefficients, reach, strict=True):
            node["coefficient"] = quantity(beta, source, [beta - width, beta + width])
        intercept = fitted.intercept
    else:
        shift, slope = _logistic_shift(validation.prediction.linear_predictor, event, how)
        intercept = shift + slope * study.outcome.intercept
        _scale(nodes, slope, source)
    return {**study.card["outcome"], "terms": nodes, "intercept": quantity(intercept, source), "source": source}


def _update_signature(signature: dict[str, Any], validation: Validation, how: str, source: str) -> None:
    """A card whose Rad-score is the model: its intercept and coefficients move, and its cut-off with them."""
    if signature["link"] != "logistic" or how == "refit":
        raise UsageError(
            f"{validation.study.id} has no outcome model to refit; choose --update intercept or slope, or fit its "
            "protocol anew with “esoradiomics fit”."
            if signature["link"] == "logistic"
            else f"{validation.study.id} gives a score but no probability, so there is nothing to recalibrate."
        )
    shift, slope = _logistic_shift(validation.prediction.rad_score, _binary(validation), how)
    signature["intercept"] = quantity(shift + slope * signature["intercept"]["value"], source)
    _scale(signature["features"], slope, source)
    if signature["cutoff"] is not None:
        moved = shift + slope * signature["cutoff"]["value"]
        signature["cutoff"] |= {"value": moved, "evidence": "refit", "source": f"the same patients as before; {source}"}
    if "range" in signature:
        signature["range"]["value"] = [shift + slope * limit for limit in signature["range"]["value"]]
    signature.pop("distribution", None)


def _logistic_shift(predictor: FloatArray, event: BoolArray, how: str) -> tuple[float, float]:
    """(a, b) of the new log odds a + b·predictor."""
    if how == "slope":
        fitted = fit_logistic(pd.DataFrame({"log odds": predictor}), event)
        return fitted.intercept, _slope(float(fitted.coefficients[0]))
    return LogisticLikelihood(event)(predictor).intercept, 1.0


def _binary(validation: Validation) -> BoolArray:
    if validation.cohort.binary is None:
        raise UsageError(f"Updating {validation.study.id} needs the outcome's column (coded 0/1): --outcome.")
    return validation.cohort.binary


def _slope(slope: float) -> float:
    if slope <= 0:
        raise InputError(
            f"The calibration slope in this cohort is {slope:.2g}: the model ranks these patients the wrong way round, "
            "and no recalibration can mend that. Refit the model, or do not use it here."
        )
    return slope


def _scale(nodes: list[dict[str, Any]], slope: float, source: str) -> None:
    if slope == 1:
        return
    for node in nodes:
        node["coefficient"] = quantity(slope * node["coefficient"]["value"], source)
        node.pop("hazard_ratio", None)
