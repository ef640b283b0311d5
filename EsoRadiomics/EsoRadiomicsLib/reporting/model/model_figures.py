"""The figures of a model report as SVG files, by name."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ...core.errors import InputError
from ...core.formatting import number, p_value
from ...evaluation.measures import RISK_GROUPS, Evaluation, Measure
from ...evaluation.permutation_check import Chance
from ...modelling.fitted_model import FittedModel
from ...modelling.model_cohort import Cohort, study_unit
from ...modelling.predictions import Prediction
from ...modelling.steps.lasso_step import LassoChoice
from ...scoring.nomogram import build_nomogram
from ...statistics.competing import causes
from ...statistics.gray_test import gray_test
from ...statistics.inputs import BoolArray, IntArray, Survival
from ...statistics.kaplan_meier import logrank
from ...statistics.roc import RocCurve
from ...studies.study import Study
from ..figures.auc_over_time_plot import auc_over_time_figure
from ..figures.calibration_plot import calibration_figure, probability_calibration_figure
from ..figures.chance_plot import chance_figure
from ..figures.cutoff_plot import cutoff_scan_figure
from ..figures.decision_curve_plot import decision_curve_figure
from ..figures.kaplan_meier_plot import RiskGroup, kaplan_meier_figure
from ..figures.lasso_plot import coefficient_path_figure, cv_curve_figure
from ..figures.nomogram_plot import nomogram_figure
from ..figures.roc_plot import roc_figure


def model_figures(model: FittedModel, prediction: Prediction) -> dict[str, Figure]:
    """How the model was built: LASSO and cut-off."""
    scores, found = prediction.rad_score, dict[str, Figure]()
    if (lasso := model.detail(LassoChoice)) is not None:
        found["lasso-path"] = coefficient_path_figure(lasso.cv, lasso.index)
        found["lasso-cv"] = cv_curve_figure(lasso.cv, lasso.rule)
    if model.cutoff is not None and model.cutoff.scan is not None:
        found["cut-off"] = cutoff_scan_figure(model.cutoff.scan, scores, model.cutoff.value)
    if model.cutoff is not None and model.cutoff.roc is not None:
        found["cut-off"] = _youden(model.cutoff.roc, model.cutoff.value)
    return found


def nomogram_picture(study: Study, cohort: Cohort, prediction: Prediction) -> dict[str, Figure]:
    """The card's nomogram with the patient of the median risk; nothing for a card without one."""
    nomogram = build_nomogram(study)
    if nomogram is None:
        return {}
    middle = int(np.argsort(prediction.linear_predictor, kind="stable")[len(cohort) // 2])
    values = {}
    for row in nomogram.rows:
        if row.kind == "rad-score":
            values[row.name] = float(prediction.rad_score[middle])
        elif row.kind == "risk-group":
            values[row.name] = float(prediction.above is not None and prediction.above[middle])
        else:
            values[row.name] = float(cohort.clinical[row.name].iloc[middle])
    return {"nomogram": nomogram_figure(nomogram, nomogram.place(values))}


def _youden(curve: RocCurve, value: float) -> Figure:
    return roc_figure(
        {"Rad-score": curve}, {"Rad-score": f"Rad-score; circle: cut-off {number(value)}"}, title="Cut-off (Youden)"
    )


def evaluation_figures(
    study: Study, cohort: Cohort, prediction: Prediction, evaluation: Evaluation
) -> dict[str, Figure]:
    """How good it is in one cohort: Kaplan–Meier, calibration, ROC, decision curve."""
    found: dict[str, Figure] = {}
    side, stem = evaluation.cohort, evaluation.stem
    if evaluation.follow_up is not None:
        found |= _kaplan_meier(study, cohort, prediction, evaluation)
    if evaluation.calibration:
        found[f"calibration-{stem}"] = calibration_figure(
            evaluation.calibration,
            evaluation.smooth,
            title=f"Calibration, {side}",
            endpoint=study.endpoint,
            unit=study_unit(study),
            notes=_calibration_notes(evaluation, max(evaluation.calibration)),
            incidence=bool(evaluation.competes),
        )
    if evaluation.roc:
        labels = {name: _with_limits(f"{name}: AUC", evaluation.find("AUC", None, name)) for name in evaluation.roc}
        found[f"roc-{stem}"] = roc_figure(evaluation.roc, labels, title=f"ROC, {side}")
        probability = prediction.probability
        if probability is not None and cohort.binary is not None:
            found[f"calibration-{stem}"] = probability_calibration_figure(
                cohort.binary,
                probability,
                evaluation.smooth.get(None),
                title=f"Calibration, {side}",
                what=study.endpoint,
                notes=_calibration_notes(evaluation, None),
            )
    if evaluation.auc_over_time:
        found[f"auc-{stem}"] = auc_over_time_figure(
            evaluation.auc_over_time, title=f"AUC over time, {side}", unit=study_unit(study)
        )
    if evaluation.curves:
        time = evaluation.decision_time
        at = "" if time is None else f" at {time:g} {study_unit(study)}"
        found[f"decision-curve-{stem}"] = decision_curve_figure(evaluation.curves, title=f"Decision curve{at}, {side}")
    return found


def chance_figures(chance: Chance, metric: str) -> dict[str, Figure]:
    """The permutation check, in the validation patients where there are any."""
    inside = chance.validation is None or chance.real[1] is None
    runs, real = (chance.training, chance.real[0]) if inside else (chance.validation, chance.real[1])
    assert runs is not None and real is not None
    title = f"What chance gives, {'training' if inside else 'validation'}"
    return {"chance": chance_figure(runs, real, chance.p, title=title, metric=metric)}


def _group(cohort: Cohort, label: str, member: BoolArray) -> RiskGroup:
    assert cohort.survival is not None
    whose = None if cohort.clusters is None else np.asarray(cohort.clusters)[member]
    return RiskGroup(label, cohort.survival[member], whose)


def _kaplan_meier(study: Study, cohort: Cohort, prediction: Prediction, evaluation: Evaluation) -> dict[str, Figure]:
    signature, outcome = study.signature, cohort.survival
    assert outcome is not None
    found = {}
    common = {"endpoint": study.endpoint, "unit": study_unit(study)}
    if prediction.above is not None and signature is not None and signature.cutoff is not None:
        cut = signature.cutoff
        sides = [(cut.above, prediction.above), (cut.below, ~prediction.above)]
        sides.sort(key=lambda item: item[0].outlook == "worse")
        groups = [_group(cohort, group.label, member) for group, member in sides if member.any()]
        notes = _group_notes(evaluation)
        title = f"{signature.name} groups, {evaluation.cohort}"
        found[f"kaplan-meier-{evaluation.stem}"] = kaplan_meier_figure(groups, title=title, notes=notes, **common)
    if prediction.strata is not None and study.strata is not None:
        members = [(group.label, prediction.strata == group.adverse_factors) for group in study.strata.groups]
        groups = [_group(cohort, label, member) for label, member in members if member.any()]
        try:
            notes = [] if evaluation.apparent else [_compared(outcome, prediction.strata)]
        except InputError:  # everybody in one stratum: nothing to compare
            notes = []
        title = f"{study.strata.name}, {evaluation.cohort}"
        found[f"strata-{evaluation.stem}"] = kaplan_meier_figure(groups, title=title, notes=notes, **common)
    return found


def _compared(outcome: Survival, groups: IntArray) -> str:
    """The test of groups, by Gray where events compete."""
    if outcome.competed is None:
        return f"log-rank {p_value(logrank(outcome, groups).p)}"
    return f"Gray's test {p_value(gray_test(causes(outcome), groups).p)}"


def _group_notes(evaluation: Evaluation) -> list[str]:
    tests = {name: evaluation.find(f"{name} p", None, RISK_GROUPS) for name in ("log-rank", "Gray's")}
    ratio = evaluation.find("hazard ratio", None, RISK_GROUPS)
    notes = [f"{name}{' test' if name != 'log-rank' else ''} {p_value(p.value)}" for name, p in tests.items() if p]
    name = f"{'apparent ' if evaluation.apparent else ''}{'cause-specific ' if evaluation.competes else ''}HR"
    return notes if ratio is None else [*notes, _with_limits(name, ratio, digits=2)]


def _calibration_notes(evaluation: Evaluation, time: float | None) -> list[str]:
    slope = evaluation.find("calibration slope")
    ratio = evaluation.find("observed/expected", time)
    at = "" if time is None else f" at {time:g}"
    notes = [] if slope is None else [_with_limits("slope", slope, digits=2)]
    return notes if ratio is None else [*notes, _with_limits(f"observed/expected{at}", ratio, digits=2)]


def _with_limits(name: str, measure: Measure | None, digits: int = 3) -> str:
    if measure is None:
        return name
    limits = f" ({measure.lower:.{digits}f}–{measure.upper:.{digits}f})" if measure.lower is not None else ""
    return f"{name} {measure.value:.{digits}f}{limits}"
