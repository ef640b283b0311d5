"""A result that was kept as ``result.json``: joined with what was found out later, and made whole for a report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ...core.errors import StudyError
from ...core.schemas import check_schema
from ...core.translation import ENGLISH, language, mark, nearest_language, tr
from ...extraction.engines import prepare, settings_from
from ...extraction.features import Features
from ...imaging.case import Case
from ...imaging.volumes import Acquisition
from ...scoring.against_reference import AgainstReference
from ...scoring.patient import PatientResult
from ...scoring.plausibility import plausibility
from ...scoring.reading_scores import ReadingScores
from ...scoring.robustness import Robustness
from ...scoring.score import score
from ...studies.reference_cohort import ReferenceCohort, ReferenceFeature
from ...studies.study import Study

LATER = mark({"robustness": "Firmness", "paper_readings": "Readings of the paper"})
"""Parts of a result that commands of their own find out, and their rows in the summary."""
_LAST = mark(("Not computed", "Warning"))


def read_document(text: str) -> dict[str, Any]:
    """``result.json``.

    Raises:
        ValueError: it is not, or not whole.
    """
    document: dict[str, Any] = json.loads(text)
    try:
        check_schema(document, "result.schema.json", tr("The result"))
    except StudyError as error:
        raise ValueError(str(error)) from error
    return document


def whole_result(document: Mapping[str, Any], study: Study, case: Case) -> PatientResult:
    """The result as it was when ``result_dict`` was made of it.

    Args:
        document: ``result.json``.
        study: with the card it was scored by.
        case: image and GTV of the hashes in the document; all else that is known of them comes from there.

    Raises:
        RoiError, ScoreError: the document is not of this study and case.
    """
    about = document["case"]
    case = replace(
        case, name=about["name"], acquisition=Acquisition(**about["acquisition"]), sources=about["sources"], warnings=()
    )
    settings = settings_from(document["settings"]["values"])
    features = Features(
        document["features"], document["failed_features"], settings, document["software"], document["road"]
    )
    found = score(study, features, covariates=document["covariates"]["given"], reference=_reference(document))
    against = (document["reference"] or {}).get("against")
    robustness, readings = (document.get(part) for part in LATER)
    roi = prepare(case, settings)
    return PatientResult(
        case,
        roi,
        features,
        found,
        tuple(document["warnings"]),
        robustness=Robustness.from_dict(robustness) if robustness else None,
        paper_readings=ReadingScores.from_dict(readings) if readings else None,
        against=AgainstReference(**against) if against else None,
        plausibility=plausibility(case, roi, settings) if document.get("plausibility") else None,
    )


def joined(document: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """A result with the parts that a later one of the same patient and study has, which may have measured less."""
    parts = {part: later[part] for part in LATER if later.get(part)}
    labels, last_labels = _labels(document, LATER.values()), _labels(document, _LAST)
    newest = {label: text for label, text in document["summary"] if label in labels}
    for part, label in zip(LATER, labels, strict=True):
        told = dict(later["summary"]).get(row_label(later, LATER[part]))
        if part in parts and told is not None:
            newest[label] = told
    head = [row for row in document["summary"] if row[0] not in (*labels, *last_labels)]
    last = [row for row in document["summary"] if row[0] in last_labels]
    ordered = [[label, newest[label]] for label in labels if label in newest]
    return {**document, **parts, "summary": [*head, *ordered, *last]}


def row_label(document: Mapping[str, Any], label: str) -> str:
    """What a row of the summary is called in the language that the document was written in."""
    with language(nearest_language(document.get("language", ENGLISH))):
        return tr(label)


def _labels(document: Mapping[str, Any], labels: Iterable[str]) -> list[str]:
    return [row_label(document, label) for label in labels]


def _reference(document: Mapping[str, Any]) -> ReferenceCohort | None:
    """The means and SDs that the z-scores were taken with."""
    reference = document["reference"]
    if not reference:
        return None
    features = {
        item["feature"]: ReferenceFeature(item["mean"], item["sd"], 0, item["value"], item["value"], {})
        for item in document["score"]["contributions"]
    }
    settings = settings_from(document["settings"]["values"])
    return ReferenceCohort(reference["label"], reference["demonstration"], 0, settings, document["software"], features)
