"""The ``protocol`` block of a study card as a plan: what is done with a cohort, in which order, by which rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import UsageError
from ..studies.study import Study

RAD_SCORE, RISK_GROUP, FEATURES = "Rad-score", "risk-group", "features"
_NOT_OURS = {
    "deep-features": "its features come from a network that is not published",
    "random-forest": "its features are chosen by a random forest",
}
_DEFAULT_HORIZONS = (12.0, 24.0, 36.0)


@dataclass(frozen=True)
class Lasso:
    """``family`` cox, binomial or gaussian; cross-validated ``measure``; the ``rule`` that chooses λ, min or 1se."""

    family: str
    folds: int
    measure: str
    rule: str


@dataclass(frozen=True)
class Cutoff:
    """How a cut-off is found; ``rule`` is what puts a score above it, ``horizon`` Youden's time (None: event ever)."""

    method: str
    rule: str
    horizon: float | None


@dataclass(frozen=True)
class LogisticStep:
    """A logistic model by name; ``variables`` may hold “features” and stands for all clinical ones by the others."""

    model: str
    with_features: bool
    with_clinical: bool


@dataclass(frozen=True)
class Plan:
    """A study's protocol, ready to be run on other patients.

    Attributes:
        ratio, stratified: of the split into training and validation.
        icc: the agreement filter's step, None where the study has none.
        univariate: (test, threshold, rule) of a filter between the two outcomes.
        z_score: whether features are z-scored; without it the LASSO standardises inside, as glmnet does.
        screening: p below which a clinical variable enters the multivariable model; None: all do.
        radiomic_term: what the Cox model takes of the Rad-score (the score or its risk group), "" for no Cox model.
        stays: p below which a variable stays in the final Cox model; None: all do.
        logistic: the logistic models, in order.
        horizons: times of survival probabilities, in the study's unit.
        strata: whether risk strata are built.
        screened_everybody: whether the study screened its clinical variables in training and validation patients
            together; here only the training patients are used.
    """

    study: Study
    ratio: tuple[float, float]
    stratified: bool
    icc: Mapping[str, Any] | None
    univariate: tuple[str, float, str] | None
    z_score: bool
    lasso: Lasso
    cutoff: Cutoff | None
    screening: float | None
    radiomic_term: str
    stays: float | None
    logistic: tuple[LogisticStep, ...]
    horizons: tuple[float, ...]
    strata: bool
    screened_everybody: bool

    @property
    def needs_survival(self) -> bool:
        """Whether the signature itself rests on follow-up times."""
        return self.lasso.family in ("cox", "gaussian")


def read_plan(study: Study) -> Plan:
    """The plan of a card's protocol.

    Raises:
        UsageError: a step that cannot be repeated here, no LASSO, or z-scores over all patients (a leak).
    """
    steps = study.card["protocol"]["steps"]
    of = {step["step"]: step for step in reversed(steps)}
    for name, reason in _NOT_OURS.items():
        if name in of:
            raise UsageError(
                f"The protocol of {study.id} cannot be repeated here: {reason}. Choose another study's protocol."
            )
    if "lasso" not in of:
        raise UsageError(f"The protocol of {study.id} has no LASSO step, so there is no signature to build.")
    if of.get("z-score", {}).get("rows", "training") != "training":
        raise UsageError(
            f"The protocol of {study.id} takes the means and SDs of its z-scores from all patients. That lets the "
            "validation patients into the model; change the step's “rows” to “training”."
        )
    lasso, cutoff, cox = of["lasso"], of.get("cutoff"), of.get("cox")
    horizons = of.get("nomogram", {}).get("horizons") or of.get("evaluation", {}).get("horizons") or _DEFAULT_HORIZONS
    return Plan(
        study=study,
        ratio=tuple(of["split"]["ratio"]) if "split" in of else (7.0, 3.0),
        stratified=of.get("split", {}).get("stratified", True),
        icc=of.get("icc"),
        univariate=_univariate(of.get("univariate")),
        z_score="z-score" in of,
        lasso=Lasso(lasso["family"], lasso["folds"], lasso["measure"], lasso["lambda_rule"]),
        cutoff=Cutoff(cutoff["method"], cutoff["rule"], cutoff.get("horizon")) if cutoff else None,
        screening=of.get("clinical", {}).get("threshold"),
        radiomic_term=_radiomic_term(cox, of.get("nomogram")),
        stays=cox.get("threshold") if cox else None,
        logistic=tuple(_logistic(step) for step in steps if step["step"] == "logistic"),
        horizons=tuple(float(time) for time in horizons),
        strata="strata" in of,
        screened_everybody="validation" in of.get("clinical", {}).get("cohorts", ()),
    )


def _univariate(step: Mapping[str, Any] | None) -> tuple[str, float, str] | None:
    return None if step is None else (step["test"], step["threshold"], step["rule"])


def _radiomic_term(cox: Mapping[str, Any] | None, nomogram: Mapping[str, Any] | None) -> str:
    if cox is None:
        return ""
    variables = (nomogram or cox)["variables"]
    return RISK_GROUP if RISK_GROUP in variables else RAD_SCORE


def _logistic(step: Mapping[str, Any]) -> LogisticStep:
    variables = step["variables"]
    return LogisticStep(step["model"], FEATURES in variables, any(name != FEATURES for name in variables))
