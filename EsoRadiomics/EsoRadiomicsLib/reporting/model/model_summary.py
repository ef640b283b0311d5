"""The main numbers of a fit or a validation for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from ...evaluation.assessment import Assessment
from ...evaluation.measures import Evaluation
from ...modelling.resampling import BootstrapOptimism, Chance
from ...scoring.score_text import rule
from .model_page import limits

_SHOWN = ("C-index", "AUC", "calibration slope", "hazard ratio", "accuracy")
_WIDTH = 110


def summary(assessment: Assessment, chance: Chance | None, optimism: BootstrapOptimism | None) -> str:
    """Signature, final model, performance on both sides, what chance gives, warnings."""
    fit, study = assessment.fit, assessment.study
    signature = study.signature
    assert signature is not None
    lines = [f"{study.title}: {len(signature.names)} of {fit.training.features.shape[1]} features selected"]
    if signature.cutoff is not None:
        lines.append(f"  cut-off {rule(signature.cutoff)}")
    if fit.model.final is not None:
        terms = (f"{term.name} {term.coefficient:+.3f}" for term in fit.model.final.terms)
        lines.append(f"  final model: {', '.join(terms)}")
    for side in assessment.sides:
        for evaluation in side.evaluations:
            lines += evaluation_lines(evaluation)
    for found in optimism.models if optimism is not None else ():
        lines.append(
            f"  bootstrap: {found.metric} of the {found.model} {found.apparent:.3f}, optimism {found.optimism:.3f}, "
            f"corrected {found.corrected:.3f}"
        )
    if chance is not None:
        lines.append(f"  shuffled outcomes do as well with p = {chance.p:.3f}")
    lines += warning_lines(study.card["limitations"])
    return "\n".join(lines)


def evaluation_lines(evaluation: Evaluation) -> list[str]:
    """One cohort's main measures, a line each."""
    lines = [f"{evaluation.cohort}: {evaluation.n} patients, {evaluation.n_events} events"]
    for measure in evaluation.measures:
        if measure.metric in _SHOWN:
            name = measure.metric if measure.time is None else f"{measure.metric} at {measure.time:g}"
            lines.append(f"  {name:20} {measure.model:18} {limits(measure.value, measure.lower, measure.upper)}")
    return lines


def warning_lines(sentences: Iterable[str]) -> list[str]:
    """Each sentence wrapped under “warning:”."""
    return [textwrap.fill(f"warning: {text}", _WIDTH, subsequent_indent="  ") for text in sentences]
