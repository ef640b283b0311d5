"""What a fit or a validation leaves behind: card, report, figures and tables — a folder of plain files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.figure import Figure

from ..figures.style import to_svg
from ..names import is_feature
from ..study import Study
from .assess import Assessment
from .cohort import study_unit
from .evaluation import Evaluation
from .evidence import evidence_rows
from .page import figures, limits, page, paragraph, section, table, with_limits
from .pictures import chance_figures, evaluation_figures, model_figures
from .resampling import BootstrapOptimism, Chance
from .tables import Row, cohort_rows, contrast_rows, measure_rows, model_rows, prediction_rows, signature_rows, to_csv
from .validate import Validation

_CAPTIONS = {
    "kaplan-meier": "Kaplan–Meier curves with 95 % limits (R's “log”), censored patients as ticks.",
    "strata": "Kaplan–Meier curves of the risk strata.",
    "calibration": "Predicted against observed in groups of patients; dashed: perfect predictions.",
    "roc": "Sensitivity against 1 − specificity.",
    "decision-curve": "Net benefit of treating above a risk threshold; the highest curve is the most useful.",
}
_APPARENT = (
    "Apparent performance: features, cut-off and coefficients were fitted to these patients, so every number here, the "
    "log-rank p above all, flatters the model."
)


def fit_files(
    assessment: Assessment, chance: Chance | None, optimism: BootstrapOptimism | None, provenance: Mapping[str, str]
) -> dict[str, bytes]:
    """All files of a fit, by relative path; ``card.json`` only where every feature can be measured on a CT."""
    fit, study = assessment.fit, assessment.study
    training = assessment.sides[0]
    evaluations = [evaluation for side in assessment.sides for evaluation in side.evaluations]
    drawn = model_figures(fit.model, study, training.cohort, training.prediction)
    for side in assessment.sides:
        for evaluation in side.evaluations:
            drawn |= evaluation_figures(study, side.cohort, side.prediction, evaluation)
    if chance is not None:
        drawn |= chance_figures(chance, _metric(fit.training.binary is not None))
    pictures = {name: to_svg(figure) for name, figure in drawn.items()}
    table_one = [] if fit.validation is None else cohort_rows(fit.training, fit.validation)
    predictions: list[Row] = []
    for side in assessment.sides:
        predictions += prediction_rows(study, side.name, side.cohort, side.prediction)
    evidence = evidence_rows(_facts(assessment, chance, optimism))
    tables = {
        "table1": table_one,
        "signature": signature_rows(study),
        "models": model_rows(fit.model),
        "metrics": measure_rows(evaluations),
        "comparisons": contrast_rows(evaluations),
        "predictions": predictions,
        "reporting-checklists": evidence,
    }
    files = {f"figures/{name}.svg": content for name, content in pictures.items()}
    files |= {f"tables/{name}.csv": to_csv(rows).encode() for name, rows in tables.items() if rows}
    if is_scorable_card(study):
        files["card.json"] = card_text(study.card).encode()
    files["report.html"] = _page(assessment, chance, optimism, provenance, pictures, tables).encode()
    return files


def validation_files(
    validation: Validation, updated: Validation | None, provenance: Mapping[str, str]
) -> dict[str, bytes]:
    """All files of a validation; with an ``updated`` card also that card and its fit to the same patients."""
    study, cohort = validation.study, validation.cohort
    parts = [validation] if updated is None else [validation, updated]
    evaluations = [evaluation for part in parts for evaluation in part.evaluations]
    drawn: dict[str, Figure] = {}
    for part in parts:
        for evaluation in part.evaluations:
            drawn |= evaluation_figures(part.study, cohort, part.prediction, evaluation)
    pictures = {name: to_svg(figure) for name, figure in drawn.items()}
    predictions = prediction_rows(study, "validation", cohort, validation.prediction)
    files = {f"figures/{name}.svg": content for name, content in pictures.items()}
    files |= {
        "tables/metrics.csv": to_csv(measure_rows(evaluations)).encode(),
        "tables/comparisons.csv": to_csv(contrast_rows(evaluations)).encode(),
        "tables/predictions.csv": to_csv(predictions).encode(),
    }
    warnings = [*cohort.warnings]
    if updated is not None:
        files["card.json"] = card_text(updated.study.card).encode()
        warnings.append(
            f"{updated.study.id} was updated in these very patients: its numbers here flatter it, and it needs new "
            "patients to be validated."
        )
    sections = [
        *(evaluation_section(evaluation, pictures, study_unit(study)) for evaluation in evaluations),
        section("Provenance", table([{"what": name, "value": value} for name, value in provenance.items()])),
    ]
    cards = [("Patients", f"{len(cohort)}, {evaluations[0].n_events} events")]
    metric = "AUC" if evaluations[0].follow_up is None else "C-index"
    for evaluation in evaluations:
        for name in (metric, "calibration slope"):
            if (measure := evaluation.find(name)) is not None:
                cards.append((f"{name} ({evaluation.cohort})", limits(measure.value, measure.lower, measure.upper)))
    subtitle = f"{study.endpoint} · validation of {study.id}"
    files["report.html"] = page(f"Validation: {study.title}", subtitle, cards, warnings, sections).encode()
    return files


def card_text(card: Mapping[str, Any]) -> str:
    """The card's JSON."""
    return json.dumps(card, indent=1, ensure_ascii=False) + "\n"


