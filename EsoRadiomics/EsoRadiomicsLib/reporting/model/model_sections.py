"""The parts that the pages of a fit and of a validation share: one cohort's performance, as people read it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...core.formatting import p_value
from ...evaluation.measures import ABOVE, BELOW, NULL, RISK_GROUPS, Evaluation, Measure
from ...modelling.model_cohort import study_unit
from ...studies.study import Study
from .model_page import figures, folded, limits, paragraph, section, table, without_repeats
from .model_tables import Row

_CAPTIONS = {
    "kaplan-meier": "Kaplan–Meier curves with 95 % limits (R's “log”); ticks are censored patients.",
    "strata": "Kaplan–Meier curves of the risk strata.",
    "calibration": "Predicted against observed: smooth curves, and groups with 95 % limits; dashed: perfect.",
    "roc": "Sensitivity against 1 − specificity; the circle is Youden's point.",
    "auc": "AUC for an event up to each time, against survival beyond it; the band is the first model's 95 % limits.",
    "decision-curve": "Net benefit of treating above a risk threshold: useful where above both lines; with 95 % band.",
}
_INCIDENCE_CAPTIONS = {
    "kaplan-meier": "Cumulative incidence (Aalen–Johansen) with 95 % limits; ticks are censored patients.",
    "strata": "Cumulative incidence (Aalen–Johansen) of the risk strata.",
    "auc": "AUC for the event up to each time, against all others; the band is the first model's 95 % limits.",
}
_CALIBRATION_NOTE = "Perfect calibration: slope 1, intercept 0, observed/expected 1."
_SURVIVAL_NOTE = (
    "C-index: share of pairs of patients ranked rightly, 0.5 by chance; Uno's does not depend on the censoring. AUC: "
    "for an event up to the time. Brier: mean squared error, 0.25 is a coin's; integrated: over time from "
    "0 to the last horizon; mean: over the horizons, where a card knows no more. IPA: the share of the error of "
    "predicting the same for all (Kaplan–Meier) that the model removes; below 0 it adds to it. ICI: "
    "mean distance of the smooth calibration curve from the predictions. "
    f"{_CALIBRATION_NOTE}"
)
_COMPETING_NOTE = (
    "Who had {competes} first counts as a patient who will not have {endpoint}: in the C-index (Wolbers), the AUC (for "
    "the event up to the time, against all others), the Brier score and IPA (against predicting the observed incidence "
    "for all), observed/expected and calibration (Aalen–Johansen's incidence; slope and curve by Fine and Gray's model "
    "of ln(−ln(1 − risk))). "
)
_BINARY_NOTE = (
    f"AUC with DeLong's limits, 0.5 by chance. Brier: mean squared error, 0.25 is a coin's; IPA: the share of "
    f"the error of predicting the rate for all that the model removes. {_CALIBRATION_NOTE}"
)
_BY_PATIENT = "Limits and tests count patients, not ROIs."
_APPARENT = (
    "Apparent performance: features, cut-off and coefficients were fitted to these patients, so every number here "
    "flatters the model, and nothing is tested."
)


def performance(study: Study, evaluation: Evaluation, pictures: Mapping[str, bytes], rivals: str) -> str:
    """One cohort's measures, comparisons and figures; ``rivals`` says what the simpler models are."""
    unit = study_unit(study)
    follow = "" if evaluation.follow_up is None else f"; median follow-up {evaluation.follow_up:.1f} {unit}"
    wanted = {f"{stem}-{evaluation.stem}": caption for stem, caption in _CAPTIONS.items()}
    note = _BINARY_NOTE if evaluation.follow_up is None else _SURVIVAL_NOTE
    if evaluation.competes:
        note = _COMPETING_NOTE.format(competes=evaluation.competes, endpoint=study.endpoint) + note
        wanted |= {f"{stem}-{evaluation.stem}": caption for stem, caption in _INCIDENCE_CAPTIONS.items()}
    return section(
        f"Performance: {evaluation.cohort}",
        paragraph(f"{counts(evaluation)}{follow}.{_death(study, evaluation)}"),
        paragraph(_APPARENT) if evaluation.apparent else "",
        paragraph(_BY_PATIENT) if evaluation.n_patients is not None else "",
        table(_risk_groups(study, evaluation, unit), "Risk groups"),
        table(_incidences(study, evaluation, unit), f"Cumulative incidence of {study.endpoint}"),
        figures(pictures, wanted),
        folded(
            "All measures, and differences from simpler models",
            table(_by_model(evaluation, unit), "Measures with 95 % limits", note),
            table(_contrasts(evaluation, unit), "Compared with simpler models, in the same patients", rivals),
        ),
        *(paragraph(f"Not computed. {sentence}") for sentence in evaluation.missing),
    )


def _death(study: Study, evaluation: Evaluation) -> str:
    """That nothing competes with an endpoint in which death is an event."""
    if evaluation.follow_up is None or study.card["endpoint"].get("death") != "event":
        return ""
    return f" Death counts as an event in {study.endpoint}, so it competes with nothing: survival is Kaplan–Meier's."


