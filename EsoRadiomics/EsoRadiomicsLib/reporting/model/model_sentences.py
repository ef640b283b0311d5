"""What a fit found in plain sentences: how good it is elsewhere, what it adds, what chance and luck give."""

from __future__ import annotations

from collections.abc import Iterable
from math import log

from ...core.formatting import p_value, some
from ...evaluation.added_value import NestedTest
from ...evaluation.assessment import Assessment
from ...evaluation.fit_checks import FitChecks
from ...evaluation.internal_validation import SLOPE, Corrected, InternalValidation
from ...evaluation.markers import BOTH, CLINICAL, VOLUME
from ...evaluation.measures import Evaluation, Measure
from ...evaluation.size_account import size_sentence
from ...evaluation.validate import Validation
from ...modelling.model_cohort import Cohort
from ...studies.study import Study
from .model_page import limits
from .model_sections import counts

OWN_CLINICAL = "clinical model"
"""What a protocol calls its own model of clinical variables; it stands in for the clinical-only one."""
_BESIDE = {
    CLINICAL: "the clinical variables",
    OWN_CLINICAL: "the clinical variables",
    VOLUME: "the volume",
    BOTH: "clinical variables and volume together",
}
_HALF = 0.5


def main_metric(evaluation: Evaluation) -> str:
    """C-index of a survival model, AUC of a logistic one."""
    return "C-index" if evaluation.follow_up is not None else "AUC"


def main_model(assessment: Assessment) -> str:
    """The card's own model, as the evaluations call it."""
    return assessment.sides[0].evaluations[0].measures[0].model


def validated(assessment: Assessment) -> Evaluation | None:
    """The main evaluation in patients that were set aside, if there are any."""
    return assessment.sides[1].evaluations[0] if len(assessment.sides) > 1 else None


def patients_and_events(cohort: Cohort) -> str:
    """“155 patients, 107 events”; with several rows a patient “60 patients, 180 ROIs, 75 events”."""
    others = ""
    if cohort.survival is not None and cohort.survival.competed is not None:
        others = f", {int(cohort.survival.competed.sum())} with {cohort.competes} first"
    return f"{cohort.counted}, {int(cohort.event.sum())} events{others}"


def with_measure_limits(measure: Measure | Corrected | None, digits: int = 2) -> str:
    """``"0.68 (0.60 to 0.76)"``, a dash without one."""
    return "–" if measure is None else limits(measure.value, measure.lower, measure.upper, digits)


def in_short(assessment: Assessment, checks: FitChecks) -> list[str]:
    """The sentences at the top of a report, the most important first."""
    found = [headline(assessment, checks.internal), added_value_sentence(assessment, checks)]
    if checks.chance is not None:
        n, chosen = len(checks.chance.training), assessment.fit.plan.n_published_features is None
        some = f"; {int((checks.chance.n_selected > 0).sum())} of them select features at all" if chosen else ""
        found.append(
            f"Chance: with shuffled outcomes the same {'selection' if chosen else 'features'} "
            f"{'does' if chosen else 'do'} as well with {p_value(checks.chance.p)} ({n} runs, so no p below "
            f"{1 / (n + 1):.2g} can come out{some})."
        )
    if checks.internal is not None:
        found.append(stability_sentence(checks.internal, assessment.fit.model.rad_signature.names))
    if checks.fold_sizes and min(checks.fold_sizes) < max(checks.fold_sizes):
        found.append(
            f"The folds decide: with {len(checks.fold_sizes)} other draws of the cross-validation's folds "
            f"{min(checks.fold_sizes)} to {max(checks.fold_sizes)} features are selected, here "
            f"{len(assessment.fit.model.rad_signature.names)}. Repeated cross-validation (--repeats) settles that."
        )
    if checks.luck is not None:
        others = checks.luck.others
        low, high, below = min(others), max(others), int((others < checks.luck.own).sum())
        luck = " This split is a lucky one: do not quote its value alone." if checks.luck.lucky else ""
        found.append(
            f"The split decides: in {len(others)} other random splits of these patients the Rad-score "
            f"reaches {low:.2f} to {high:.2f} in those set aside, here {checks.luck.own:.2f} ({below} of them are "
            f"below).{luck}"
        )
    if checks.challenge is not None:
        found.append(checks.challenge.verdict)
    found.append(harmonised_sentence(assessment.study))
    plan = assessment.fit.plan
    found.append(size_sentence(assessment.fit.training, plan))
    return [sentence for sentence in found if sentence]


