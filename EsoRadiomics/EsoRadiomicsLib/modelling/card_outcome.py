"""The outcome model of a fitted card, and its refitted numbers: terms, curves, baseline, and what competes with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..statistics.competing import incidence_of_hazards
from ..statistics.cox import Baseline
from ..statistics.inputs import FloatArray
from ..studies.card_curves import Curve
from .card_curve import curve_of
from .fitted_model import FinalModel, FittedModel
from .model_cohort import study_unit

REFIT = "refit"


def quantity(value: float, source: str = "", ci95: Sequence[float] | None = None) -> dict[str, Any]:
    """A refitted number of a card."""
    node: dict[str, Any] = {"value": float(value), "evidence": REFIT}
    if source:
        node["source"] = source
    if ci95 is not None and np.isfinite(ci95).all():
        node["ci95"] = [float(limit) for limit in ci95]
    return node


def baseline(survival: FloatArray, times: Sequence[float], source: str) -> list[dict[str, Any]]:
    """The card's baseline: survival at linear predictor 0; horizons beyond the last follow-up are left out."""
    rows = []
    for time, value in zip(times, survival, strict=True):
        if np.isnan(value):
            continue
        if not 0 < value < 1:
            raise InputError(
                f"The survival at {time:g} of a patient with linear predictor 0 is {value:g}, which a card cannot "
                "hold: either no event happened by then, or 0 is far from every patient. Choose later horizons, or "
                "measure clinical variables from a typical value (age − 60)."
            )
        rows.append({"time": float(time), "survival": quantity(float(value), source)})
    if not rows:
        raise InputError(
            f"No patient was followed to {', '.join(f'{time:g}' for time in times)}, so no survival probability can be "
            "given. Check the unit of the times (--time-unit), or choose earlier horizons (--horizons)."
        )
    return rows


def risk_group_name(cutoff: Mapping[str, Any]) -> str:
    """What the risk group above a card's cut-off is called among the terms of its outcome model."""
    return f"Rad-score {'≥' if cutoff['rule'] == '>=' else '>'} {cutoff['value']:.4g}".replace(" -", " −")


def what_is_estimated(model: str, endpoint: str, competes: str) -> str:
    """What the hazard ratios of a model are of, where something competes with its event."""
    if model == "fine-gray":
        return (
            f"Hazard ratios are Fine and Gray's, of the subdistribution: they order patients by their risk of "
            f"{endpoint} where {competes} can come first, and are no ratios of rates. Risks are cumulative incidences."
        )
    return (
        f"Hazard ratios are cause-specific: of the rate of {endpoint} among those still without it and without "
        f"{competes}. What a variable does to the risk depends on the rate of {competes}, too: risks are cumulative "
        "incidences from both hazards."
    )


def as_likely_as_not(model: FittedModel, value: float) -> dict[str, Any]:
    """The cut-off where the event is as likely as not: ``value`` on the scale that is cut."""
    event = model.study.endpoint
    return {
        "value": value,
        "evidence": "assumed",
        "source": "a probability of 50 %, as for accuracy and F1: the protocol prints none",
        "rule": ">=",
        "above": {"id": "predicted", "label": f"{event} predicted (≥ 50 %)", "outlook": "worse"},
        "below": {"id": "not-predicted", "label": f"{event} not predicted (< 50 %)", "outlook": "better"},
    }


def outcome_node(model: FittedModel, final: FinalModel, endpoint: str, source: str) -> dict[str, Any]:
    study = model.study
    terms = []
    for term in final.terms:
        node: dict[str, Any] = {
            "kind": term.kind,
            "name": term.name,
            "coefficient": quantity(term.coefficient, source, term.ci95),
        }
        if term.kind == "risk-group" and model.cutoff is not None:
            node["name"] = risk_group_name({"rule": model.cutoff.rule, "value": model.cutoff.value})
        if term.curve is not None:
            node["curve"] = curve_node(term.curve, source)
        elif final.kind == "survival":
            node["hazard_ratio"] = quantity(
                math.exp(term.coefficient), source, [math.exp(limit) for limit in term.ci95]
            )
        if term.kind == "rad-score":
            scores = model.signature.rad_score(model.training)
            node["axis"] = {
                "value": [float(scores.min()), float(scores.max())],
                "evidence": REFIT,
                "source": "range of the training patients",
            }
        terms.append(node)
    published = study.outcome
    common = {
        "kind": final.kind,
        "label": published.label if published and endpoint == study.endpoint else endpoint,
        "terms": terms,
        "source": source,
    }
    if final.baseline is None:
        groups = {} if model.cutoff else {"cutoff": as_likely_as_not(model, 0.5)}
        return {**common, "intercept": quantity(final.intercept, source), **groups}
    horizons = np.array(model.horizons)
    if not final.model:
        free = np.exp(-final.baseline.at(horizons))
        rows = baseline(free, model.horizons, source)
        return {**common, "unit": study_unit(study), "baseline": rows, **curve_of(model, source)}
    competing: dict[str, Any] = {"event": model.training.competes, "model": final.model}
    if final.competing is None:
        free = np.exp(-final.baseline.at(horizons))
    else:
        hazards = (final.baseline, np.zeros(1)), [(final.competing.baseline, np.zeros(1))]
        free = 1 - incidence_of_hazards(*hazards, horizons)[0]
        names = {term.name: written["name"] for term, written in zip(final.terms, terms, strict=True)}
        competing["terms"] = [
            {"name": names[term.name], "coefficient": quantity(term.coefficient, source)}
            | ({"curve": curve_node(term.curve, source)} if term.curve is not None else {})
            for term in final.competing.terms
        ]
        competing["hazards"] = _hazards(final.baseline, final.competing.baseline, horizons[~np.isnan(free)], source)
    rows = baseline(free, model.horizons, source)
    return {**common, "unit": study_unit(study), "baseline": rows, "competing": competing}


def curve_node(curve: Curve, source: str) -> dict[str, Any]:
    """A curve as a card writes it."""
    where: dict[str, Any] = (
        {"knots": list(curve.knots), "centre": curve.centre} if curve.knots else {"levels": list(curve.levels)}
    )
    return {**where, "coefficients": list(curve.coefficients), "evidence": REFIT, "source": source}


def _hazards(own: Baseline, other: Baseline, reached: FloatArray, source: str) -> dict[str, Any]:
    """Both cumulative hazards at linear predictor 0, at each time at which one of them rises, to the last horizon."""
    times = np.unique(np.concatenate([own.time, other.time]))
    times = times[times <= (reached.max() if len(reached) else 0.0)]
    return {
        "evidence": REFIT,
        "source": source,
        "time": times.tolist(),
        "event": own.at(times).tolist(),
        "competing": other.at(times).tolist(),
    }
