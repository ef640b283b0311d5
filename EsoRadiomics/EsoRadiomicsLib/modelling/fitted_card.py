"""A fitted model as a study card: the same shape as the published ones, every number with the evidence ``refit``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..extraction.engines import Engine, engine
from ..statistics.combat import Combat
from ..statistics.competing import incidence_of_hazards
from ..statistics.cox import Baseline
from ..statistics.inputs import BoolArray, FloatArray
from ..statistics.kaplan_meier import kaplan_meier
from ..studies.card_curves import Curve
from .card_curve import curve_of
from .fitted_model import FinalModel, FittedCutoff, FittedModel
from .model_cohort import Cohort, listed, study_unit
from .predictions import Prediction

REFIT = "refit"


@dataclass(frozen=True)
class Identity:
    """What a new card is called: ``id`` (lower-case letters, digits, hyphens), ``title``, ``cohort`` = whose data.

    ``endpoint`` is what was really fitted (OS), "" where it is the study's.
    """

    id: str
    title: str
    cohort: str
    endpoint: str = ""


def build_card(
    model: FittedModel, training: Cohort, validation: Cohort | None, identity: Identity, settings_checked: bool
) -> dict[str, Any]:
    """The card of a fitted model; its performance is added by the evaluation.

    Raises:
        InputError: a survival probability of the baseline is 0 or 1 to machine precision.
    """
    study = model.study
    source = f"{identity.cohort}: {training.counted} for training, {int(training.event.sum())} events"
    table_only = _table_only(model.signature.names, engine(study.settings.engine))
    covariates = [node for node in training.covariates if node["name"] in _needed(model)]
    known = {node["name"] for node in covariates}
    if (combat := model.signature.harmonisation) is not None:
        covariates.append(_batches(combat))
    weak = list(study.card["protocol"].get("limitations", ()))
    task, endpoint = _endpoint(model, identity)
    card: dict[str, Any] = {
        "card_version": 1,
        "id": identity.id,
        "title": identity.title,
        "parent": study.id,
        "citation": {"text": f"Fitted to {identity.cohort} by the protocol of: {study.citation}"},
        "task": task,
        "endpoint": endpoint,
        "intended_use": "Research only; not a medical device and not for decisions about a patient. "
        f"Built on {source}.",
        "limitations": [
            *([table_only] if table_only else []),
            *model.warnings,
            *_limitations(model, validation, endpoint["name"]),
            *(f"The protocol of {study.id}: {text}" for text in weak),
        ],
        "acquisition": {},
        "roi": _measured(study.card["roi"], settings_checked, table_only),
        "extraction": _measured(study.card["extraction"], settings_checked, table_only),
        "signature": _signature(model, source, table_only),
        "covariates": covariates,
        "outcome": _outcome(model, model.final, endpoint["name"], source) if model.final else None,
        "strata": _strata(model, known, source),
        "protocol": {
            "cohort": {name: quantity(n, source) for name, n in _cohort_facts(training, validation).items()},
            **({"limitations": weak} if weak else {}),
            "steps": list(model.done),
        },
        "performance": [],
        "notes": [f"{what}: {count} features." for what, count in model.account],
    }
    if identity.endpoint and study.card["task"] == "survival" and model.cutoff is not None:
        for side in ("above", "below"):  # the study's words are of its own endpoint
            card["signature"]["cutoff"][side]["label"] = f"Rad-score {side} the cut-off ({identity.endpoint})"
    return card


def quantity(value: float, source: str = "", ci95: Sequence[float] | None = None) -> dict[str, Any]:
    """A refitted number of a card."""
    node: dict[str, Any] = {"value": float(value), "evidence": REFIT}
    if source:
        node["source"] = source
    if ci95 is not None and np.isfinite(ci95).all():
        node["ci95"] = [float(limit) for limit in ci95]
    return node


def add_medians(card: dict[str, Any], label: str, cohort: Cohort, prediction: Prediction) -> None:
    """Add Kaplan–Meier's median times of this cohort, called ``label``, to the card's groups and strata.

    A group whose survival never falls to one half gets none.
    """
    members: list[tuple[dict[str, Any], BoolArray]] = []
    if (cutoff := card["signature"]["cutoff"]) is not None and prediction.above is not None:
        members += [(cutoff["above"], prediction.above), (cutoff["below"], ~prediction.above)]
    if card["strata"] is not None and prediction.strata is not None:
        members += [(group, prediction.strata == group["adverse_factors"]) for group in card["strata"]["groups"]]
    for group, member in members:
        # A median of Kaplan–Meier's curve would be of a world without the competing event.
        if cohort.survival is None or cohort.survival.competed is not None or not member.any():
            continue
        whose = None if cohort.clusters is None else np.asarray(cohort.clusters)[member]
        median, *limits = kaplan_meier(cohort.survival[member], clusters=whose).quantile()
        if not np.isnan(median):
            row = {"cohort": label, "value": quantity(median, "Kaplan–Meier", limits)}
            group["medians"] = [*group.get("medians", ()), row]


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
    return f"Rad-score {'≥' if cutoff['rule'] == '>=' else '>'} {cutoff['value']:.4g}"


def _cohort_facts(training: Cohort, validation: Cohort | None) -> dict[str, int]:
    """Numbers of patients (rows) and events."""
    n_validation = 0 if validation is None else len(validation)
    return {
        "patients": len(training) + n_validation,
        "training": len(training),
        "validation": n_validation,
        "training_events": int(training.event.sum()),
    }


def _measured(block: Mapping[str, Any], checked: bool, table_only: str) -> dict[str, Any]:
    """The protocol's settings as those of this cohort: known where the table carries their fingerprint."""
    evidence, source = "assumed", "not recorded in the feature table"
    if table_only:
        source = "the protocol's; how other software measured these features is not known here"
    elif checked:
        evidence, source = REFIT, "fingerprint in the feature table"
    return {
        name: node if node["value"] is None else {"value": node["value"], "evidence": evidence, "source": source}
        for name, node in block.items()
    }


