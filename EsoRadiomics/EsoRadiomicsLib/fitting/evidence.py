"""METRICS, CLEAR and TRIPOD+AI: for each item where in the output it is answered, or that it is not."""

from __future__ import annotations

import json
from collections.abc import Set

from ..resources import resource_path
from .tables import Row

_STANDARDS = ("METRICS", "CLEAR", "TRIPOD+AI")


def evidence_rows(facts: Set[str]) -> list[Row]:
    """All items; ``facts`` are what the run did (validation, agreement, bootstrap …).

    An item of the checklists names the fact it needs and the place that then answers it. Items that only the authors
    can answer (ethics, funding, eligibility …) have no place and say so.
    """
    items = json.loads(resource_path("Reporting", "checklists.json").read_text(encoding="utf-8"))
    rows = []
    for standard in _STANDARDS:
        for number, text, needs, where in items[standard]:
            if not where:
                answer = "not answered here: for the authors to describe"
            elif needs in facts:
                answer = where
            else:
                answer = f"not answered: this run had no {needs}"
            rows.append({"standard": standard, "item": str(number), "what": text, "answered": answer})
    return rows