def harmonised_sentence(study: Study, cohort: Cohort | None = None) -> str:
    """Over what a card harmonises its features, of whom it learned that, and of whom a ``cohort`` is."""
    combat = study.signature.harmonisation if study.signature else None
    if combat is None:
        return ""
    taught = ", ".join(f"{name} ({batch.rows})" for name, batch in combat.batches.items())
    keeps = f"; what goes with {', '.join(combat.covariates)} is kept" if combat.covariates else ""
    if cohort is None:
        return (
            f"Features are harmonised over {combat.column} by ComBat, learned from the training patients of {taught}"
            f"{keeps}. A patient of another {combat.column} cannot be scored."
        )
    levels = cohort.clinical[combat.column].map(study.covariates[combat.column].describe)
    here = ", ".join(f"{name} ({n})" for name, n in levels.value_counts().items())
    return f"Features were harmonised from {here} by the training cohort's ComBat, learned from {taught}{keeps}."


def headline(assessment: Assessment, internal: InternalValidation | None) -> str:
    """The number that survives: in patients set aside, else corrected for the optimism of the whole protocol."""
    evaluation, training = validated(assessment), assessment.sides[0].evaluations[0]
    metric, model = main_metric(training), main_model(assessment)
    corrected = None if internal is None else internal.find(metric, model)
    apparent = training.find(metric, None, model)
    flattering = "" if apparent is None else f", not the apparent {apparent.value:.2f}"
    expected = (
        ""
        if corrected is None or internal is None
        else f"{_an(metric)} of {with_measure_limits(corrected)}{flattering} ({_resampled(internal)})"
    )
    if evaluation is None and expected:
        return f"No patients were set aside. In new patients like these expect {expected}."
    if evaluation is None:
        value = with_measure_limits(apparent)
        return f"Not validated: the apparent {metric} of {value} says nothing about other patients."
    measured = evaluation.find(metric, None, model)
    reached = f"{_an(metric)} of {with_measure_limits(measured)}"
    sentence = f"In those set aside ({counts(evaluation)}) the {model} reaches {reached}."
    return f"{sentence} From the training patients alone one would expect {expected}." if expected else sentence


def _resampled(internal: InternalValidation) -> str:
    nothing = f"; in {internal.n_nothing} of them no feature was selected" if internal.n_nothing else ""
    failed = f"; {internal.n_failed} gave no model" if internal.n_failed else ""
    return f".632+ of the whole protocol in {internal.n_samples} bootstrap samples{nothing}{failed}"


def slope_sentence(internal: InternalValidation, model: str) -> str:
    """What shrinkage the model needs."""
    slope = internal.find(SLOPE, model)
    if slope is None or slope.value >= 0.9:
        return ""
    if slope.value <= 0:
        return (
            f"Expect a calibration slope of {_signed(slope.value)} in new patients: there its predictions say nothing, "
            "or the opposite, and no update mends that."
        )
    return (
        f"Its predictions are too far apart: expect a calibration slope of {slope.value:.2f} instead of 1 in new "
        "patients; “validate --update slope” mends that."
    )


def added_value_sentence(assessment: Assessment, checks: FitChecks) -> str:
    """One sentence: whether the Rad-score adds anything to volume and clinical variables."""
    evaluation = validated(assessment)
    parts = _in_validation(evaluation) if evaluation is not None else []
    where = "in the patients set aside"
    if not parts and checks.internal is None:
        return ""
    if not parts:
        parts, where = [_in_training(test) for test in checks.nested], "in cross-validation"
    if not parts:
        return (
            "Whether the Rad-score adds anything could not be tested: no clinical variables and no volume were given."
        )
    return f"Added value: {where} the Rad-score {_halves(parts, 'adds to ', 'is not shown to add to ')}."