def _needed(model: FittedModel) -> set[str]:
    names = {term.name for term in model.final.terms if term.kind == "covariate"} if model.final else set()
    names |= set(model.signature.harmonisation.covariates if model.signature.harmonisation else ())
    strata = model.study.strata if model.strata else None
    return names | {factor.name for factor in strata.factors if factor.kind == "covariate"} if strata else names


def _batches(combat: Combat) -> dict[str, Any]:
    """The scanner or centre as a covariate that every patient has to have."""
    return {
        "name": combat.column,
        "label": combat.column,
        "description": "which the features are harmonised from, as the training patients taught it (ComBat)",
        "levels": [{"value": k, "label": name} for k, name in enumerate(combat.batches, start=1)],
        "by_name": True,
    }


def _table_only(names: Sequence[str], measuring: Engine) -> str:
    """Why no CT can be scored with these features, or an empty string."""
    foreign = [name for name in names if measuring.split_name(name) is None]
    if not foreign:
        return ""
    which = "Its features" if len(foreign) == len(names) else f"{len(foreign)} of its {len(names)} features"
    return (
        f"{which} ({listed(foreign)}) are not those of {measuring.title}, so they cannot be measured on a CT here. The "
        "card is for feature tables with the same columns (“esoradiomics validate”)."
    )


def _endpoint(model: FittedModel, identity: Identity) -> tuple[str, Mapping[str, str]]:
    """Task and endpoint: the study's, unless its protocol goes on from a yes or no to survival."""
    study = model.study
    if study.card["task"] == "survival" or model.final is None or model.final.kind != "survival":
        if not identity.endpoint:
            return study.card["task"], study.card["endpoint"]
        about = f"As {identity.cohort} has it; the protocol's: {study.endpoint}."
        return study.card["task"], {"name": identity.endpoint, "description": about}
    about = f"Survival by a score of {study.endpoint}, by the protocol of {study.id}."
    return "survival", {"name": identity.endpoint or "survival", "description": about}


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


