"""``esoradiomics fit`` as one call: split, run the protocol on the training patients, write the card."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..agreement.kept_features import KeptFeatures, Rule
from ..core.errors import InputError, UsageError
from ..statistics.inputs import BoolArray, IntArray, check_same_time_unit
from ..studies.study import Study, check_card
from .fitted_card import Identity, build_card
from .model_cohort import Cohort, Columns, check_apart, read_cohort
from .protocol_plan import Plan, read_plan
from .protocol_run import FittedModel, fit_protocol
from .signature import draw_folds


@dataclass(frozen=True)
class Options:
    """What a user may decide about a fit.

    Attributes:
        seed: of the split and the folds.
        n_folds, lambda_rule, horizons: instead of the protocol's; None keeps them.
        published_cutoff: take the study's cut-off.
        validation: whether patients are set aside where the table has no split column.
    """

    seed: int = 1
    n_folds: int | None = None
    lambda_rule: str | None = None
    horizons: tuple[float, ...] | None = None
    published_cutoff: bool = False
    validation: bool = True


@dataclass(frozen=True)
class Fit:
    """A fitted model with its card as a study, and the two sides of the cohort; ``validation`` may be None."""

    plan: Plan
    model: FittedModel
    study: Study
    training: Cohort
    validation: Cohort | None
    folds: IntArray
    kept: Collection[str] | None
    options: Options


def fit_table(
    path: Path,
    columns: Columns,
    study: Study,
    identity: Identity,
    *,
    kept: KeptFeatures | None = None,
    options: Options | None = None,
) -> Fit:
    """Fit ``study``'s protocol to the table at ``path``.

    Raises:
        InputError, UsageError: the table or the protocol cannot be used; see :func:`cohort.read_cohort`,
            :func:`protocol.read_plan` and :func:`engine.fit_protocol`.
    """
    options = options or Options()
    plan = _with_options(read_plan(study), options)
    table = read_cohort(path, columns, study)
    check_outcome(plan, table.cohort)
    training_rows = table.training
    if training_rows is None:
        training_rows = split(plan, table.cohort, options) if options.validation else np.ones(len(table.cohort), bool)
    training = table.cohort.rows(training_rows)
    validation = None if training_rows.all() else table.cohort.rows(~training_rows)
    if validation is not None:
        check_apart(table.cohort, training_rows)
        if training.survival is not None and validation.survival is not None:
            check_same_time_unit(training.survival, validation.survival)
    folds = draw_folds(training, plan.lasso.folds, options.seed) if table.folds is None else table.folds[training_rows]
    plan = replace(plan, lasso=replace(plan.lasso, folds=len(np.unique(folds))))
    names = None if kept is None else kept.features
    model = fit_protocol(plan, training, folds, kept=names, published_cutoff=options.published_cutoff)
    model = replace(model, warnings=(*model.warnings, *_other_rule(plan, kept)))
    n_validation = 0 if validation is None else len(validation)
    card = build_card(model, training, n_validation, identity, table.settings_checked)
    return Fit(plan, model, check_card(card, Path("card.json")), training, validation, folds, names, options)


def _other_rule(plan: Plan, kept: KeptFeatures | None) -> list[str]:
    """A sentence where the agreement study did not ask for what the protocol asks for."""
    if plan.icc is None or kept is None:
        return []
    asked = Rule(plan.icc["threshold"], plan.icc["form"], strict=plan.icc["rule"] == ">")
    if str(asked) == str(kept.rule):
        return []
    return [f"The features were kept by {kept.rule}, where the protocol asks for {asked}."]


def split(plan: Plan, cohort: Cohort, options: Options) -> BoolArray:
    """Training rows (n,) by the plan's ratio, at random; a patient's rows stay together."""
    _, first, row_of = np.unique(np.asarray(cohort.patients, dtype=str), return_index=True, return_inverse=True)
    event = cohort.event[first]
    share = plan.ratio[0] / sum(plan.ratio)
    rng = np.random.default_rng(options.seed)
    training = np.zeros(len(first), dtype=np.bool_)
    groups = [np.flatnonzero(event), np.flatnonzero(~event)] if plan.stratified else [np.arange(len(first))]
    for members in groups:
        training[rng.permutation(members)[: round(share * len(members))]] = True
    return training[row_of]


def check_outcome(plan: Plan, cohort: Cohort) -> None:
    """Raise UsageError when the outcome that the plan models is not in the cohort."""
    if plan.needs_survival and cohort.survival is None:
        raise UsageError(f"The protocol of {plan.study.id} models survival: name the columns with --time and --event.")
    if not plan.needs_survival and cohort.binary is None:
        raise UsageError(
            f"The protocol of {plan.study.id} models a binary outcome ({plan.study.endpoint}): name its column, coded "
            "1 = yes and 0 = no, with --outcome."
        )
    if plan.needs_survival and cohort.binary is not None:
        raise UsageError(f"The protocol of {plan.study.id} models survival; leave --outcome out.")


def _with_options(plan: Plan, options: Options) -> Plan:
    changes: dict[str, Any] = {
        name: value for name, value in (("folds", options.n_folds), ("rule", options.lambda_rule)) if value is not None
    }
    plan = replace(plan, lasso=replace(plan.lasso, **changes))
    if options.horizons is None:
        return plan
    if any(time <= 0 for time in options.horizons):
        raise InputError("Horizons are times greater than 0.")
    return replace(plan, horizons=tuple(sorted(options.horizons)))
