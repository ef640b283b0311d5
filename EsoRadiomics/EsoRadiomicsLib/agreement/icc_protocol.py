"""The ICC step of a study's protocol: its rule, and whether the readings at hand are those it asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..core.errors import UsageError
from ..studies.study import Study
from .comparison import Agreement
from .kept_features import Rule

_OBSERVERS = {"inter-observer": "inter", "intra-observer": "intra"}


def protocol_rule(study: Study | None, **changes: Any) -> Rule:
    """The rule of a study's protocol, with ``changes`` (fields of :class:`agreement.kept_features.Rule`) in its place.

    A study that asks for agreement between readers and within them takes what the readings allow, all of which a
    feature must pass; :func:`against_design` says what they do not.

    Raises:
        UsageError: neither the study nor ``changes`` give a threshold, or a change is out of its choices.
    """
    step = _icc_step(study)
    rule: dict[str, Any] = {}
    if step:
        rule = {"threshold": step["threshold"], "form": step["form"], "strict": step["rule"] == ">"}
        rule["observers"] = _OBSERVERS.get(step["design"], "any")
    if "threshold" in changes:
        rule.pop("strict", None)
    rule |= changes
    if "threshold" not in rule:
        where = f"The protocol of “{study.title}” states no ICC rule" if study else "No ICC threshold is given"
        raise UsageError(f"{where}. Give --threshold, for example --threshold 0.75.")
    return Rule(**rule)


def against_design(result: Agreement, study: Study | None) -> Agreement:
    """The result, with a warning where the protocol asks for a comparison that the readings did not allow."""
    design = _icc_step(study).get("design", "")
    made = {comparison.name.split(" ")[0] for comparison in result.comparisons}
    missing = [name for name in design.split(" + ") if name and name not in made]
    if study is None or not missing or result.rule.observers != "any":
        return result
    warning = (
        f"The protocol of “{study.title}” asks for {design} agreement; these readings allow no {missing[0]} "
        f"comparison, so the features passed {' and '.join(sorted(made))} only."
    )
    return replace(result, warnings=(warning, *result.warnings))


def _icc_step(study: Study | None) -> dict[str, Any]:
    steps = study.card["protocol"]["steps"] if study else []
    return next((step for step in steps if step["step"] == "icc"), {})