def _limitations(model: FittedModel, validation: Cohort | None, endpoint: str) -> list[str]:
    training = model.training
    lines = list(training.warnings)
    if model.signature.link == "logistic" and training.binary is not None:
        share = 100 * float(training.binary.mean())
        lines.append(
            f"The probability of {model.study.endpoint} is for patients like those of the training cohort, {share:.0f} "
            "% of whom have it. Where it is rarer or more frequent, recalibrate it (“esoradiomics validate … --update "
            "intercept”)."
        )
    if model.final is not None and model.final.model:
        lines.append(what_is_estimated(model.final.model, endpoint, training.competes))
    if validation is None:
        lines.append("Not validated: no patients were kept for validation.")
    else:
        lines.append(
            f"Validated in {validation.counted} of the same table only; external validation is still to be done."
        )
    return lines


def _signature(model: FittedModel, source: str, table_only: str) -> dict[str, Any]:
    fitted, published = model.signature, model.study.signature
    features: list[dict[str, Any]] = []
    for i, name in enumerate(fitted.names):
        feature: dict[str, Any] = {"name": name, "coefficient": quantity(fitted.coefficients[i], source)}
        if fitted.means is not None and fitted.sds is not None:
            feature |= {"mean": quantity(fitted.means[i], source), "sd": quantity(fitted.sds[i], source)}
        features.append(feature)
    node: dict[str, Any] = {
        "name": published.name if published else "Rad-score",
        "link": fitted.link,
        "normalisation": "none" if fitted.means is None else "z-score",
        "intercept": quantity(fitted.intercept, source),
        "features": features,
        "cutoff": _cutoff(model, model.cutoff, source) if model.cutoff else None,
    }
    if fitted.harmonisation is not None:
        combat = json.loads(json.dumps(asdict(fitted.harmonisation)))
        node["harmonisation"] = {"evidence": REFIT, "source": source, **combat}
    if fitted.link == "logistic" and model.cutoff is None:
        node["cutoff"] = _as_likely_as_not(model, 0.0)
    scores = fitted.rad_score(model.training)
    node["range"] = {"value": [float(scores.min()), float(scores.max())], "evidence": REFIT, "source": source}
    if fitted.link == "logistic":
        node["probability_of"] = (published and published.probability_of) or model.study.endpoint
    if table_only:
        node["table_only"] = table_only
    return node


def _cutoff(model: FittedModel, cutoff: FittedCutoff, source: str) -> dict[str, Any]:
    study = model.study
    published = study.card["signature"].get("cutoff")
    groups = published or {
        "above": {"id": "high", "label": f"high Rad-score ({study.endpoint})", "outlook": "worse"},
        "below": {"id": "low", "label": f"low Rad-score ({study.endpoint})", "outlook": "better"},
    }
    from_study = cutoff.method == "published"
    return {
        "value": cutoff.value,
        "evidence": "published" if from_study else REFIT,
        "source": f"the cut-off of {study.id}" if from_study else f"{cutoff.method}; {source}",
        "rule": cutoff.rule,
        **{side: {key: text for key, text in groups[side].items() if key != "medians"} for side in ("above", "below")},
    }


def _as_likely_as_not(model: FittedModel, value: float) -> dict[str, Any]:
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


def _outcome(model: FittedModel, final: FinalModel, endpoint: str, source: str) -> dict[str, Any]:
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
        groups = {} if model.cutoff else {"cutoff": _as_likely_as_not(model, 0.5)}
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


def _strata(model: FittedModel, covariates: set[str], source: str) -> dict[str, Any] | None:
    """The study's strata, where its covariates are in this cohort too."""
    strata = model.study.card["strata"]
    if not model.strata or strata is None or model.cutoff is None:
        return None
    if any(factor["kind"] == "covariate" and factor["name"] not in covariates for factor in strata["factors"]):
        return None
    groups = [{key: value for key, value in group.items() if key != "medians"} for group in strata["groups"]]
    return {"name": strata["name"], "source": source, "factors": strata["factors"], "groups": groups}
