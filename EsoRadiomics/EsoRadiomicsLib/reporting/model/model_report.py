"""What a fit or a validation leaves behind: card, report, figures and tables — a folder of plain files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from ...evaluation.assessment import Assessment
from ...evaluation.fit_checks import FitChecks
from ...evaluation.internal_validation import performance_rows
from ...evaluation.validate import Validation
from ...modelling.model_cohort import study_unit
from ..figures.challenger_plot import challenger_figure
from ..figures.style import to_svg
from .checklists import evidence_rows, facts_of, validation_rows
from .fit_page import fit_page
from .model_figures import chance_figures, evaluation_figures, model_figures, nomogram_picture
from .model_tables import (
    Row,
    auc_rows,
    beyond_rows,
    challenger_rows,
    cohort_rows,
    contrast_rows,
    forest_rows,
    frequency_rows,
    hazard_rows,
    internal_rows,
    measure_rows,
    model_rows,
    nested_rows,
    prediction_rows,
    signature_rows,
    term_rows,
    to_csv,
)
from .validation_page import validation_page


def fit_files(assessment: Assessment, checks: FitChecks, provenance: Mapping[str, str]) -> dict[str, bytes]:
    """All files of a fit, by relative path."""
    fit, study, internal = assessment.fit, assessment.study, checks.internal
    training = assessment.sides[0]
    evaluations = [evaluation for side in assessment.sides for evaluation in side.evaluations]
    evaluations += assessment.whole.evaluations if assessment.whole else ()
    drawn = model_figures(fit.model, training.prediction)
    drawn |= nomogram_picture(study, training.cohort, training.prediction)
    predictions: list[Row] = []
    for side in assessment.sides:
        predictions += prediction_rows(study, side.name, side.cohort, side.prediction)
        for evaluation in side.evaluations:
            drawn |= evaluation_figures(study, side.cohort, side.prediction, evaluation)
    if checks.chance is not None:
        drawn |= chance_figures(checks.chance, "AUC" if fit.training.binary is not None else "C-index")
    if checks.challenge is not None:
        drawn["challengers"] = challenger_figure(checks.challenge, title="Would a learning machine do better?")
    tables = {
        "table1": cohort_rows(fit.training, fit.validation, study_unit(study)),
        "signature": signature_rows(study),
        "forest-importance": forest_rows(fit.model),
        "models": model_rows(fit.model),
        "term-tests": term_rows(fit.model),
        "proportional-hazards": hazard_rows(fit.model),
        "metrics": measure_rows(evaluations),
        "comparisons": contrast_rows(evaluations),
        "internal-validation": [] if internal is None else internal_rows(internal),
        "selection-frequency": []
        if internal is None or fit.plan.n_published_features is not None
        else frequency_rows(internal, fit.model.rad_signature.names),
        "added-value": nested_rows(checks.nested),
        "challengers": [] if checks.challenge is None else challenger_rows(checks.challenge),
        "auc-over-time": auc_rows(evaluations),
        "predictions": predictions,
        "reporting-checklists": evidence_rows(facts_of(fit, checks)),
    }
    pictures = _svg(drawn)
    expected = [] if internal is None else performance_rows(internal)
    card = {**study.card, "performance": [*study.card["performance"], *expected]}
    return {
        **_files(pictures, tables),
        "card.json": card_text(card).encode(),
        "report.html": fit_page(assessment, checks, provenance, pictures, tables).encode(),
    }


def validation_files(
    validation: Validation, updated: Validation | None, provenance: Mapping[str, str]
) -> dict[str, bytes]:
    """All files of a validation; with an ``updated`` card also that card and its fit to the same patients."""
    study, cohort = validation.study, validation.cohort
    parts = [validation] if updated is None else [validation, updated]
    evaluations = [evaluation for part in parts for evaluation in part.evaluations]
    drawn: dict[str, Figure] = {}
    for part in parts:
        drawn |= nomogram_picture(part.study, cohort, part.prediction)
        for evaluation in part.evaluations:
            drawn |= evaluation_figures(part.study, cohort, part.prediction, evaluation)
    tables = {
        "table1": cohort_rows(cohort, None, study_unit(study)),
        "metrics": measure_rows(evaluations),
        "comparisons": contrast_rows(evaluations),
        "auc-over-time": auc_rows(evaluations),
        "predictions": prediction_rows(study, "validation", cohort, validation.prediction),
        "beyond-training": beyond_rows(validation.beyond),
        "reporting-checklists": validation_rows(),
    }
    pictures = _svg(drawn)
    files = _files(pictures, tables)
    if updated is not None:
        files["card.json"] = card_text(updated.study.card).encode()
    return {**files, "report.html": validation_page(validation, updated, provenance, pictures, tables).encode()}


def card_text(card: Mapping[str, Any]) -> str:
    """The card's JSON."""
    return json.dumps(card, indent=1, ensure_ascii=False) + "\n"


def _svg(drawn: Mapping[str, Figure]) -> dict[str, bytes]:
    return {name: to_svg(figure) for name, figure in drawn.items()}


def _files(pictures: Mapping[str, bytes], tables: Mapping[str, list[Row]]) -> dict[str, bytes]:
    files = {f"figures/{name}.svg": content for name, content in pictures.items()}
    return files | {f"tables/{name}.csv": to_csv(rows).encode() for name, rows in tables.items() if rows}
