"""From features to a Rad-score, a risk group, strata and survival — with every contribution, and nothing guessed.

Rad-score = intercept + Σ coefficient × feature (or z-score). Cox outcome: S(t) = S0(t)^exp(linear predictor), with
S0 at linear predictor 0. A covariate that is not given spans its possible values: results become bounds, never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..core.errors import ScoreError, UsageError
from ..core.formatting import listed
from ..core.translation import tr
from ..extraction.features import Features
from ..extraction.settings import ExtractionSettings
from ..studies.card_parts import UNSURE, Factor, Group, Stratum
from ..studies.reference_cohort import ReferenceCohort
from ..studies.study import Study
from .predicted_outcome import Bounds, SurvivalAt, finite_sum, incidences, linear_predictor, survival_by

OUTSIDE_REFERENCE_Z = 3.0
NO_PATIENT_Z = 1000.0
"""A value so many SD from the mean is no patient's: it, or the mean and SD, are damaged or on another scale."""


@dataclass(frozen=True)
class Contribution:
    """One feature's part of the Rad-score: coefficient × z, or × value where the signature uses raw values (z None).

    ``value`` is as measured, or harmonised where the signature is of harmonised features.
    """

    feature: str
    value: float
    coefficient: float
    z: float | None
    contribution: float
    mean: float | None
    sd: float | None


@dataclass(frozen=True)
class Score:
    """What a study says of one patient.

    Attributes:
        probability: inverse logit of the Rad-score where its link is logistic.
        group: by the card's cut-off of the Rad-score or, where it has none, of the outcome's probability; None where
            it has neither, or the probability is not known well enough.
        strata: the patient's stratum, or all that stay possible while a covariate is missing.
        covariates: as given, by name; ``missing`` names those that were not.
        linear_predictor: of the outcome model, uncentred.
        survival: probability of being free of the event at each horizon, where nothing competes with it.
        incidence: probability of having had the event by each horizon, where something does.
        event_probability: of a logistic outcome model.
        harmonised_from: scanner or centre that the features were harmonised from, or an empty string.
        reference_label: what the z-scores were taken against, or an empty string.
        warnings: sentences about trust; ``not_computed``: what could not be computed, and why.
    """

    study: Study
    rad_score: float
    contributions: tuple[Contribution, ...]
    probability: float | None
    group: Group | None
    strata: tuple[Stratum, ...]
    covariates: Mapping[str, float]
    missing: tuple[str, ...]
    linear_predictor: Bounds | None
    survival: tuple[SurvivalAt, ...]
    incidence: tuple[SurvivalAt, ...]
    event_probability: Bounds | None
    reference_label: str
    harmonised_from: str
    demonstration: bool
    warnings: tuple[str, ...]
    not_computed: tuple[str, ...]


def check_scorable(study: Study, settings: ExtractionSettings, reference: ReferenceCohort | None) -> None:
    """Find out before any image work whether a patient can be scored by a study with what is given.

    Args:
        study: the study.
        settings: those the features are (or were) measured with.
        reference: for z-scored signatures whose card prints no means and SDs.

    Raises:
        ScoreError: features that cannot be measured on a CT; see also :func:`check_parameters`.
    """
    if study.table_only:
        raise ScoreError(
            tr(
                "“{study_title}” cannot be scored from a CT: {table_only}",
                study_title=tr(study.title),
                table_only=tr(study.table_only),
            )
        )
    check_parameters(study, settings, reference)


def check_parameters(study: Study, settings: ExtractionSettings, reference: ReferenceCohort | None) -> None:
    """Check that a study has coefficients and, for z-scores, means and SDs.

    Raises:
        ScoreError: no published coefficients; z-scores without means and SDs; a reference of other settings or without
            the signature's features.
    """
    if study.signature is None:
        raise ScoreError(
            tr("“{study_title}” cannot be scored: {absent}", study_title=tr(study.title), absent=tr(study.absent))
        )
    if study.signature.normalisation == "none":
        return
    if reference is not None:
        reference.require_settings(settings)
    for feature in study.signature.features:
        _parameters(study, feature.name, reference)


