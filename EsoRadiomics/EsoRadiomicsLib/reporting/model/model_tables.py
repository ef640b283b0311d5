"""A model's tables as rows of named cells: written as CSV with all digits, and shown in the report rounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...core.output import safe_cell
from ...evaluation.added_value import NestedTest
from ...evaluation.beyond_training import Beyond
from ...evaluation.challenge import Challenge
from ...evaluation.internal_validation import InternalValidation
from ...evaluation.measures import Evaluation
from ...modelling.curved_terms import TermTests
from ...modelling.fitted_model import RAD_SCORE, RISK_GROUP, FittedModel
from ...modelling.model_cohort import Cohort
from ...modelling.predictions import Prediction
from ...modelling.steps.random_forest_step import ForestRanking
from ...statistics.competing import causes
from ...statistics.cox import CoxModel
from ...statistics.fine_gray import FineGrayModel
from ...statistics.logistic import LogisticModel
from ...statistics.proportional_hazards import ProportionalHazards
from ...statistics.table_one import TableRow, table_one
from ...studies.study import Study

Row = dict[str, Any]


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows below a header of all columns that occur; floats in full, empty cells for None and NaN."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in columns])
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return stream.getvalue()


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, float) else safe_cell(str(value))


def signature_rows(study: Study) -> list[Row]:
    """Feature, coefficient, mean and SD, the largest coefficient first."""
    assert study.signature is not None
    rows = [
        {
            "feature": feature.name,
            "coefficient": feature.coefficient.value,
            "mean": feature.mean.value if feature.mean else None,
            "sd": feature.sd.value if feature.sd else None,
        }
        for feature in study.signature.features
    ]
    return sorted(rows, key=lambda row: -abs(row["coefficient"]))


def forest_rows(model: FittedModel) -> list[Row]:
    """Importance of every feature in the protocol's random forest, the greatest first; nothing without a forest."""
    forest = model.detail(ForestRanking)
    if forest is None:
        return []
    return [
        {"feature": name, "importance": value, "taken": "yes" if place < forest.kept else "no"}
        for place, (name, value) in enumerate(forest.importance)
    ]


def model_rows(model: FittedModel) -> list[Row]:
    """Univariable, multivariable and final models: ratio per unit with its 95 % limits and p.

    No p for what was built, or chosen by its p, on these patients: Rad-score, features, the terms behind a screening.
    The final model is said once: where all variables stay it is the multivariable one, and a logistic final model is
    one of the named.
    """
    rows: list[Row] = []
    built = {RAD_SCORE, RISK_GROUP, *model.rad_signature.names}
    for fit in model.univariable:
        rows += _ratios("univariable", fit, built)
    if model.multivariable is not None and model.final is not None:
        plain = {term.name for term in model.final.terms if term.curve is None}
        curved = {column for term in model.final.terms if term.curve is not None for column in term.columns}
        same = plain | curved == set(model.multivariable.names)
        name = "multivariable = final" if same else "multivariable"
        rows += _ratios(name, model.multivariable, built if model.entering is None else set(model.multivariable.names))
        if not same:
            for term in model.final.terms:
                if term.curve is not None:
                    rows.append({**_ratio("final", term.name, *[float("nan")] * 4), "ratio": float("nan")})
                    continue
                low, high = np.exp(term.ci95)
                rows.append(_ratio("final", term.name, term.coefficient, low, high, float("nan")))
    for name, logistic in model.logistic.items():
        rows += _ratios(name, logistic, built)
    return rows


def term_rows(model: FittedModel) -> list[Row]:
    """Wald's tests of the final model's splines and factors; of a spline also the ratio between quartiles.

    No p where variables were chosen by theirs.
    """
    found = model.detail(TermTests)
    step = next((step for step in reversed(model.done) if step["step"] == "cox"), None)
    chosen = model.entering is not None or (step is not None and step["kept"] != step["variables"])
    rows: list[Row] = []
    for test in found.tests if found is not None else ():
        row: Row = {
            "term": test.term,
            "χ²": test.whole.chi2,
            "df": test.whole.df,
            "p": float("nan") if chosen else test.whole.p,
        }
        if test.bend is not None and test.quartiles is not None and test.ratio is not None:
            row |= {
                "χ² of the bend": test.bend.chi2,
                "df of the bend": test.bend.df,
                "p of the bend": float("nan") if chosen else test.bend.p,
            }
            row |= {"from": test.quartiles[0], "to": test.quartiles[1]}
            row |= dict(zip(("hazard ratio", "lower", "upper"), map(float, test.ratio), strict=True))
        rows.append(row)
    return rows


