"""A fitted card in the patients it was built from and in those set aside, by what the card itself says of them."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..modelling.card_outcome import quantity
from ..modelling.fit import Fit
from ..modelling.fitted_card import add_medians
from ..modelling.model_cohort import Cohort
from ..modelling.predictions import Prediction, predict
from ..modelling.steps.evaluation_step import EvaluationStep
from ..studies.study import Study, check_card
from .card_rivals import rivals_node
from .evaluate_binary import evaluate_binary
from .evaluate_survival import evaluate_survival
from .markers import Marker, Rival, card_markers, rivals
from .measures import Evaluation

TRAINING, VALIDATION, WHOLE = "training", "validation", "whole"
_ON_THE_CARD = ("C-index", "Uno C", "AUC", "Brier", "calibration slope", "hazard ratio", "sensitivity", "specificity")


@dataclass(frozen=True)
class Side:
    """One side of the cohort, ``training`` or ``validation``, or the ``whole`` of it: predictions and evaluations."""

    name: str
    cohort: Cohort
    prediction: Prediction
    evaluations: tuple[Evaluation, ...]


@dataclass(frozen=True)
class Assessment:
    """A fit with its sides (training first); ``missing`` are sentences on what could not be compared.

    ``whole`` is both sides together, where the protocol evaluates them so.
    """

    fit: Fit
    study: Study
    sides: tuple[Side, ...]
    missing: tuple[str, ...]
    whole: Side | None = None


def assess(fit: Fit) -> Assessment:
    """Evaluate the card on both sides, beside a clinical-only and a volume-only model fitted to the training side.

    The card that comes back carries its performance, and the median times of its groups on both sides.
    """
    kinds = (["survival"] if fit.training.survival is not None else []) + (
        ["logistic"] if fit.training.binary is not None else []
    )
    found = {kind: rivals(fit.model.training, kind, fit.plan.curved(fit.model.training)) for kind in kinds}
    # The protocol's own clinical model is the clinical-only model already.
    own = {model.names for model in fit.model.logistic.values()}
    cohorts = [(TRAINING, fit.training)]
    if fit.validation is not None:
        cohorts.append((VALIDATION, fit.validation))
    step = fit.plan.find(EvaluationStep)
    if fit.validation is not None and step is not None and WHOLE in step.spec["cohorts"]:
        cohorts.append((WHOLE, fit.everybody))
    sides = []
    for name, everybody in cohorts:
        cohort = everybody.complete  # a card predicts nobody with a gap
        prediction = predict(fit.study, cohort.features, cohort.given)
        markers = list(card_markers(fit.study, prediction, cohort)) + _named_models(fit, cohort)
        n_own = sum(marker.kind == "logistic" for marker in markers)
        for kind in kinds:
            markers += [rival.marker(cohort, fit.plan.horizons) for rival in found[kind][0] if rival.columns not in own]
        sides.append(Side(name, cohort, prediction, _evaluations(fit, name, cohort, prediction, markers, n_own)))
    card = deepcopy(dict(fit.study.card))
    card["performance"] = [row for side in sides for row in _performance(side)]
    if models := [*_feature_models(fit), *(rival for kind in kinds for rival in found[kind][0])]:
        card["rivals"] = rivals_node(models, fit.training, fit.plan.horizons, "the training patients")
    whole = sides.pop() if sides[-1].name == WHOLE else None
    for side in sides:
        add_medians(card, side.name, side.cohort, side.prediction)
    missing = tuple(dict.fromkeys(sentence for kind in kinds for sentence in found[kind][1]))
    return Assessment(fit, check_card(card, fit.study.path), tuple(sides), missing, whole)


def _named_models(fit: Fit, cohort: Cohort) -> list[Marker]:
    """The protocol's own logistic models, except the one that is the card."""
    z = fit.model.signature.inputs(cohort)
    table = z.join(cohort.clinical)
    on_card = len(fit.model.signature.names) + (len(fit.model.final.terms) - 1 if fit.model.final else 0)
    return [
        Marker(f"{name} model", "logistic", model.linear_predictor(table), probability=model.probability(table))
        for name, model in fit.model.logistic.items()
        if len(model.names) != on_card
    ]


def _feature_models(fit: Fit) -> list[Rival]:
    """The protocol's logistic models of the features alone, for features as measured: a card carries them beside it."""
    signature = fit.model.signature
    if fit.model.final is None or signature.harmonisation is not None:  # on the card itself; not as measured
        return []
    found = []
    for name, model in fit.model.logistic.items():
        if model.names == signature.names:
            sds = np.ones(len(model.names)) if signature.sds is None else signature.sds
            means = np.zeros(len(model.names)) if signature.means is None else signature.means
            weights = model.coefficients / sds
            raw = replace(model, coefficients=weights, intercept=model.intercept - float(weights @ means))
            found.append(Rival(f"{name} model", raw, model.names, fit.plan.curved(fit.model.training)))
    return found


def _evaluations(
    fit: Fit, name: str, cohort: Cohort, prediction: Prediction, markers: list[Marker], n_own: int
) -> tuple[Evaluation, ...]:
    found = []
    logistic = [marker for marker in markers if marker.kind == "logistic"]
    if cohort.binary is not None and logistic:
        above = prediction.above if fit.model.final is None or fit.model.final.kind == "survival" else None
        found.append(
            evaluate_binary(
                name,
                cohort.binary,
                logistic,
                above,
                apparent=name != VALIDATION,
                clusters=cohort.clusters,
                n_own=n_own,
            )
        )
    survival = [marker for marker in markers if marker.kind == "survival"]
    if cohort.survival is not None and survival:
        reached = [time for time in fit.plan.horizons if time < cohort.survival.time.max()]
        label = f"{name}, follow-up" if found else name
        found.append(
            evaluate_survival(
                label,
                cohort.survival,
                survival,
                reached,
                prediction.above,
                apparent=name != VALIDATION,
                clusters=cohort.clusters,
                competes=cohort.competes,
            )
        )
    return tuple(found)


def _performance(side: Side) -> list[dict[str, Any]]:
    """The main numbers as a card writes them."""
    rows = []
    for evaluation in side.evaluations:
        for measure in evaluation.measures:
            if measure.metric in _ON_THE_CARD:
                limits = None if measure.lower is None or measure.upper is None else (measure.lower, measure.upper)
                row: dict[str, Any] = {"model": measure.model, "cohort": side.name, "metric": measure.metric}
                if measure.time is not None:
                    row["time"] = measure.time
                rows.append({**row, "value": quantity(measure.value, ci95=limits)})
    return rows