def score(
    study: Study,
    features: Features,
    *,
    covariates: Mapping[str, Any] | None = None,
    reference: ReferenceCohort | None = None,
) -> Score:
    """Score one patient.

    Args:
        study: the study.
        features: at least the signature's.
        covariates: by the card's names; values or level labels (``{"N stage": "N1"}``). What is left out gives bounds.
        reference: for z-scored signatures whose card prints no means and SDs.

    Raises:
        ScoreError: see :func:`check_scorable`.
        ExtractionError: a feature of the signature has no value.
        UsageError: a covariate that the study does not know, or a value out of its levels or range.
    """
    check_scorable(study, features.settings, reference)
    given = check_covariates(study, covariates or {})
    signature = study.signature
    assert signature is not None
    features.require(signature.names)
    values = _values(study, features, given)
    z_scored = signature.normalisation == "z-score"
    contributions = tuple(_contributions(study, values, reference if z_scored else None))
    rad_score = finite_sum(study, [signature.intercept, *(item.contribution for item in contributions)])
    group = signature.cutoff.group(rad_score) if signature.cutoff else None
    missing = tuple(name for name in study.covariates if name not in given)
    used = reference if z_scored and any(feature.mean is None for feature in signature.features) else None
    outcome = study.outcome
    predictor = None if outcome is None else linear_predictor(study, outcome, rad_score, group, given)
    survival: tuple[SurvivalAt, ...] = ()
    incidence: tuple[SurvivalAt, ...] = ()
    event_probability = None
    if outcome is not None and predictor is not None:
        if outcome.kind == "logistic":
            event_probability = Bounds(_expit(predictor.low), _expit(predictor.high))
            if group is None and outcome.cutoff is not None:
                possible = {outcome.cutoff.group(end) for end in (event_probability.low, event_probability.high)}
                group = possible.pop() if len(possible) == 1 else None
        elif outcome.competing is not None:
            incidence = incidences(study, outcome, rad_score, group, given)
        else:
            survival = tuple(survival_by(time, baseline, predictor) for time, baseline in outcome.baseline)
    return Score(
        study=study,
        rad_score=rad_score,
        contributions=contributions,
        probability=_expit(rad_score) if signature.link == "logistic" else None,
        group=group,
        strata=_strata(study, group, given),
        covariates=given,
        missing=missing,
        linear_predictor=predictor,
        survival=survival,
        incidence=incidence,
        event_probability=event_probability,
        reference_label=used.label if used else "",
        harmonised_from=_batch(study, given),
        demonstration=bool(used and used.demonstration),
        warnings=tuple(_warnings(study, contributions, used, survival)),
        not_computed=tuple(_not_computed(study, missing, survival or incidence)),
    )


def check_covariates(study: Study, covariates: Mapping[str, Any]) -> dict[str, float]:
    """Covariates as numbers, in the card's order; None counts as not given.

    Raises:
        UsageError: a name that the study does not know, or a value out of its levels or range.
        ScoreError: one is missing without which the features cannot be harmonised.
    """
    unknown = [name for name in covariates if name not in study.covariates]
    if unknown:
        known = listed(study.covariates) or tr("none")
        raise UsageError(
            tr(
                "“{study_title}” knows no covariate “{unknown}”. Its covariates are: {known}.",
                study_title=tr(study.title),
                unknown=unknown[0],
                known=known,
            )
        )
    given = {
        name: covariate.check(covariates[name])
        for name, covariate in study.covariates.items()
        if covariates.get(name) is not None
    }
    model = study.signature.harmonisation if study.signature else None
    if model is None:
        return given
    for name in (model.column, *model.covariates):
        if name not in given:
            raise ScoreError(
                tr(
                    "“{study_title}” scores harmonised features (ComBat), so the patient's {name} is needed",
                    study_title=tr(study.title),
                    name=name,
                )
                + (tr("; it knows {batches}.", batches=", ".join(model.batches)) if name == model.column else ".")
            )
    return given


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _parameters(study: Study, name: str, reference: ReferenceCohort | None) -> tuple[float, float]:
    """Mean and SD of a feature: the card's where printed, else the reference cohort's."""
    assert study.signature is not None
    feature = next(item for item in study.signature.features if item.name == name)
    if feature.mean and feature.sd and feature.mean.value is not None and feature.sd.value is not None:
        return feature.mean.value, feature.sd.value
    if reference is None:
        raise ScoreError(
            tr(
                "“{study_title}” scores z-scored features, but the study does not publish their means and "
                "SDs, so the {signature_name} is not computed. Give a reference cohort: features of "
                "comparable patients measured with the same settings (“esoradiomics reference build”).",
                study_title=tr(study.title),
                signature_name=study.signature.name,
            )
        )
    if name not in reference.features:
        raise ScoreError(
            tr(
                "The reference cohort “{reference_label}” lacks {name}, which “{study_title}” needs. Rebuild "
                "it from a table that has this feature.",
                reference_label=reference.label,
                name=name,
                study_title=tr(study.title),
            )
        )
    found = reference.features[name]
    if not found.sd > 0:
        raise ScoreError(
            tr(
                "{name} is the same in all {found_n} cases of the reference cohort “{reference_label}”, so a "
                "z-score of it has no meaning. Use a cohort of more and different patients.",
                name=name,
                found_n=found.n,
                reference_label=reference.label,
            )
        )
    return found.mean, found.sd