def _ratios(model: str, fit: CoxModel | FineGrayModel | LogisticModel, built: Collection[str]) -> list[Row]:
    _, lower, upper = fit.odds_ratios() if isinstance(fit, LogisticModel) else fit.hazard_ratios()
    columns = zip(fit.names, fit.coefficients, lower, upper, fit.p, strict=True)
    rows = [_ratio(model, *column) for column in columns]
    for row in rows:
        if row["variable"].endswith("'") or f"{row['variable']}'" in fit.names:  # a spline's, which shows no ratio
            row |= dict.fromkeys(("ratio", "lower", "upper"), float("nan"))
    return [{**row, "p": float("nan")} if row["variable"] in built else row for row in rows]


def _ratio(model: str, variable: str, coefficient: float, lower: float, upper: float, p: float) -> Row:
    return {
        "model": model,
        "variable": variable,
        "coefficient": float(coefficient),
        "ratio": float(np.exp(coefficient)),
        "lower": float(lower),
        "upper": float(upper),
        "p": float(p),
    }


def measure_rows(evaluations: Iterable[Evaluation]) -> list[Row]:
    """Every measure of every model in every cohort."""
    return [
        {
            "cohort": evaluation.cohort,
            "model": m.model,
            "metric": m.metric,
            "time": m.time,
            "value": m.value,
            "lower": m.lower,
            "upper": m.upper,
        }
        for evaluation in evaluations
        for m in evaluation.measures
    ]


def contrast_rows(evaluations: Iterable[Evaluation]) -> list[Row]:
    """Every difference between the card's model and another."""
    return [
        {
            "cohort": evaluation.cohort,
            "model": c.model,
            "against": c.rival,
            "metric": c.metric,
            "time": c.time,
            "difference": c.value,
            "lower": c.lower,
            "upper": c.upper,
            "p": c.p,
        }
        for evaluation in evaluations
        for c in evaluation.contrasts
    ]


def internal_rows(internal: InternalValidation) -> list[Row]:
    """Every measure in the bootstrap samples: apparent, out of bag, and what to expect elsewhere."""
    return [
        {
            "model": c.model,
            "outcome": c.kind,
            "metric": c.metric,
            "time": c.time,
            "apparent": c.apparent,
            "out of bag": c.out_of_bag,
            "corrected": c.value,
            "lower": c.lower,
            "upper": c.upper,
            "of useless predictions": c.no_information,
        }
        for c in internal.corrected
    ]


def challenger_rows(challenge: Challenge) -> list[Row]:
    """The Rad-score, the simple models and the challengers in the patients that bootstrap samples left out."""
    return [
        {
            "model": each.model,
            "kind": "challenger" if each.challenger else "",
            challenge.metric: each.value,
            "lower": each.lower,
            "upper": each.upper,
            "above the Rad-score": each.difference,
            "difference, lower": each.difference_lower,
            "difference, upper": each.difference_upper,
        }
        for each in challenge.contenders
    ]


def frequency_rows(internal: InternalValidation, names: Collection[str]) -> list[Row]:
    """How often each feature was selected in the bootstrap samples; ``names`` are those of the signature."""
    return [
        {"feature": name, "selected in": share, "in the signature": "yes" if name in names else "no"}
        for name, share in internal.frequency.items()
    ]


def nested_rows(tests: Iterable[NestedTest]) -> list[Row]:
    """Likelihood-ratio tests of the cross-fitted Rad-score beside simpler variables, in the training patients."""
    return [
        {"beside": test.base, "coefficient per SD": test.weight, "χ² (df 1)": test.chi2, "p": test.p} for test in tests
    ]


def hazard_rows(model: FittedModel) -> list[Row]:
    """Whether the hazard ratios of the final model hold at all times, by variable and together."""
    drift = model.detail(ProportionalHazards)
    if drift is None:
        return []
    rows = [
        {"variable": name, "χ²": float(chi2), "df": 1, "p": float(p)}
        for name, chi2, p in zip(drift.names, drift.chi2, drift.p, strict=True)
    ]
    return [*rows, {"variable": "all", "χ²": drift.global_chi2, "df": len(rows), "p": drift.global_p}]


