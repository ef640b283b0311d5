"""A patient's result as one JSON document: everything a machine, or someone repeating it, needs; no times, no paths."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from ...core.translation import ENGLISH, current_language, mark
from ...scoring.nomogram import build_nomogram, patient_values
from ...scoring.patient import PatientResult
from ...scoring.patient_curve import patient_curve
from ...scoring.predicted_outcome import Bounds
from ...scoring.score import Score
from ...studies.study import Study
from .patient_summary import summary_rows

NOTICE = mark("Research use only — not a medical device")


def result_dict(result: PatientResult) -> dict[str, Any]:
    """The content of ``result.json`` (``Resources/Schemas/result.schema.json``); the same input gives the same bits."""
    score, features, case = result.score, result.features, result.case
    return {
        "result_version": 1,
        **({} if current_language() == ENGLISH else {"language": current_language()}),
        "notice": NOTICE,
        "case": {
            "name": case.name,
            "image_sha256": case.image_sha256,
            "mask_sha256": case.mask_sha256,
            "size": list(case.image.GetSize()),
            "spacing_mm": list(case.image.GetSpacing()),
            "acquisition": asdict(case.acquisition),
            "sources": case.sources,
        },
        "study": _study(score.study),
        "settings": {
            "fingerprint": features.settings.fingerprint,
            "values": features.settings.to_dict(),
            "evidence": {name: quantity.evidence for name, quantity in score.study.settings_evidence.items()},
            "changed": {
                name: {"study": wanted, "used": used}
                for name, (wanted, used) in score.study.settings.differences(features.settings).items()
            },
        },
        "software": dict(features.software),
        "road": features.road,
        "roi": asdict(result.roi.account),
        **({"plausibility": result.plausibility.to_dict()} if result.plausibility else {}),
        "features": dict(features.values),
        "failed_features": dict(features.failed),
        "reference": _reference(result),
        "score": _score(score),
        "covariates": {"given": dict(score.covariates), "missing": list(score.missing)},
        "outcome": _outcome(score),
        "robustness": result.robustness and result.robustness.to_dict(),
        **({"paper_readings": result.paper_readings.to_dict()} if result.paper_readings else {}),
        "summary": [list(row) for row in summary_rows(result)],
        "warnings": list(result.warnings),
        "not_computed": list(score.not_computed),
    }


def to_json(document: dict[str, Any]) -> str:
    """``result.json`` as text: numbers in full, no NaN."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _study(study: Study) -> dict[str, Any]:
    card = json.dumps(study.card, sort_keys=True, ensure_ascii=False).encode()
    return {
        "id": study.id,
        "title": study.title,
        "citation": study.citation,
        "doi": study.card["citation"].get("doi"),
        "endpoint": study.endpoint,
        "card_sha256": hashlib.sha256(card).hexdigest(),
    }


def _reference(result: PatientResult) -> dict[str, Any] | None:
    score = result.score
    if not score.reference_label:
        return None
    against = {} if result.against is None else {"against": asdict(result.against)}
    return {"label": score.reference_label, "demonstration": score.demonstration, **against}


def _score(score: Score) -> dict[str, Any]:
    signature = score.study.signature
    assert signature is not None  # a study without one is never scored
    cutoff, group = signature.cutoff, score.group
    return {
        "name": signature.name,
        "rad_score": score.rad_score,
        "intercept": signature.intercept,
        "contributions": [asdict(item) for item in score.contributions],
        "cutoff": cutoff and {"value": cutoff.value, "rule": cutoff.rule, "evidence": cutoff.evidence},
        "group": group and {"id": group.id, "label": group.label, "outlook": group.outlook},
        "probability": score.probability,
        "probability_of": signature.probability_of,
        "strata": [{"id": stratum.id, "label": stratum.label} for stratum in score.strata],
    }


def _outcome(score: Score) -> dict[str, Any] | None:
    """Points, linear predictor and survival; ranges where a covariate is missing."""
    outcome, nomogram = score.study.outcome, build_nomogram(score.study)
    if outcome is None or nomogram is None or score.linear_predictor is None:
        return None
    place = nomogram.place(patient_values(score.study, score))
    return {
        "kind": outcome.kind,
        "label": outcome.label,
        "unit": outcome.unit,
        "linear_predictor": _bounds(score.linear_predictor),
        "points": {name: _bounds(bounds) for name, bounds in place.points.items()},
        "total_points": _bounds(place.total),
        "survival": [{"time": at.time, **_bounds(at.bounds), "evidence": at.evidence} for at in score.survival],
        "incidence": [{"time": at.time, **_bounds(at.bounds), "evidence": at.evidence} for at in score.incidence],
        **_curve(score),
        "event_probability": score.event_probability and _bounds(score.event_probability),
        "reconstructed": nomogram.reconstructed,
    }


def _curve(score: Score) -> dict[str, Any]:
    """Survival at every time of an event, where the card can tell."""
    curve = patient_curve(score.study, patient_values(score.study, score))
    if curve is None:
        return {}
    band = {} if curve.missing else {"lower_95": curve.best.lower.tolist(), "upper_95": curve.best.upper.tolist()}
    low, high = curve.worst.survival.tolist(), curve.best.survival.tolist()
    return {"curve": {"time": curve.best.time.tolist(), "low": low, "high": high, **band}}


def _bounds(bounds: Bounds) -> dict[str, float]:
    return {"low": bounds.low, "high": bounds.high}
