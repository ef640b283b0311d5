"""The ``protocol`` block of a study card as a plan: its steps in their order, each known to have what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..core.errors import UsageError
from ..studies.study import Study
from .curved_terms import STRAIGHT, CurvedTerms
from .model_cohort import Cohort
from .steps import protocol_step
from .steps.cox_step import CoxStep
from .steps.harmonise_step import with_harmonisation
from .steps.impute_step import with_imputation
from .steps.protocol_step import ProtocolStep
from .steps.published_features_step import PublishedFeaturesStep, with_published_features

_DEFAULT_HORIZONS = (12.0, 24.0, 36.0)
_WORDS = {"signature": "a signature", "cutoff": "a cut-off of the Rad-score"}
S = TypeVar("S", bound=ProtocolStep)


@dataclass(frozen=True)
class Plan:
    """A study's protocol, ready to be run on other patients; ``horizons`` are times of survival probabilities."""

    study: Study
    steps: tuple[ProtocolStep, ...]
    horizons: tuple[float, ...]

    @property
    def selection(self) -> tuple[ProtocolStep, ...]:
        """The steps up to the one that builds the signature."""
        first = next(k for k, step in enumerate(self.steps) if "signature" in step.leaves)
        return self.steps[: first + 1]

    @property
    def needs_survival(self) -> bool:
        """Whether the signature itself rests on follow-up times."""
        return self.selection[-1].outcome == "survival"

    @property
    def uses_survival(self) -> bool:
        """Whether any step makes something of follow-up times."""
        return self.needs_survival or self.find(CoxStep) is not None

    def find(self, kind: type[S]) -> S | None:
        """The first step of a kind."""
        return next((step for step in self.steps if isinstance(step, kind)), None)

    @property
    def n_published_features(self) -> int | None:
        """Number of the features, where the study gives them; None where they are chosen from all."""
        step = self.find(PublishedFeaturesStep)
        return None if step is None else len(step.spec["features"])

    def curved(self, training: Cohort) -> CurvedTerms:
        """The clinical variables that enter the outcome model as splines or factors; of simple models, too."""
        step = self.find(CoxStep)
        return STRAIGHT if step is None else step.curved(training)

    def edited(self, name: str, **changes: Any) -> Plan:
        """The plan with other settings of its steps called ``name``.

        Raises:
            UsageError: it has no such step.
        """
        if not changes:
            return self
        if all(step.name != name for step in self.steps):
            raise UsageError(f"The protocol of {self.study.id} has no step “{name}” whose {', '.join(changes)} to set.")
        return replace(
            self,
            steps=tuple(
                replace(step, spec={**step.spec, **changes}) if step.name == name else step for step in self.steps
            ),
        )


def read_plan(
    study: Study,
    alternative: str | None = None,
    *,
    published_features: bool = False,
    batch: str | None = None,
    batch_covariates: tuple[str, ...] = (),
    impute: bool = False,
) -> Plan:
    """The plan of a card's protocol; ``alternative`` names a step to be done in the place of the one it stands for.

    With ``published_features`` the study's own features take the place of all steps that choose some; with a column
    ``batch`` the features are harmonised over it, and the ``batch_covariates`` kept; ``impute`` fills clinical gaps.

    Raises:
        UsageError: no such alternative; a step that cannot be repeated here, that lets validation patients in (a
            leak), or that needs what no step before it leaves; no step that builds a signature.
    """
    specs = _chosen(study, alternative)
    if published_features:
        specs = with_published_features(study, specs)
    if batch is not None:
        specs = with_harmonisation(specs, batch, batch_covariates)
    if impute:
        specs = with_imputation(specs)
    steps = tuple(protocol_step(spec) for spec in specs)
    there = {"features"}
    for step in steps:
        step.check(study)
        if missing := [part for part in step.needs if part not in there]:
            raise UsageError(
                f"The step “{step.name}” in the protocol of {study.id} needs {_WORDS.get(missing[0], missing[0])}, "
                "which no step before it leaves. Correct the order of the steps in the card."
            )
        there |= {*step.leaves}
    if "signature" not in there:
        raise UsageError(f"The protocol of {study.id} has no step that builds a signature, such as a LASSO.")
    of = {spec["step"]: spec for spec in reversed(specs)}
    horizons = of.get("nomogram", {}).get("horizons") or of.get("evaluation", {}).get("horizons") or _DEFAULT_HORIZONS
    return Plan(study, steps, tuple(float(time) for time in horizons))


def alternatives(study: Study) -> dict[str, str]:
    """Steps of a card's protocol that may be done in the place of another: which → of which."""
    return {spec["step"]: spec["instead_of"] for spec in study.card["protocol"]["steps"] if "instead_of" in spec}


def _chosen(study: Study, alternative: str | None) -> list[Mapping[str, Any]]:
    """The steps of the card, with an alternative in the place of another step or without any."""
    specs, others = study.card["protocol"]["steps"], alternatives(study)
    if alternative is not None and alternative not in others:
        known = " and ".join(f"“{step}” instead of “{other}”" for step, other in others.items()) or "no alternative"
        raise UsageError(f"The protocol of {study.id} has no alternative step “{alternative}”; it has {known}.")
    left_out = {step for step in others if step != alternative} | {others[alternative]} if alternative else {*others}
    return [spec for spec in specs if spec["step"] not in left_out]
