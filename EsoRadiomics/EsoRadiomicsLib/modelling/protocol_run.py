"""One run of a protocol: Rad-score, cut-off, clinical screening, final model. It sees the training patients only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..core.errors import InputError, UsageError
from ..statistics.cox import Baseline, CoxModel, fit_cox
from ..statistics.cutoff import MaxLogRank, max_logrank
from ..statistics.estimate import z_value
from ..statistics.inputs import BoolArray, FloatArray, IntArray
from ..statistics.lasso import DEFAULT_GRID, LambdaGrid
from ..statistics.logistic import LogisticModel, fit_logistic
from ..statistics.proportional_hazards import proportional_hazards
from ..statistics.roc import RocCurve, roc_curve
from .model_cohort import Cohort
from .protocol_plan import RAD_SCORE, RISK_GROUP, Plan
from .signature import FittedSignature, fit_signature

_DRIFTING = 0.05


@dataclass(frozen=True)
class FittedCutoff:
    """``value`` lies midway between two observed scores, so that nobody of the training patients is on it.

    ``scan`` or ``roc`` is what it was chosen from; both None for a published or median cut-off.
    """

    value: float
    rule: str
    method: str
    scan: MaxLogRank | None = None
    roc: RocCurve | None = None

    def above(self, scores: FloatArray) -> BoolArray:
        """Who is in the group above (n,)."""
        return scores >= self.value if self.rule == ">=" else scores > self.value


@dataclass(frozen=True)
class FittedTerm:
    """A term of the final model: ``kind`` and ``name`` as in a card, coefficient with 95 % limits, p."""

    kind: str
    name: str
    coefficient: float
    ci95: tuple[float, float]
    p: float


@dataclass(frozen=True)
class FinalModel:
    """The outcome model that goes into the card; ``baseline`` of a survival model."""

    kind: str
    terms: tuple[FittedTerm, ...]
    intercept: float
    baseline: Baseline | None


@dataclass(frozen=True)
class FittedModel:
    """Everything a run of the protocol found.

    ``signature`` is the card's Rad-score, ``rad_signature`` that of the LASSO: they differ where a logistic model gives
    the features new coefficients. ``univariable`` and ``multivariable`` are the tables of the papers; ``logistic`` the
    named logistic models, on z-scored features. ``warnings`` are sentences.
    """

    plan: Plan
    signature: FittedSignature
    rad_signature: FittedSignature
    cutoff: FittedCutoff | None
    univariable: tuple[CoxModel, ...]
    multivariable: CoxModel | None
    logistic: dict[str, LogisticModel]
    final: FinalModel | None
    warnings: tuple[str, ...]


def fit_protocol(
    plan: Plan,
    training: Cohort,
    folds: IntArray,
    *,
    kept: Collection[str] | None = None,
    published_cutoff: bool = False,
    lambdas: LambdaGrid | FloatArray = DEFAULT_GRID,
) -> FittedModel:
    """Run ``plan`` on the ``training`` patients, cross-validated over ``folds`` (n,).

    Args:
        kept: features that passed an agreement study; None skips that filter (with a warning, if the study has one).
        published_cutoff: take the study's own cut-off of the Rad-score.

    Raises:
        InputError, UsageError: see the modelling rooms; no feature selected, too few events, separation …
    """
    model = build_model(plan, training, fit_signature(plan, training, folds, kept, lambdas), published_cutoff)
    return replace(model, warnings=(*_filter_warnings(plan, kept), *model.warnings))


def build_model(
    plan: Plan, training: Cohort, signature: FittedSignature, published_cutoff: bool = False
) -> FittedModel:
    """What the plan makes of a signature: logistic models, cut-off, Cox model."""
    model = FittedModel(plan, signature, signature, None, (), None, {}, None, ())
    if plan.logistic:
        model = _with_logistic(model, training)
    scores = model.signature.rad_score(training.features)
    model = replace(model, cutoff=_cutoff(plan, training, scores, published_cutoff))
    if plan.radiomic_term and training.survival is not None:
        return _with_cox(model, training)
    if plan.radiomic_term:
        sentence = "The protocol's Cox model was left out: it needs the columns --time and --event."
        return replace(model, warnings=(*model.warnings, sentence))
    return model


def final_predictor(model: FittedModel, cohort: Cohort) -> FloatArray:
    """Linear predictor (n,) of the final model for any patients."""
    assert model.final is not None
    table = pd.concat([cohort.clinical, _radiomic(model, cohort)], axis=1)
    terms = model.final.terms
    beta = np.array([term.coefficient for term in terms])
    return model.final.intercept + table[[term.name for term in terms]].to_numpy(dtype=np.float64) @ beta


def _filter_warnings(plan: Plan, kept: Collection[str] | None) -> list[str]:
    if plan.icc is None or kept is not None:
        return []
    sign = "≥" if plan.icc["rule"] == ">=" else ">"
    return [
        f"The protocol's agreement filter (ICC {sign} {plan.icc['threshold']:g}) was left out: no list of "
        "reproducible features was given (kept.json of an agreement study)."
    ]


def _cutoff(plan: Plan, training: Cohort, scores: FloatArray, published: bool) -> FittedCutoff | None:
    step = plan.cutoff
    if published:
        signature = plan.study.signature
        if signature is None or signature.cutoff is None:
            raise UsageError(f"{plan.study.id} publishes no cut-off of a Rad-score.")
        return FittedCutoff(signature.cutoff.value, signature.cutoff.rule, "published")
    if step is None:
        return None
    if step.method == "median":
        return FittedCutoff(float(np.median(scores)), step.rule, step.method)
    if step.method == "youden":
        curve = roc_curve(_within(training, step.horizon), scores)
        return FittedCutoff(float(curve.thresholds[curve.youden]), step.rule, step.method, roc=curve)
    if training.survival is None:
        raise UsageError("A cut-off by the log-rank statistic needs the columns --time and --event.")
    scan = max_logrank(training.survival, scores)
    return FittedCutoff((scan.cut + float(scores[scores > scan.cut].min())) / 2, step.rule, step.method, scan=scan)


def _within(training: Cohort, horizon: float | None) -> BoolArray:
    """Event within the horizon; ever, if it is None."""
    if horizon is None or training.survival is None:
        return training.event
    return training.survival.event & (training.survival.time <= horizon)


def _with_cox(model: FittedModel, training: Cohort) -> FittedModel:
    """Univariable screening, the multivariable model, and the final model of what stays."""
    plan, outcome = model.plan, training.survival
    assert outcome is not None
    radiomic = _radiomic(model, training)
    univariable = tuple(
        fit_cox(variables[[name]], outcome) for variables in (training.clinical, radiomic) for name in variables.columns
    )
    entering = [fit.names[0] for fit in univariable[:-1] if plan.screening is None or fit.p[0] < plan.screening]
    multivariable = fit_cox(pd.concat([training.clinical[entering], radiomic], axis=1), outcome)
    staying = [
        name
        for name, p in zip(multivariable.names, multivariable.p, strict=True)
        if plan.stays is None or p < plan.stays or name == plan.radiomic_term
    ]
    final = (
        multivariable
        if len(staying) == len(multivariable.names)
        else fit_cox(pd.concat([training.clinical, radiomic], axis=1)[staying], outcome)
    )
    warnings = list(model.warnings)
    if plan.screened_everybody and not training.clinical.empty:
        warnings.append(
            f"{plan.study.id} screened clinical variables in training and validation patients together; here only the "
            "training patients were used, so that the validation stays independent."
        )
    drift = proportional_hazards(final, pd.concat([training.clinical, radiomic], axis=1), outcome)
    if drift.global_p < _DRIFTING:
        warnings.append(
            f"The hazard ratios of the final model change with time (test of proportional hazards, p = "
            f"{drift.global_p:.2g}): read them as averages over the follow-up."
        )
    left_out = [name for name in training.clinical.columns if name not in staying]
    if left_out:
        warnings.append(f"By the protocol's p limits {', '.join(left_out)} did not enter the final model.")
    p = float(final.p[final.names.index(plan.radiomic_term)])
    if plan.stays is not None and p >= plan.stays:
        warnings.append(
            f"The {plan.radiomic_term} is not significant beside the clinical variables (p = {p:.2g}); it stays in the "
            "model, as the model is about it, but adds nothing proven."
        )
    return replace(
        model,
        univariable=univariable,
        multivariable=multivariable,
        final=FinalModel("survival", _terms(final, final.se), 0.0, final.baseline),
        warnings=tuple(warnings),
    )


def _radiomic(model: FittedModel, training: Cohort) -> pd.DataFrame:
    """The Rad-score or its risk group as a column named as in the plan."""
    scores = model.signature.rad_score(training.features)
    if model.plan.radiomic_term == RISK_GROUP:
        if model.cutoff is None:
            raise UsageError("A model of risk groups needs a cut-off step in the protocol.")
        above = model.cutoff.above(scores)
        if above.all() or not above.any():
            raise InputError("All patients are on one side of the cut-off, so there are no risk groups.")
        return pd.DataFrame({RISK_GROUP: above.astype(np.float64)}, index=training.features.index)
    return pd.DataFrame({RAD_SCORE: scores}, index=training.features.index)


def _with_logistic(model: FittedModel, training: Cohort) -> FittedModel:
    """The protocol's logistic models; the richest of them goes into the card.

    A model of features and clinical variables becomes a linear Rad-score of its features with coefficient 1 beside
    the clinical terms.
    """
    assert training.binary is not None
    z = model.signature.inputs(training.features)
    fits: dict[str, LogisticModel] = {}
    warnings = list(model.warnings)
    for step in model.plan.logistic:
        if step.with_clinical and training.clinical.empty:
            warnings.append(f"The protocol's {step.model} model was left out: no clinical variables were given.")
            continue
        parts = [z] * step.with_features + [training.clinical] * step.with_clinical
        fits[step.model] = fit_logistic(pd.concat(parts, axis=1), training.binary)
    names = model.signature.names
    radiomic = [fit for fit in fits.values() if set(names) <= set(fit.names)]
    richest = max(radiomic, key=lambda fit: len(fit.names))
    alone = len(richest.names) == len(names)
    signature = replace(
        model.signature,
        coefficients=richest.coefficients[: len(names)],
        intercept=richest.intercept if alone else 0.0,
        link="logistic" if alone else "linear",
    )
    final = None
    if not alone:
        score = FittedTerm("rad-score", RAD_SCORE, 1.0, (1.0, 1.0), float("nan"))
        final = FinalModel("logistic", (score, *_terms(richest, richest.se[1:])[len(names) :]), richest.intercept, None)
    return replace(model, signature=signature, logistic=fits, final=final, warnings=tuple(warnings))


def _terms(fit: CoxModel | LogisticModel, se: FloatArray) -> tuple[FittedTerm, ...]:
    kinds = {RAD_SCORE: "rad-score", RISK_GROUP: "risk-group"}
    reach = z_value(0.95) * se
    return tuple(
        FittedTerm(
            kinds.get(name, "covariate"), name, float(beta), (float(beta - width), float(beta + width)), float(p)
        )
        for name, beta, width, p in zip(fit.names, fit.coefficients, reach, fit.p, strict=True)
    )
