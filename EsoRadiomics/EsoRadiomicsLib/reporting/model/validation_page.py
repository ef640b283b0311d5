"""``report.html`` of a validation: the card, the patients, how good it is here, and what an update changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.formatting import number
from ...evaluation.markers import VOLUME
from ...evaluation.validate import Validation
from ...modelling.model_cohort import study_unit
from ...scoring.score_text import rule
from ...studies.study import Study
from .checklists import checklist_sources
from .fit_page import TABLE_ONE, TABLE_ONE_NOTE
from .model_page import figures, folded, page, paragraph, section, table, without_repeats
from .model_sections import main_measures, performance
from .model_sentences import validation_in_short
from .model_tables import Row, beyond_rows

_RIVALS = (
    "Simple models that the card carries, fitted to the patients it was built on. A card without them is compared with "
    f"the volume as it is (“{VOLUME}”), larger taken for the worse outlook: an AUC below 0.5 then says the opposite."
)
_BEYOND = "Patients beyond those that the card was built on"


def validation_page(
    validation: Validation,
    updated: Validation | None,
    provenance: Mapping[str, str],
    pictures: Mapping[str, bytes],
    tables: Mapping[str, list[Row]],
) -> str:
    """The page with its ``pictures`` (file stem → SVG) inside; ``tables`` are those of the CSV files."""
    study, cohort = validation.study, validation.cohort
    parts = [validation] if updated is None else [validation, updated]
    warnings = [*cohort.warnings, *validation.missing]
    if updated is not None:
        warnings += [each for each in updated.study.card["limitations"] if each not in study.card["limitations"]]
        warnings.append(
            f"{updated.study.id} was updated in these very patients: its numbers here flatter it, and it needs new "
            "patients to be validated."
        )
    shown = parts[-1].study
    sections = [
        folded("The card", table(_about(study))),
        section(_BEYOND, table(beyond_rows(validation.beyond))),
        folded(TABLE_ONE, table(without_repeats(tables["table1"], "variable"), note=TABLE_ONE_NOTE)),
        *(performance(study, evaluation, pictures, _RIVALS) for evaluation in validation.evaluations),
        *(
            folded(f"In these same patients {evaluation.cohort}", performance(study, evaluation, pictures, _RIVALS))
            for evaluation in (updated.evaluations if updated is not None else ())
        ),
        section("What the update changed", table(_changes(study, updated.study))) if updated else "",
        section(
            "Nomogram",
            figures(pictures, {"nomogram": f"Of {shown.id}; marked is the patient with the median risk here."}),
        ),
        folded(
            "Reporting checklists: what this validation answers",
            paragraph(checklist_sources()),
            table(without_repeats(tables["reporting-checklists"], "standard")),
        ),
        folded("Provenance", table([{"what": name, "value": value} for name, value in provenance.items()])),
    ]
    evaluations = [evaluation for part in parts for evaluation in part.evaluations]
    cards = [("Patients", f"{len(cohort)}, {evaluations[0].n_events} events")]
    for evaluation in validation.evaluations:  # those of an update fit these very patients
        cards += main_measures(evaluation)
    subtitle = f"{study.endpoint} · validation of {study.id}"
    return page(f"Validation: {study.title}", subtitle, cards, validation_in_short(validation), warnings, sections)


def _about(study: Study) -> list[Row]:
    signature, outcome = study.signature, study.outcome
    assert signature is not None
    facts = {
        "card": study.id + (f", from {study.card['parent']}" if "parent" in study.card else ""),
        "built by": study.citation,
        "signature": f"{signature.name}, {len(signature.names)} features"
        + (f"; cut-off {rule(signature.cutoff)}" if signature.cutoff else ""),
        "outcome model": "; ".join(
            f"{t.name}: {number(t.coefficient.value)}{f' × {t.curve.kind}' if t.curve else ''}" for t in outcome.terms
        )
        if outcome
        else "none: the score itself is evaluated",
        "intended use": study.card["intended_use"],
    }
    return [{"what": name, "value": value} for name, value in facts.items()]


def _changes(before: Study, after: Study) -> list[Row]:
    """The numbers of the outcome model, or of a Rad-score that is the model, in both cards."""
    old, new = _numbers(before), _numbers(after)
    return [{"what": name, before.id: old.get(name), after.id: value} for name, value in new.items()]


def _numbers(study: Study) -> dict[str, Any]:
    signature, outcome = study.signature, study.outcome
    assert signature is not None
    if outcome is None:
        found = {"intercept": signature.intercept}
        found |= {f"coefficient of {feature.name}": feature.coefficient.value for feature in signature.features}
        return found | ({"cut-off": signature.cutoff.value} if signature.cutoff else {})
    found = {f"coefficient of {term.name}": term.coefficient.value for term in outcome.terms}
    if outcome.kind == "logistic":
        return found | {"intercept": outcome.intercept}
    at = {f"survival at {time:g} {study_unit(study)}, linear predictor 0": s0.value for time, s0 in outcome.baseline}
    return found | at
