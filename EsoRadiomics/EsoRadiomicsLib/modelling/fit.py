"""``esoradiomics fit`` as one call: split, run the protocol on the training patients, write the card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ..agreement.kept_features import KeptFeatures, Rule
from ..core.errors import InputError, UsageError
from ..statistics.inputs import BoolArray, check_same_time_unit
from ..studies.study import Study, check_card
from .fitted_card import Identity, build_card
from .fitted_model import Choices, FittedModel
from .model_cohort import IMPUTE, Cohort, Columns, check_apart, read_cohort
from .protocol_plan import Plan, read_plan
from .protocol_run import fit_protocol
from .scale_checks import scale_warnings
from .steps.harmonise_step import HarmoniseStep
from .steps.icc_step import IccStep
from .steps.impute_step import ImputeStep
from .steps.split_step import SplitStep


@dataclass(frozen=True)
class Options:
    """What a user may decide about a fit.

    Attributes:
        seed: of the split and the folds.
        n_folds, lambda_rule, standardise, repeats, solver, horizons: instead of the protocol's; None keeps them.
        published_cutoff: take the study's cut-off.
        published_features: weigh the study's features instead of choosing some.
        validation: whether patients are set aside where the table has no split column.
        splines, factors: clinical variables of the Cox step with their numbers of knots, and with an effect a level.
        competing_model: of the protocol's Cox step where events compete, ``fine-gray`` or ``cause-specific``.
        alternative: a step of the protocol that stands for another, such as a random forest for a LASSO.
        batch_covariates: clinical variables that a harmonisation keeps.
    """

    seed: int = 1
    n_folds: int | None = None
    lambda_rule: str | None = None
    standardise: str | None = None
    repeats: int | None = None
    solver: str | None = None
    horizons: tuple[float, ...] | None = None
    published_cutoff: bool = False
    published_features: bool = False
    validation: bool = True
    alternative: str | None = None
    batch_covariates: tuple[str, ...] = ()
    competing_model: str | None = None
    splines: Mapping[str, int] = field(default_factory=dict)
    factors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises UsageError for a seed, folds or repeats that cannot be."""
        for value, least, what in (
            (self.seed, 0, "seed"),
            (self.n_folds, 3, "number of folds"),
            (self.repeats, 1, "number of repeats"),
        ):
            if value is not None and value < least:
                raise UsageError(f"The {what} is {value}; give {least} or more.")


