"""METRICS, CLEAR, TRIPOD+AI, PROBAST+AI: for each item where in the output it is answered, or that it is not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Set
from typing import Any

from ...core.resources import resource_path
from ...evaluation.fit_checks import FitChecks
from ...evaluation.markers import volume_column
from ...modelling.card_outcome import REFIT
from ...modelling.fit import Fit
from .model_tables import Row

_ALWAYS = "always"
_METRICS = "METRICS"
_STANDARDS = (_METRICS, "CLEAR", "TRIPOD+AI", "PROBAST+AI")
_OPEN, _NOT = "not answered here: for the authors to describe", "not answered: this run had no "
_A_START = ("yours to judge", "the authors'")
"""What the place of an answer says where it is only a part of one."""


def _checklists() -> dict[str, Any]:
    return json.loads(resource_path("Reporting", "checklists.json").read_text(encoding="utf-8"))


def checklist_sources() -> str:
    """Where the checklists were published, and how their items are quoted."""
    checklists = _checklists()
    return f"{'; '.join(checklists['sources'][name] for name in _STANDARDS)}. {checklists['note']}"


def facts_of(fit: Fit, checks: FitChecks) -> frozenset[str]:
    """What a fit had, in the words of the checklists."""
    facts = {
        "validation patients": fit.validation is not None,
        "clinical variables": not fit.training.clinical.empty,
        "agreement study": fit.model.choices.kept is not None,
        "resampling": checks.internal is not None,
        "validation patients or resampling": fit.validation is not None or checks.internal is not None,
        "cut-off": fit.model.cutoff is not None,
        "outcome model": fit.model.final is not None,
        "volume among the features": volume_column(fit.training) is not None,
        "record of the extraction settings": any(
            setting.evidence == REFIT for setting in fit.study.settings_evidence.values()
        ),
        "model for a CT": not fit.study.table_only,
    }
    return frozenset(name for name, had in facts.items() if had)


def evidence_rows(facts: Set[str]) -> list[Row]:
    """All items; ``facts`` are what the run had (“validation patients”, “agreement study” …).

    An item of the checklists names the fact it needs and the place that then answers it. Items that only the authors
    can answer (ethics, funding, eligibility …) have no place and say so.
    """
    checklists = _checklists()
    rows = []
    for standard in _STANDARDS:
        for number, text, needs, where, *_ in checklists[standard]:
            if not where:
                answer = _OPEN
            elif needs == _ALWAYS or needs in facts:
                answer = where
            else:
                answer = f"{_NOT}{needs}"
            rows.append({"standard": standard, "item": str(number), "what": text, "answered": answer})
    return rows


def metrics_sentence(rows: Iterable[Row]) -> str:
    """How much of METRICS' weighted score the ``rows`` of a run settle, and what the authors' answers leave possible.

    The score is the weight of the items answered with yes by that of all that apply (Kocak et al. 2024); a run can
    answer some, lacks what others ask for, and cannot know the rest.
    """
    checklists = _checklists()
    weights = dict(zip(map(str, range(1, 31)), checklists["METRICS weights"], strict=True))
    answers = {row["item"]: row["answered"] for row in rows if row["standard"] == _METRICS}
    left_out = checklists["METRICS conditional"]
    applying = {item: weight for item, weight in weights.items() if item not in left_out}
    total = sum(applying.values())
    no = sum(weight for item, weight in applying.items() if answers[item].startswith(_NOT))
    unknown = sum(
        weight
        for item, weight in applying.items()
        if answers[item] == _OPEN or any(words in answers[item] for words in _A_START)
    )
    conditions = "; ".join(f"item {item} {when}" for item, when in left_out.items())
    return (
        f"METRICS score (weighted): {(total - no - unknown) / total:.0%} by what this run answers itself, up to "
        f"{(total - no) / total:.0%} with what the authors answer or judge. Not counted: {conditions}."
    )


def validation_rows() -> list[Row]:
    """The items that a validation answers, and where; all others are those of the study that built the card."""
    checklists = _checklists()
    return [
        {"standard": standard, "item": str(number), "what": text, "answered": where[0]}
        for standard in _STANDARDS
        for number, text, _, _, *where in checklists[standard]
        if where
    ]