def _batch(study: Study, given: Mapping[str, float]) -> str:
    """The scanner or centre that the patient's features were harmonised from; empty where they are as measured."""
    model = study.signature.harmonisation if study.signature else None
    return study.covariates[model.column].describe(given[model.column]) if model else ""


def _values(study: Study, features: Features, given: Mapping[str, float]) -> dict[str, float]:
    """The signature's features as they enter it: as measured, or harmonised."""
    signature = study.signature
    assert signature is not None
    model, values = signature.harmonisation, {name: features.values[name] for name in signature.names}
    if model is None:
        return values
    covariates = np.array([[given[name] for name in model.covariates]]) if model.covariates else None
    with np.errstate(over="ignore", invalid="ignore"):  # what is no number is refused where it is summed
        row = model.apply(np.array([list(values.values())]), [_batch(study, given)], covariates)[0]
    return dict(zip(values, row.tolist(), strict=True))


def _contributions(
    study: Study, values: Mapping[str, float], reference: ReferenceCohort | None
) -> Iterator[Contribution]:
    signature = study.signature
    assert signature is not None
    for feature in signature.features:
        value, coefficient = values[feature.name], feature.coefficient.value
        if signature.normalisation == "none":
            yield Contribution(feature.name, value, coefficient, None, coefficient * value, None, None)
        else:
            mean, sd = _parameters(study, feature.name, reference)
            z = (value - mean) / sd
            if not abs(z) <= NO_PATIENT_Z:
                raise ScoreError(
                    tr(
                        "{feature} is {value:.4g}, {z:.2g} SD from the mean of {mean:.4g}, as no patient's is: the "
                        "value is damaged, or was measured on another scale than mean and SD. Measure the case again.",
                        feature=feature.name,
                        value=value,
                        z=abs(z),
                        mean=mean,
                    )
                )
            yield Contribution(feature.name, value, coefficient, z, coefficient * z, mean, sd)


def _strata(study: Study, group: Group | None, given: Mapping[str, float]) -> tuple[Stratum, ...]:
    if study.strata is None:
        return ()

    def possible(factor: Factor) -> set[bool]:
        if factor.kind == "risk-group":
            return {group is not None and group.id in factor.adverse}
        if factor.name in given:
            return {given[factor.name] in factor.adverse}
        return {level in factor.adverse for level in study.covariates[factor.name].extremes}

    counts = {sum(choice) for choice in product(*(possible(factor) for factor in study.strata.factors))}
    return tuple(stratum for stratum in study.strata.groups if stratum.adverse_factors in counts)


def _warnings(
    study: Study,
    contributions: tuple[Contribution, ...],
    reference: ReferenceCohort | None,
    survival: tuple[SurvivalAt, ...],
) -> Iterator[str]:
    if reference is not None and reference.demonstration:
        yield (
            tr(
                "The reference cohort “{reference_label}” was generated to demonstrate the software: this "
                "Rad-score and everything that follows from it mean nothing clinically.",
                reference_label=reference.label,
            )
        )
    for item in contributions:
        if item.z is not None and abs(item.z) > OUTSIDE_REFERENCE_Z:
            yield (
                tr(
                    "{feature} lies {z:.1f} SD {side} the reference mean: this patient is unlike the reference "
                    "cohort there.",
                    feature=item.feature,
                    z=abs(item.z),
                    side=tr("above") if item.z > 0 else tr("below"),
                )
            )
    if any(item.evidence in UNSURE for item in survival):
        yield (
            tr(
                "The survival percentages are reconstructed: the study does not print its baseline survival. "
                "The order of patients is solid, the percentages are not."
            )
        )
    if study.signature and study.signature.cutoff and study.signature.cutoff.evidence in UNSURE:
        yield tr("The study's cut-off is {evidence}, not published.", evidence=tr(study.signature.cutoff.evidence))


def _not_computed(study: Study, missing: tuple[str, ...], survival: tuple[SurvivalAt, ...]) -> Iterator[str]:
    if missing:
        yield (
            tr(
                "{missing} not given: what depends on it is shown as the range over its possible values.",
                missing=listed(map(tr, missing)),
            )
        )
    if study.outcome is not None and study.outcome.kind == "survival" and not survival:
        yield (
            tr(
                "Survival percentages: the study publishes hazard ratios but no baseline survival, so none "
                "can be computed."
            )
        )
