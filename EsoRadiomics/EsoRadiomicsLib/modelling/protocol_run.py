"""One run of a protocol, step by step. It sees the training patients only."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.errors import UsageError
from .fitted_model import Choices, FittedModel
from .model_cohort import Cohort
from .protocol_plan import Plan
from .steps.cutoff_step import CutoffStep
from .steps.icc_step import IccStep, only_reproducible
from .steps.protocol_step import ProtocolStep


def fit_protocol(plan: Plan, training: Cohort, choices: Choices) -> FittedModel:
    """Run ``plan`` on the ``training`` patients.

    Raises:
        NothingSelectedError: no feature is left by a filter or selected.
        InputError, UsageError: see the steps; too few events, separation …
    """
    if choices.published_cutoff and plan.find(CutoffStep) is None:
        raise UsageError(f"{plan.study.id} publishes no cut-off of a Rad-score.")
    return run_steps(plan.steps, start(plan, training, choices))


def select_features(plan: Plan, training: Cohort, choices: Choices) -> FittedModel:
    """Run ``plan`` as far as its signature; what it raises is what :func:`fit_protocol` raises."""
    return run_steps(plan.selection, start(plan, training, choices))


def start(plan: Plan, training: Cohort, choices: Choices) -> FittedModel:
    """The state before the first step."""
    account = (("features in the table", training.features.shape[1]),)
    model = FittedModel(plan.study, plan.horizons, training, choices, training.features, account=account)
    # Features that an agreement study dropped are dropped even where the protocol has no such step.
    return only_reproducible(model) if choices.kept is not None and plan.find(IccStep) is None else model


def run_steps(steps: Iterable[ProtocolStep], model: FittedModel) -> FittedModel:
    """Hand the model from step to step."""
    for step in steps:
        model = step.run(model)
    return model
