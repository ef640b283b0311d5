"""``report.html`` of a fit: what holds elsewhere on top, then how the model was built, the rest folded away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...core.formatting import number
from ...evaluation.assessment import Assessment
from ...evaluation.fit_checks import FitChecks
from ...evaluation.internal_validation import BRIER, SLOPE
from ...evaluation.markers import BOTH, CLINICAL, VOLUME
from ...evaluation.measures import Evaluation
from .checklists import checklist_sources, metrics_sentence
from .model_page import figures, folded, limits, page, paragraph, section, table, with_limits, without_repeats
from .model_sections import performance
from .model_sentences import (
    OWN_CLINICAL,
    in_short,
    main_metric,
    main_model,
    patients_and_events,
    slope_sentence,
    validated,
    with_measure_limits,
)
from .model_tables import Row

TABLE_ONE = "The patients"
TABLE_ONE_NOTE = (
    "n (%), mean ± SD (compared by t), or median (quartiles; Mann–Whitney); counts by χ², or Fisher's exact test where "
    "few are expected. Outcomes are not tested."
)
_RIVALS = (
    f"“{CLINICAL}” (or the protocol's clinical model), “{VOLUME}” and “{BOTH}” are models of these variables alone, "
    "fitted to the training patients."
)
_HOW_BUILT = {
    "lasso-path": "Coefficients of the features as the penalty λ shrinks; in colour those selected at the dotted line.",
    "lasso-cv": "Cross-validation in the training patients, ± one standard error; lower is better, except of an AUC.",
    "cut-off": "How the cut-off was chosen, in the training patients.",
}
_OVERVIEW_NOTE = (
    "Apparent: in the patients that built the model, which flatters it. Expected elsewhere: the whole protocol, from "
    "the filters on, repeated in bootstrap samples and held against the patients that each left out (.632+; of the "
    f"slope the median). {_RIVALS}"
)
_NESTED_NOTE = (
    "Likelihood-ratio tests (Wald's where patients have several rows or imputed values) in the training patients, each "
    "with the Rad-score of the protocol run without his or her fold (cross-fitted), so that it has not seen this "
    "outcome; a score that points the wrong way has p = 1."
)
_CHALLENGERS = (
    "Means and 2.5 to 97.5 percentiles over bootstrap samples, in each of which everything was learned anew. Numbers: "
    "tables/challengers.csv."
)
_MODELS_NOTE = "No p where variables or their score were chosen on these patients: it would mean nothing."
_TERMS_NOTE = (
    "The bend: what a spline adds to a straight line. The ratio is of the upper against the lower quartile of the "
    "training patients. No p of variables that were chosen by theirs."
)
_QUARTILES = ("from", "to", "hazard ratio", "lower", "upper")
_MOST_FEATURES = 15


def fit_page(
    assessment: Assessment,
    checks: FitChecks,
    provenance: Mapping[str, str],
    pictures: Mapping[str, bytes],
    tables: Mapping[str, list[Row]],
) -> str:
    """The page with its ``pictures`` (file stem → SVG) inside; ``tables`` are those of the CSV files."""
    fit, study = assessment.fit, assessment.study
    account = [{"step": what, "features left": str(count)} for what, count in fit.model.account]
    ratio = "odds ratio" if fit.model.logistic else "hazard ratio"
    if fit.model.final is not None and fit.model.final.model:
        kind = "subdistribution" if fit.model.final.model == "fine-gray" else "cause-specific"
        ratio = f"{kind} hazard ratio"
    per_sd = bool(fit.model.logistic) and fit.model.z_scored
    models = [{ratio if name == "ratio" else name: cell for name, cell in row.items()} for row in tables["models"]]
    validation = [side for side in assessment.sides if not side.evaluations[0].apparent]
    training = assessment.sides[0]
    chosen = fit.plan.n_published_features is None
    often = tables["selection-frequency"][:_MOST_FEATURES]
    slope = "" if checks.internal is None else slope_sentence(checks.internal, main_model(assessment))
    sections = [
        section(
            "How good it is",
            table(overview_rows(assessment, checks), note=_OVERVIEW_NOTE),
            paragraph(slope) if slope else "",
            table(without_repeats(tables["added-value"], "beside"), "Does the Rad-score add anything?", _NESTED_NOTE),
        ),
        *(performance(study, evaluation, pictures, _RIVALS) for side in validation for evaluation in side.evaluations),
        section(
            "What chance gives, and how stable the selection is" if chosen else "What chance gives",
            figures(
                pictures, {"chance": f"The whole {'selection' if chosen else 'fit'} repeated with shuffled outcomes."}
            ),
            table(
                [{**row, "selected in": f"{row['selected in']:.0%}"} for row in often],
                "How often a feature is selected in the bootstrap samples",
                f"All of them: tables/selection-frequency.csv. In the signature: {len(fit.model.rad_signature.names)}.",
            ),
        ),
        section(
            "Would a learning machine do better?",
            paragraph(checks.challenge.verdict) if checks.challenge is not None else "",
            figures(pictures, {"challengers": _CHALLENGERS}),
        ),
        section(
            "The model",
            table(tables["signature"], "Rad-score"),
            table(
                without_repeats(with_limits(models, ratio), "model"),
                f"{ratio.capitalize()}s per unit{', of features per SD' if per_sd else ''}",
                _MODELS_NOTE,
            ),
            table(_with_quartiles(tables["term-tests"]), "Splines and factors, each as a whole (Wald)", _TERMS_NOTE),
            table(tables["proportional-hazards"], "Do the hazard ratios hold at all times? (Grambsch and Therneau)"),
            figures(pictures, {"nomogram": "The nomogram; marked is the training patient with the median risk."}),
        ),
        folded(
            "How it was built",
            table(account, "How many features each step left (training patients only)"),
            table(
                tables["forest-importance"][:_MOST_FEATURES],
                "Importance in the random forest (mean decrease in impurity)",
                "All of them: tables/forest-importance.csv.",
            ),
            figures(pictures, _HOW_BUILT),
        ),
        folded(TABLE_ONE, table(without_repeats(tables["table1"], "variable"), note=TABLE_ONE_NOTE)),
        *(
            folded(f"Apparent performance ({evaluation.cohort})", performance(study, evaluation, pictures, _RIVALS))
            for side in (training, *([assessment.whole] if assessment.whole else []))
            for evaluation in side.evaluations
        ),
        folded("Provenance", table([{"what": name, "value": value} for name, value in provenance.items()])),
        folded(
            "Reporting checklists",
            paragraph(metrics_sentence(tables["reporting-checklists"])),
            paragraph(checklist_sources()),
            table(without_repeats(tables["reporting-checklists"], "standard")),
        ),
    ]
    warnings = [*study.card["limitations"], *assessment.missing]
    subtitle = f"{study.endpoint} · {study.id} · by the protocol of {fit.plan.study.id}"
    return page(
        study.title, subtitle, list(_cards(assessment, checks)), in_short(assessment, checks), warnings, sections
    )


def _with_quartiles(rows: list[Row]) -> list[Row]:
    """A spline's quartiles and ratio in one readable cell."""
    shown = []
    for row in rows:
        rest = {
            name: cell for name, cell in row.items() if name not in ("from", "to", "hazard ratio", "lower", "upper")
        }
        if "from" in row:
            ratio = limits(row["hazard ratio"], row["lower"], row["upper"], 2)
            rest["hazard ratio between quartiles"] = f"{number(row['to'])} against {number(row['from'])}: {ratio}"
        shown.append(rest)
    return shown


