"""``report.html`` of a fit: the patients, the Rad-score, the outcome model, how good it is, what chance gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...evaluation.assessment import Assessment
from ...evaluation.markers import CLINICAL, VOLUME
from ...modelling.resampling import BootstrapOptimism, Chance
from .checklists import checklist_sources
from .model_page import figures, limits, page, paragraph, section, table, with_limits, without_repeats
from .model_sections import performance
from .model_tables import Row

TABLE_ONE = "The patients"
TABLE_ONE_NOTE = (
    "n (%), mean ± SD (compared by t), or median (quartiles; Mann–Whitney); counts by χ², or Fisher's exact test where "
    "few are expected."
)
_RIVALS = f"“{CLINICAL}” and “{VOLUME}” are models of these variables alone, fitted to the training patients."
_HOW_BUILT = {
    "lasso-path": "Coefficients of the features as the penalty λ shrinks; in colour those selected at the dotted line.",
    "lasso-cv": "Cross-validation in the training patients, ± one standard error; lower is better, except of an AUC.",
    "cut-off": "How the cut-off was chosen, in the training patients.",
}


def fit_page(
    assessment: Assessment,
    chance: Chance | None,
    optimism: BootstrapOptimism | None,
    provenance: Mapping[str, str],
    pictures: Mapping[str, bytes],
    tables: Mapping[str, list[Row]],
) -> str:
    """The page with its ``pictures`` (file stem → SVG) inside; ``tables`` are those of the CSV files."""
    fit, study = assessment.fit, assessment.study
    account = [{"step": what, "features left": str(count)} for what, count in fit.model.account]
    metric = "AUC" if fit.training.binary is not None else "C-index"
    ratio = "odds ratio" if fit.model.logistic else "hazard ratio"
    models = [{ratio if name == "ratio" else name: cell for name, cell in row.items()} for row in tables["models"]]
    sections = [
        section(TABLE_ONE, table(without_repeats(tables["table1"], "variable"), note=TABLE_ONE_NOTE)),
        section(
            "Rad-score",
            table(account, "How many features each step left (training patients only)"),
            table(tables["signature"], "The signature"),
            figures(pictures, _HOW_BUILT),
        ),
        section(
            "Outcome model",
            table(without_repeats(with_limits(models, ratio), "model"), f"{ratio.capitalize()}s per unit"),
            figures(pictures, {"nomogram": "The nomogram; marked is the training patient with the median risk."}),
        ),
        *(
            performance(study, evaluation, pictures, _RIVALS)
            for side in assessment.sides
            for evaluation in side.evaluations
        ),
        section(
            "Optimism and chance",
            *(paragraph(sentence) for sentence in _optimism_sentences(optimism)),
            paragraph(_chance_sentence(chance, metric)),
            figures(pictures, {"chance": "The whole selection repeated with shuffled outcomes."}),
        ),
        section("Provenance", table([{"what": name, "value": value} for name, value in provenance.items()])),
        section(
            "Reporting checklists",
            paragraph(checklist_sources()),
            table(without_repeats(tables["reporting-checklists"], "standard")),
        ),
    ]
    warnings = [*study.card["limitations"], *assessment.missing]
    subtitle = f"{study.endpoint} · {study.id} · by the protocol of {fit.plan.study.id}"
    return page(study.title, subtitle, list(_cards(assessment)), warnings, sections)


def _cards(assessment: Assessment) -> Iterable[tuple[str, str]]:
    fit = assessment.fit
    yield "Training", f"{len(fit.training)} patients, {int(fit.training.event.sum())} events"
    if fit.validation is not None:
        yield "Validation", f"{len(fit.validation)} patients, {int(fit.validation.event.sum())} events"
    yield "Signature", f"{len(fit.model.signature.names)} features"
    evaluation = assessment.sides[-1].evaluations[0]
    metric = "C-index" if evaluation.follow_up is not None else "AUC"
    for model in dict.fromkeys((evaluation.measures[0].model, VOLUME)):
        measure = evaluation.find(metric, None, model)
        if measure is not None:
            yield f"{metric}, {model}, {evaluation.cohort}", limits(measure.value, measure.lower, measure.upper, 2)


def _optimism_sentences(optimism: BootstrapOptimism | None) -> Iterable[str]:
    if optimism is None:
        yield "The bootstrap was not asked for (--bootstrap)."
        return
    failed = f", {optimism.n_failed} of them without a result" if optimism.n_failed else ""
    yield f"Everything, from the filters on, repeated in {optimism.n_samples} bootstrap samples{failed}:"
    for found in optimism.models:
        yield (
            f"{found.metric} of the {found.model} in the training patients {found.apparent:.3f}, optimism "
            f"{found.optimism:.3f}, corrected {found.corrected:.3f}."
        )


def _chance_sentence(chance: Chance | None, metric: str) -> str:
    if chance is None:
        return "The permutation check was not asked for (--permutations)."
    outside = "" if chance.validation is None else f" and {chance.validation.mean():.3f} in the validation patients"
    n = len(chance.training)
    return (
        f"With shuffled outcomes the same selection reaches a {metric} of {chance.training.mean():.3f} in the training "
        f"patients{outside} (means of {n} runs); {int((chance.n_selected > 0).sum())} runs select features at all. "
        f"p that chance does as well as this Rad-score: {chance.p:.3f} (no smaller than 1/{n + 1} with {n} runs)."
    )