def counts(evaluation: Evaluation) -> str:
    """“48 patients, 32 events”; with several rows a patient “60 patients, 180 ROIs, 75 events”."""
    rows = evaluation.n_patients is not None and f"{evaluation.n_patients} patients, {evaluation.n} ROIs"
    others = f", {evaluation.n_competing} with {evaluation.competes} first" if evaluation.competes else ""
    return f"{rows or f'{evaluation.n} patients'}, {evaluation.n_events} events{others}"


def main_measures(evaluation: Evaluation) -> list[tuple[str, str]]:
    """C-index or AUC and calibration slope of the card's model, for the top of a page."""
    metric = "C-index" if evaluation.follow_up is not None else "AUC"
    found = [(name, evaluation.find(name)) for name in (metric, "calibration slope")]
    return [(f"{name}, {evaluation.cohort}", limits(m.value, m.lower, m.upper, 2)) for name, m in found if m]


def _by_model(evaluation: Evaluation, unit: str) -> list[Row]:
    """A row a measure (all times of one below each other), a column a model."""
    measures = [m for m in evaluation.measures if m.model not in (RISK_GROUPS, ABOVE, BELOW, NULL)]
    order = list(dict.fromkeys(m.metric for m in measures))
    measures.sort(key=lambda m: (order.index(m.metric), m.time or 0))
    models = list(dict.fromkeys(m.model for m in measures))
    unit = unit if any(m.time is not None for m in measures) else ""
    rows: dict[tuple[str, float | None], Row] = {}
    for m in measures:
        empty = dict.fromkeys(models, "")
        row = rows.setdefault((m.metric, m.time), {"measure": m.metric, **_at(m.time, unit), **empty})
        row[m.model] = limits(m.value, m.lower, m.upper)
    return without_repeats(list(rows.values()), "measure")


def _at(time: float | None, unit: str) -> Row:
    """The cell of the time; no such column without a ``unit``."""
    return {f"at ({unit})": "" if time is None else f"{time:g}"} if unit else {}


def _risk_groups(study: Study, evaluation: Evaluation, unit: str) -> list[Row]:
    """Log-rank test, hazard ratio and median times, the groups by the card's names."""
    cutoff = study.signature.cutoff if study.signature else None
    rows: list[Row] = []
    for m in evaluation.measures:
        if cutoff is not None and m.model in (ABOVE, BELOW) and m.metric == "median":
            label = (cutoff.above if m.model == ABOVE else cutoff.below).label
            rows.append({"measure": f"median time ({unit}): {label}", "value": _median(m)})
        elif m.model == RISK_GROUPS and m.metric == "log-rank p":
            rows.append({"measure": "log-rank test", "value": p_value(m.value)})
        elif m.model == RISK_GROUPS and m.metric == "Gray's p":
            rows.append({"measure": "Gray's test of the incidences", "value": p_value(m.value)})
        elif m.model == RISK_GROUPS:
            kind = "cause-specific hazard ratio" if evaluation.competes else "hazard ratio"
            rows.append(
                {
                    "measure": f"{kind}, above against below the cut-off",
                    "value": limits(m.value, m.lower, m.upper, 2),
                }
            )
    return rows


def _incidences(study: Study, evaluation: Evaluation, unit: str) -> list[Row]:
    """A row a risk group, a column a horizon: where events compete, in the place of median times."""
    cutoff = study.signature.cutoff if study.signature else None
    rows: dict[str, Row] = {}
    for m in evaluation.measures:
        if cutoff is not None and m.metric == "incidence":
            label = (cutoff.above if m.model == ABOVE else cutoff.below).label
            row = rows.setdefault(label, {"group": label})
            row[f"by {m.time:g} {unit}"] = limits(m.value, m.lower, m.upper, 2)
    return list(rows.values())


def _median(measure: Measure) -> str:
    if np.isnan(measure.value):
        return "not reached"
    low, high = (
        "…" if limit is None or np.isnan(limit) else f"{limit:.1f}" for limit in (measure.lower, measure.upper)
    )
    return f"{measure.value:.1f} ({low} to {high})"


def _contrasts(evaluation: Evaluation, unit: str) -> list[Row]:
    """A row a measure, a column a rival: the difference with its limits and p."""
    contrasts = evaluation.contrasts
    order = list(dict.fromkeys(c.metric for c in contrasts))
    unit = unit if any(c.time is not None for c in contrasts) else ""
    rivals = [f"{c.model} − {c.rival}" for c in contrasts]
    rows: dict[tuple[str, float | None], Row] = {}
    for c in sorted(contrasts, key=lambda c: (order.index(c.metric), c.time or 0)):
        empty = dict.fromkeys(rivals, "")
        row = rows.setdefault((c.metric, c.time), {"difference in": c.metric, **_at(c.time, unit), **empty})
        row[f"{c.model} − {c.rival}"] = f"{limits(c.value, c.lower, c.upper)}, {p_value(c.p)}"
    return without_repeats(list(rows.values()), "difference in")