def overview_rows(assessment: Assessment, checks: FitChecks) -> list[Row]:
    """A row a model and measure: apparent, expected elsewhere, and in the patients set aside."""
    training, validation = assessment.sides[0], assessment.sides[1] if len(assessment.sides) > 1 else None
    rows: list[Row] = []
    for k, evaluation in enumerate(training.evaluations):
        other = None if validation is None or k >= len(validation.evaluations) else validation.evaluations[k]
        rows += _overview(evaluation, other, checks)
    return without_repeats(rows, "measure")


def _overview(evaluation: Evaluation, other: Evaluation | None, checks: FitChecks) -> Iterable[Row]:
    kind = "survival" if evaluation.follow_up is not None else "logistic"
    corrected = () if checks.internal is None else checks.internal.corrected
    for metric in (main_metric(evaluation), SLOPE, BRIER):
        time = next((c.time for c in corrected if (c.kind, c.metric) == (kind, metric)), None)
        found = [m for m in evaluation.measures if (m.metric, m.time) == (metric, time)]
        for measure in found:
            row: Row = {
                "measure": metric if time is None else f"{metric} at {time:g}",
                "model": measure.model,
                "apparent": with_measure_limits(measure),
            }
            if checks.internal is not None:
                model = CLINICAL if measure.model == OWN_CLINICAL else measure.model
                same = [c for c in corrected if (c.kind, c.metric, c.model) == (kind, metric, model)]
                row["expected elsewhere"] = with_measure_limits(same[0] if same else None)
            if other is not None:
                row[other.cohort] = with_measure_limits(other.find(metric, time, measure.model))
            yield row


def _cards(assessment: Assessment, checks: FitChecks) -> Iterable[tuple[str, str]]:
    """The honest numbers: where patients were set aside theirs, else the corrected ones; never the apparent."""
    fit, evaluation = assessment.fit, validated(assessment)
    metric = main_metric(assessment.sides[0].evaluations[0])
    for model in dict.fromkeys((main_model(assessment), CLINICAL, VOLUME)):
        names = (model, OWN_CLINICAL) if model == CLINICAL else (model,)
        measures = [evaluation.find(metric, None, name) for name in names] if evaluation is not None else []
        found = next((measure for measure in measures if measure is not None), None)
        if found is not None:
            yield f"{metric}, {found.model}, validation", with_measure_limits(found)
        elif checks.internal is not None and (corrected := checks.internal.find(metric, model)) is not None:
            yield f"{metric}, {model}, corrected", with_measure_limits(corrected)
        elif model == main_model(assessment):
            yield f"{metric}, {model}", "not validated"
    if checks.chance is not None:
        yield "As good by chance", f"p = {checks.chance.p:.3f}"
    yield "Built on", patients_and_events(fit.training)
    if fit.validation is not None:
        yield "Set aside", patients_and_events(fit.validation)