def is_scorable_card(study: Study) -> bool:
    """Whether every feature of the signature can be measured on a CT here."""
    return study.signature is not None and all(is_feature(name) for name in study.signature.names)


def evaluation_section(evaluation: Evaluation, pictures: Mapping[str, bytes], units: str) -> str:
    """One cohort's measures, comparisons and figures."""
    follow = "" if evaluation.follow_up is None else f", median follow-up {evaluation.follow_up:.1f} {units}"
    wanted = {f"{stem}-{evaluation.stem}": caption for stem, caption in _CAPTIONS.items()}
    return section(
        f"Performance: {evaluation.cohort}",
        paragraph(f"{evaluation.n} patients, {evaluation.n_events} events{follow}."),
        paragraph(_APPARENT) if evaluation.cohort.startswith("training") else "",
        table(_pivot(evaluation), "Measures with 95 % limits"),
        table(_without_cohort(with_limits(contrast_rows([evaluation]), "difference")), "Against simpler models"),
        figures(pictures, wanted),
        *(paragraph(f"Not computed. {sentence}") for sentence in evaluation.missing),
    )


def _pivot(evaluation: Evaluation) -> list[Row]:
    """A row a measure, a column a model."""
    models = list(dict.fromkeys(m.model for m in evaluation.measures))
    rows: dict[tuple[str, float | None], Row] = {}
    for m in evaluation.measures:
        row = rows.setdefault((m.metric, m.time), {"metric": m.metric, "time": m.time, **dict.fromkeys(models, "")})
        row[m.model] = f"{m.value:.2g}" if m.metric == "log-rank p" else limits(m.value, m.lower, m.upper)
    return list(rows.values())


def _without_cohort(rows: Iterable[Row]) -> list[Row]:
    return [{name: cell for name, cell in row.items() if name != "cohort"} for row in rows]


