"""The main numbers of a fit or a validation for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from ...evaluation.assessment import Assessment
from ...evaluation.fit_checks import FitChecks
from ...evaluation.measures import Evaluation
from ...scoring.score_text import rule
from .model_page import limits
from .model_sections import counts
from .model_sentences import in_short

_SHOWN = ("C-index", "AUC", "calibration slope", "hazard ratio", "accuracy")
_WIDTH = 110


def summary(assessment: Assessment, checks: FitChecks) -> str:
    """What was found in short, signature, final model, performance on both sides, warnings."""
    fit, study = assessment.fit, assessment.study
    signature = study.signature
    assert signature is not None
    n, chosen = len(signature.names), f"of {fit.training.features.shape[1]} features selected"
    lines = [f"{study.title}: {n} {chosen if fit.plan.n_published_features is None else 'published features weighed'}"]
    if signature.cutoff is not None:
        lines.append(f"  cut-off {rule(signature.cutoff)}")
    if fit.model.final is not None:
        terms = (
            f"{term.name} {term.coefficient:+.3f}" if term.curve is None else f"{term.name} ({term.curve.kind})"
            for term in fit.model.final.terms
        )
        lines.append(f"  final model: {', '.join(terms)}")
    lines += [f"  • {sentence}" for sentence in in_short(assessment, checks)]
    for side in (*assessment.sides, *([assessment.whole] if assessment.whole else [])):
        for evaluation in side.evaluations:
            lines += evaluation_lines(evaluation)
    lines += warning_lines(study.card["limitations"])
    return "\n".join(lines)


def evaluation_lines(evaluation: Evaluation) -> list[str]:
    """One cohort's main measures, a line each."""
    flatters = ", apparent: with the patients that built the model" if evaluation.apparent else ""
    lines = [f"{evaluation.cohort}: {counts(evaluation)}{flatters}"]
    own = evaluation.measures[0].model if evaluation.measures else ""
    for measure in evaluation.measures:
        whole = not evaluation.apparent or measure.model == own
        if measure.metric in _SHOWN and (measure.time is None or measure.model == own) and whole:
            name = measure.metric if measure.time is None else f"{measure.metric} at {measure.time:g}"
            lines.append(f"  {name:20} {measure.model:18} {limits(measure.value, measure.lower, measure.upper)}")
    return lines


def warning_lines(sentences: Iterable[str]) -> list[str]:
    """Each sentence wrapped under “warning:”."""
    return [textwrap.fill(f"warning: {text}", _WIDTH, subsequent_indent="  ") for text in sentences]