def _in_validation(evaluation: Evaluation) -> list[tuple[bool, str]]:
    """For each simple model: whether the card's model is better, and by how much."""
    metric = main_metric(evaluation)
    return [
        (c.lower > 0, f"{_BESIDE[c.rival]} ({metric} {_signed(c.value)}, {_signed(c.lower)} to {_signed(c.upper)})")
        for c in evaluation.contrasts
        if (c.model, c.metric, c.time) == (evaluation.measures[0].model, metric, None) and c.rival in _BESIDE
    ]


def validation_in_short(validation: Validation) -> list[str]:
    """What a card is worth on other patients: discrimination, calibration, what it adds, who is unlike its own."""
    evaluation = validation.evaluations[0]
    model, metric = evaluation.measures[0].model, main_metric(evaluation)
    found = [
        f"In this cohort ({counts(evaluation)}) the {model} of {validation.study.id} reaches "
        f"{_an(metric)} of {with_measure_limits(evaluation.find(metric))}; 0.5 is chance."
    ]
    slope = evaluation.find(SLOPE)
    ratios = [m for m in evaluation.measures if m.metric == "observed/expected" and m.model == model]
    if slope is not None and ratios:
        worst = max(ratios, key=lambda m: abs(log(m.value)))
        at = "" if worst.time is None else f" at {worst.time:g}"
        found.append(
            f"Calibration: slope {with_measure_limits(slope)}, observed/expected{at} {with_measure_limits(worst)}; "
            "both are 1 where predictions come true."
        )
    if sentence := harmonised_sentence(validation.study, validation.cohort):
        found.append(sentence)
    if parts := _in_validation(evaluation):
        compared = _halves(parts, "is better than ", "is not shown to be better than ")
        found.append(f"Beside simpler models the card {compared}.")
    if (beyond := validation.beyond) is not None and beyond.outside:
        slopes = ""
        with_them, without = beyond.slope, beyond.slope_without
        if with_them is not None and without is not None and f"{with_them:.2f}" != f"{without:.2f}":
            slopes = f" Without them the calibration slope is {without:.2f} instead of {with_them:.2f}."
        found.append(
            f"{len(beyond.cases)} of {beyond.n} patients lie beyond those that the card was built on "
            f"({some(beyond.cases)}): their predictions are guesses.{slopes}"
        )
    return found


def _halves(parts: list[tuple[bool, str]], if_so: str, if_not: str) -> str:
    """“adds to A and B; it is not shown to add to C”: the texts by whether they hold."""
    yes, no = ([text for holds, text in parts if holds is wanted] for wanted in (True, False))
    return "; it ".join([if_so + " and ".join(yes)] * bool(yes) + [if_not + " or ".join(no)] * bool(no))


def _in_training(test: NestedTest) -> tuple[bool, str]:
    return test.p < 0.05, f"{_BESIDE[test.base]} (likelihood ratio χ² {test.chi2:.1f}, {p_value(test.p)})"


def stability_sentence(internal: InternalValidation, names: Iterable[str]) -> str:
    """How much of the selection comes back in other samples of the same patients."""
    if not internal.sizes:
        return "No bootstrap sample allowed a model: there are too few patients or events for this protocol."
    chosen = list(names)
    if set(internal.sizes) == {len(chosen)} and all(internal.frequency.get(name) == 1 for name in chosen):
        return ""  # nothing was chosen from these patients
    often = sum(internal.frequency.get(name, 0.0) >= _HALF for name in chosen)
    return (
        f"Stability: of the {len(chosen)} features {often} come back in at least half of the bootstrap samples, which "
        f"select {min(internal.sizes)} to {max(internal.sizes)} features."
    )


def _an(metric: str) -> str:
    return f"{'an' if metric == 'AUC' else 'a'} {metric}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