def _page(
    assessment: Assessment,
    chance: Chance | None,
    optimism: BootstrapOptimism | None,
    provenance: Mapping[str, str],
    pictures: Mapping[str, bytes],
    tables: Mapping[str, list[Row]],
) -> str:
    fit, study = assessment.fit, assessment.study
    account = [{"step": what, "features left": str(count)} for what, count in fit.model.signature.account]
    warnings = [*study.card["limitations"], *assessment.missing]
    if not is_scorable_card(study):
        warnings.insert(0, "No card was written: the signature has features that the extraction does not know.")
    metric = _metric(fit.training.binary is not None)
    sections = [
        section("The patients", table(tables["table1"])),
        section(
            "Rad-score",
            table(account, "How many features each step left (training patients only)"),
            table(tables["signature"], "The signature"),
            figures(
                pictures,
                {
                    "lasso-path": "Coefficients of the features along the penalty; in colour those selected.",
                    "lasso-cv": "Cross-validation in the training patients, ± one standard error.",
                    "cut-off": "How the cut-off was chosen, in the training patients.",
                },
            ),
        ),
        section(
            "Outcome model",
            table(with_limits(tables["models"], "ratio"), "Hazard or odds ratios per unit, with 95 % limits"),
            figures(pictures, {"nomogram": "The nomogram; marked is the training patient with the median risk."}),
        ),
        *(
            evaluation_section(evaluation, pictures, study_unit(study))
            for side in assessment.sides
            for evaluation in side.evaluations
        ),
        section(
            "Optimism and chance",
            paragraph(_optimism_sentence(optimism, metric)),
            paragraph(_chance_sentence(chance, metric)),
            figures(pictures, {"chance": "The whole selection repeated with shuffled outcomes."}),
        ),
        section("Provenance", table([{"what": name, "value": value} for name, value in provenance.items()])),
        section("Reporting checklists", table(tables["reporting-checklists"])),
    ]
    cards = list(_cards(assessment))
    subtitle = f"{study.endpoint} · {study.id} · by the protocol of {fit.plan.study.id}"
    return page(study.title, subtitle, cards, warnings, sections)


def _cards(assessment: Assessment) -> Iterable[tuple[str, str]]:
    fit = assessment.fit
    yield "Training", f"{len(fit.training)} patients, {int(fit.training.event.sum())} events"
    if fit.validation is not None:
        yield "Validation", f"{len(fit.validation)} patients, {int(fit.validation.event.sum())} events"
    yield "Signature", f"{len(fit.model.signature.names)} features"
    evaluation = assessment.sides[-1].evaluations[0]
    metric = "C-index" if evaluation.follow_up is not None else "AUC"
    for model in dict.fromkeys((evaluation.measures[0].model, "volume only")):
        measure = evaluation.find(metric, None, model)
        if measure is not None:
            yield f"{metric}, {model} ({evaluation.cohort})", limits(measure.value, measure.lower, measure.upper)


def _optimism_sentence(optimism: BootstrapOptimism | None, metric: str) -> str:
    if optimism is None:
        return "The bootstrap was not asked for (--bootstrap)."
    failed = f", {optimism.n_failed} of them without a result" if optimism.n_failed else ""
    return (
        f"{metric} of the Rad-score in the training patients: {optimism.apparent:.3f}. The whole selection repeated in "
        f"{optimism.n_samples} bootstrap samples{failed}: optimism {optimism.optimism:.3f}, corrected "
        f"{optimism.corrected:.3f}."
    )


def _chance_sentence(chance: Chance | None, metric: str) -> str:
    if chance is None:
        return "The permutation check was not asked for (--permutations)."
    outside = "" if chance.validation is None else f" and {chance.validation.mean():.3f} in the validation patients"
    return (
        f"With shuffled outcomes the same selection reaches a {metric} of {chance.training.mean():.3f} in the training "
        f"patients{outside} (means of {len(chance.training)} runs); {int((chance.n_selected > 0).sum())} runs select "
        f"features at all. p that chance does as well as this model: {chance.p:.3f}."
    )


def _metric(binary: bool) -> str:
    return "AUC" if binary else "C-index"


def _facts(assessment: Assessment, chance: Chance | None, optimism: BootstrapOptimism | None) -> frozenset[str]:
    """What this run did, for the reporting checklists."""
    fit = assessment.fit
    facts = {
        "validation": fit.validation is not None,
        "clinical": not fit.training.clinical.empty,
        "permutations": chance is not None,
        "bootstrap": optimism is not None,
        "agreement": fit.kept is not None,
        "cut-off": fit.model.cutoff is not None,
        "outcome": fit.model.final is not None,
        "volume": not any("volume only" in sentence for sentence in assessment.missing),
        "survival": fit.training.survival is not None,
        "card": is_scorable_card(assessment.study),
        "always": True,
    }
    return frozenset(name for name, done in facts.items() if done)