def beyond_rows(beyond: Beyond | None) -> list[Row]:
    """Each value of a patient that lies outside what the card was built on."""
    return [
        {"case": item.case, "what": item.what, "value": item.value, "built on from": item.low, "to": item.high}
        for item in (beyond.outside if beyond is not None else ())
    ]


def prediction_rows(study: Study, side: str, cohort: Cohort, prediction: Prediction) -> list[Row]:
    """What the card says of each patient, beside the outcome."""
    signature = study.signature
    assert signature is not None
    columns: dict[str, Any] = {"case": list(cohort.features.index), "cohort": [side] * len(cohort)}
    if cohort.survival is not None:
        columns |= {"time": cohort.survival.time, "event": causes(cohort.survival).cause}
    if cohort.binary is not None:
        columns["outcome"] = cohort.binary.astype(int)
    columns[signature.name] = prediction.rad_score
    if prediction.above is not None and signature.cutoff is not None:
        columns["group"] = np.where(prediction.above, signature.cutoff.above.id, signature.cutoff.below.id)
    if prediction.strata is not None and study.strata is not None:
        names = {group.adverse_factors: group.id for group in study.strata.groups}
        columns["stratum"] = [names[int(count)] for count in prediction.strata]
    if study.outcome is not None:
        columns["linear predictor"] = prediction.linear_predictor
    if cohort.competes:
        columns |= {f"incidence by {time:g}": 1 - values for time, values in prediction.survival.items()}
    else:
        columns |= {f"survival at {time:g}": values for time, values in prediction.survival.items()}
    if prediction.probability is not None:
        columns["probability"] = prediction.probability
    return pd.DataFrame(columns).to_dict("records")


def auc_rows(evaluations: Iterable[Evaluation]) -> list[Row]:
    """The time-dependent AUC of every model over time."""
    return [
        {"cohort": evaluation.cohort, "model": model, "time": time, "AUC": value, "lower": lower, "upper": upper}
        for evaluation in evaluations
        for model, curve in evaluation.auc_over_time.items()
        for time, value, lower, upper in zip(curve.times, curve.value, curve.lower, curve.upper, strict=True)
    ]


def cohort_rows(training: Cohort, validation: Cohort | None, unit: str) -> list[Row]:
    """Table 1: clinical variables and outcome of training and validation patients; only the former are tested.

    Without validation patients those with the event stand beside the others, untested: a test would take the censored
    for patients without it.
    """
    if validation is None:
        table = training.clinical
        groups = np.where(training.event, "with event", "without event").tolist()
    else:
        table = pd.concat([_described(cohort, unit) for cohort in (training, validation)], ignore_index=True)
        groups = ["training"] * len(training) + ["validation"] * len(validation)
    if table.empty or len(set(groups)) < 2:
        return []
    tested = () if validation is None else tuple(training.clinical.columns)
    categorical = [node["name"] for node in training.covariates if "levels" in node] + ["event", "outcome"]
    names = [f"{name} (n = {groups.count(name)})" for name in sorted(set(groups))]
    return [_table_one_row(row, names, training, tested) for row in table_one(table, groups, categorical)]


def _described(cohort: Cohort, unit: str) -> pd.DataFrame:
    table = cohort.given.copy()
    if cohort.survival is not None:
        table[f"time to event or censoring ({unit})"] = cohort.survival.time
        table["event"] = np.choose(causes(cohort.survival).cause, ["no", "yes", cohort.competes or "no"])
    if cohort.binary is not None:
        table["outcome"] = np.where(cohort.binary, "yes", "no")
    return table


def _table_one_row(row: TableRow, names: Sequence[str], training: Cohort, tested: Collection[str]) -> Row:
    levels = {
        node["name"]: {f"{level['value']:g}": level["label"] for level in node.get("levels", ())}
        for node in training.covariates
    }
    comparison = row.comparison if row.variable in tested else None
    return {
        "variable": row.variable,
        "level": levels.get(row.variable, {}).get(row.level, row.level),
        **dict(zip(names, row.cells, strict=True)),
        **(
            {"test": comparison.test if comparison else "", "p": comparison.p if comparison else None} if tested else {}
        ),
    }