@dataclass(frozen=True)
class Fit:
    """A fitted model with its card as a study, and the two sides of the cohort; ``validation`` may be None.

    ``everybody`` are both sides, in the table's order; ``drawn``: whether the split was drawn at random here.
    """

    plan: Plan
    model: FittedModel
    study: Study
    training: Cohort
    validation: Cohort | None
    options: Options
    everybody: Cohort
    drawn: bool


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
            :func:`protocol_plan.read_plan` and :func:`protocol_run.fit_protocol`.
    """
    options = options or Options()
    plan, columns = _plan(study, columns, options)
    if options.competing_model is not None and columns.competing is None:
        raise UsageError("--competing-model needs what competes with the event: --competing.")
    if columns.competing is not None and not identity.endpoint:
        raise UsageError(
            f"With --competing the outcome is no longer {study.endpoint}, in which {columns.competing} has a place of "
            "its own: name what is predicted with --endpoint, such as “local failure”."
        )
    table = read_cohort(path, columns, study)
    check_outcome(plan, table.cohort)
    cohort = replace(table.cohort, warnings=(*table.cohort.warnings, *scale_warnings(study, table.cohort)))
    table = replace(table, cohort=cohort)
    training_rows, drawn = table.training, table.training is None and options.validation
    if training_rows is None:
        everybody = np.ones(len(table.cohort), dtype=np.bool_)
        training_rows = split(plan, table.cohort, options.seed) if drawn else everybody
    training = table.cohort.rows(training_rows)
    validation = None if training_rows.all() else table.cohort.rows(~training_rows)
    if validation is not None:
        check_apart(table.cohort, training_rows)
        if training.survival is not None and validation.survival is not None:
            check_same_time_unit(training.survival, validation.survival)
    folds = None if table.folds is None else table.folds[training_rows]
    if folds is not None:
        plan = plan.edited("lasso", folds=len(np.unique(folds)))
    n_validation = 0 if validation is None else len(validation)
    names = None if kept is None else kept.features
    choices = Choices(options.seed, folds, names, options.published_cutoff, n_validation=n_validation)
    model = fit_protocol(plan, training, choices)
    unlike = [] if kept is None else _unlike_protocol(kept, plan, study)
    model = replace(model, warnings=(*model.warnings, *unlike, *_not_predicted(validation)))
    goes_on = study.card["task"] != "survival" and model.final is not None and model.final.kind == "survival"
    if goes_on and not identity.endpoint and columns.event is not None:
        identity = replace(identity, endpoint=f"survival without {columns.event}")
    card = build_card(model, training, validation, identity, table.settings_checked)
    return Fit(plan, model, check_card(card, Path("card.json")), training, validation, options, table.cohort, drawn)


def _unlike_protocol(kept: KeptFeatures, plan: Plan, study: Study) -> list[str]:
    """Sentences where the agreement study asked for, or measured, something else than the protocol does."""
    said = []
    step = plan.find(IccStep)
    asked = Rule(step.spec["threshold"], step.spec["form"], strict=step.spec["rule"] == ">") if step else kept.rule
    if str(asked) != str(kept.rule):
        said.append(f"The features were kept by {kept.rule}, where the protocol asks for {asked}.")
    measured = kept.settings.get("settings", study.settings.fingerprint)
    if measured != study.settings.fingerprint:
        said.append(
            f"The agreement study measured with other settings ({measured}) than {study.id} asks for "
            f"({study.settings.fingerprint}): what is reproducible with these need not be so with those."
        )
    return said


def _not_predicted(validation: Cohort | None) -> list[str]:
    """A sentence where patients that were set aside have gaps: they teach no imputation, and a card guesses nothing."""
    if validation is None or not validation.gaps:
        return []
    n = len(validation) - len(validation.complete)
    if n == len(validation):
        raise InputError(
            f"Each patient that was set aside lacks one of {', '.join(validation.gaps)}, so none can be predicted. "
            "Leave a variable out, or take --missing complete."
        )
    return [
        f"{n} of the {len(validation)} patients set aside lack {', '.join(validation.gaps)} and are not evaluated: a "
        "card predicts nobody with a gap."
    ]


def split(plan: Plan, cohort: Cohort, seed: int) -> BoolArray:
    """Training rows (n,) by the protocol's split, 7 : 3 where it has none."""
    step = plan.find(SplitStep) or SplitStep({"step": "split", "ratio": (7.0, 3.0), "stratified": True})
    return step.training_rows(cohort, seed)


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


def _plan(study: Study, columns: Columns, options: Options) -> tuple[Plan, Columns]:
    """The study's plan with the user's options, and the columns that it needs."""
    if options.batch_covariates and columns.batch is None:
        raise UsageError("--batch-covariates are kept by a harmonisation: name the column of the scanner with --batch.")
    if columns.batch is not None and columns.batch in columns.clinical:
        raise UsageError(f"“{columns.batch}” is what features are harmonised over: leave it out of --clinical.")
    plan = read_plan(
        study,
        options.alternative,
        published_features=options.published_features,
        batch=columns.batch,
        batch_covariates=options.batch_covariates,
        impute=columns.missing == IMPUTE,
    )
    step = plan.find(HarmoniseStep)
    if step is not None:
        columns = replace(columns, batch=str(step.spec["batch"]))
    if plan.find(ImputeStep) is not None:
        columns = replace(columns, missing=IMPUTE)
    return _with_options(plan, options), columns


def _with_options(plan: Plan, options: Options) -> Plan:
    changes = {
        "folds": options.n_folds,
        "lambda_rule": options.lambda_rule,
        "standardise": options.standardise,
        "repeats": options.repeats,
        "solver": options.solver,
    }
    cox = {"competing": options.competing_model, "splines": dict(options.splines), "factors": list(options.factors)}
    plan = plan.edited("cox", **{name: value for name, value in cox.items() if value})
    plan = plan.edited("lasso", **{name: value for name, value in changes.items() if value is not None})
    if options.horizons is None:
        return plan
    if any(time <= 0 for time in options.horizons):
        raise InputError("Horizons are times greater than 0.")
    return replace(plan, horizons=tuple(sorted(options.horizons)))
