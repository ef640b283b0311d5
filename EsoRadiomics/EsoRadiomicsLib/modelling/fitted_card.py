"""A fitted model as a study card: the same shape as the published ones, every number with the evidence ``refit``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..extraction.engines import Engine, engine
from ..statistics.combat import Combat
from ..statistics.inputs import BoolArray
from ..statistics.kaplan_meier import kaplan_meier
from .card_outcome import REFIT, as_likely_as_not, outcome_node, quantity, what_is_estimated
from .fitted_model import FittedCutoff, FittedModel
from .model_cohort import Cohort, listed
from .predictions import Prediction

_FOR_PATIENTS = " is for patients like those of "


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
        "outcome": outcome_node(model, model.final, endpoint["name"], source) if model.final else None,
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


def prevalence(what: str, cohort: str, share: float) -> str:
    """Whose share of events (0 to 1) a probability rests on, and what to do elsewhere."""
    return (
        f"The probability of {what}{_FOR_PATIENTS}{cohort}, {100 * share:.0f} % of whom have it. Where it is rarer or "
        "more frequent, recalibrate it (“esoradiomics validate … --update intercept”)."
    )


def with_prevalence(lines: Iterable[str], cohort: str, share: float) -> list[str]:
    """Sentences of a card, those of :func:`prevalence` made ones of other patients."""
    return [
        prevalence(line.partition(_FOR_PATIENTS)[0].removeprefix("The probability of "), cohort, share)
        if _FOR_PATIENTS in line
        else line
        for line in lines
    ]


def _limitations(model: FittedModel, validation: Cohort | None, endpoint: str) -> list[str]:
    training = model.training
    lines = list(training.warnings)
    if model.signature.link == "logistic" and training.binary is not None:
        lines.append(prevalence(model.study.endpoint, "the training cohort", float(training.binary.mean())))
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
        node["cutoff"] = as_likely_as_not(model, 0.0)
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


def _strata(model: FittedModel, covariates: set[str], source: str) -> dict[str, Any] | None:
    """The study's strata, where its covariates are in this cohort too."""
    strata = model.study.card["strata"]
    if not model.strata or strata is None or model.cutoff is None:
        return None
    if any(factor["kind"] == "covariate" and factor["name"] not in covariates for factor in strata["factors"]):
        return None
    groups = [{key: value for key, value in group.items() if key != "medians"} for group in strata["groups"]]
    return {"name": strata["name"], "source": source, "factors": strata["factors"], "groups": groups}
