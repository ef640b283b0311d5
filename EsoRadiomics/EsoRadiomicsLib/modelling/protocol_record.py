"""The protocol block of a new card: the study's steps as they were done with this cohort."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model_cohort import Cohort
from .protocol_plan import FEATURES
from .protocol_run import FittedModel
from .signature import ICC_STEP, UNIVARIATE_STEP


def cohort_facts(training: Cohort, n_validation: int) -> dict[str, int]:
    """Numbers of patients (rows) and events."""
    return {
        "patients": len(training) + n_validation,
        "training": len(training),
        "validation": n_validation,
        "training_events": int(training.event.sum()),
    }


def steps_as_done(model: FittedModel, training: Cohort, n_validation: int) -> list[dict[str, Any]]:
    """The steps with this cohort's variables, counts and λ; steps that were left out are not in the list."""
    done = []
    for published in model.plan.study.card["protocol"]["steps"]:
        changes = _changes(published, model, training, n_validation)
        if changes is not None:
            kept = {key: value for key, value in published.items() if key not in ("source", "assumed", "kept")}
            done.append({**kept, "evidence": "refit", **changes})
    return done


def _changes(step: Mapping[str, Any], model: FittedModel, training: Cohort, n_validation: int) -> dict[str, Any] | None:
    """What was different from the study's step; None if it was left out."""
    plan, counts = model.plan, dict(model.signature.account)
    clinical = list(training.clinical.columns)
    kind = step["step"]
    if kind == "split":
        return {"ratio": [len(training), n_validation]} if n_validation else None
    if kind == "icc":
        return {"kept": counts[ICC_STEP]} if ICC_STEP in counts else None
    if kind == "univariate":
        return {"kept": counts[UNIVARIATE_STEP]}
    if kind == "lasso":
        curve = model.signature.cv.curve
        chosen = {"lambda_rule": plan.lasso.rule, "folds": plan.lasso.folds, "measure": plan.lasso.measure}
        return {**chosen, "lambda": float(curve.lambdas[model.signature.index]), "kept": len(model.signature.names)}
    if kind == "clinical":
        return {"variables": clinical, "cohorts": ["training"]} if clinical else None
    if kind == "cox":
        if model.multivariable is None or model.final is None:
            return None
        return {"variables": list(model.multivariable.names), "kept": [term.name for term in model.final.terms]}
    if kind == "nomogram":
        if model.final is None:
            return None
        return {"variables": [term.name for term in model.final.terms], "horizons": list(plan.horizons)}
    if kind == "logistic":
        if step["model"] not in model.logistic:
            return None
        of_features = [FEATURES] if FEATURES in step["variables"] else []
        return {"variables": of_features + (clinical if set(step["variables"]) - {FEATURES} else [])}
    if kind == "strata":
        return {} if model.plan.study.strata and set(step["factors"]) - {"risk-group"} <= set(clinical) else None
    return {}
