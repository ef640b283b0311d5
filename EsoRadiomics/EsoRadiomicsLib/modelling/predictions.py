"""A card's predictions for a whole table at once; equal, patient by patient, to :func:`score.score`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from ..core.errors import InputError
from ..scoring.score import check_parameters
from ..statistics.combat import Combat
from ..statistics.inputs import BoolArray, FloatArray, IntArray, select_columns
from ..studies.card_parts import Term
from ..studies.reference_cohort import ReferenceCohort
from ..studies.study import Study


@dataclass(frozen=True)
class Prediction:
    """What a card says of n patients.

    Attributes:
        rad_score: (n,).
        above: in the group above the cut-off (n,); None without a cut-off.
        linear_predictor: of the outcome model (n,), the Rad-score itself where the card has none.
        survival: horizon → survival probability (n,), where events compete the probability of not having had the
            outcome's, 1 − cumulative incidence; empty without a baseline.
        probability: of a logistic outcome or Rad-score (n,); None for others.
        strata: number of adverse factors (n,); None without strata.
    """

    rad_score: FloatArray
    above: BoolArray | None
    linear_predictor: FloatArray
    survival: Mapping[float, FloatArray]
    probability: FloatArray | None
    strata: IntArray | None


def predict(
    study: Study, features: pd.DataFrame, clinical: pd.DataFrame, reference: ReferenceCohort | None = None
) -> Prediction:
    """Apply a card to ``features`` (n, p) and ``clinical`` (n, c), both by column name.

    Raises:
        ScoreError: the card cannot be scored, see :func:`score.check_parameters`.
        InputError: a feature or covariate that the card needs is not there, or has no number for a patient.
    """
    check_parameters(study, study.settings, reference)
    signature = study.signature
    assert signature is not None
    names = signature.names
    x = select_columns(features, names)
    if signature.harmonisation is not None:
        x = _harmonised(study, signature.harmonisation, x, clinical)
    if signature.normalisation == "z-score":
        means, sds = parameters(study, reference)
        x = (x - means) / sds
    rad_score = signature.intercept + x @ np.array([feature.coefficient.value for feature in signature.features])
    above = None
    if signature.cutoff is not None:
        cutoff = signature.cutoff
        above = rad_score >= cutoff.value if cutoff.rule == ">=" else rad_score > cutoff.value
    outcome = study.outcome
    if outcome is None:
        probability = expit(rad_score) if signature.link == "logistic" else None
        return Prediction(rad_score, above, rad_score, {}, probability, _strata(study, above, clinical))
    predictor = outcome.intercept + _sum(study, outcome.terms, rad_score, above, clinical)
    survival = {float(time): s0.value ** np.exp(predictor) for time, s0 in outcome.baseline}
    if (two := outcome.of_two_hazards) is not None:
        other = _sum(study, two.terms, rad_score, above, clinical)
        rows = list(zip(predictor, other, strict=True))
        survival = {time: 1 - np.array([two.incidence(time, *row) for row in rows]) for time in survival}
    probability = expit(predictor) if outcome.kind == "logistic" else None
    return Prediction(rad_score, above, predictor, survival, probability, _strata(study, above, clinical))


def _sum(
    study: Study, terms: Sequence[Term], rad_score: FloatArray, above: BoolArray | None, clinical: pd.DataFrame
) -> FloatArray:
    """Σ coefficient × value (n,) of an outcome model's terms."""
    columns = (column_of(study, term, rad_score, above, clinical) for term in terms)
    return sum(
        (term.coefficient.value * column for term, column in zip(terms, columns, strict=True)),
        np.zeros(len(rad_score)),
    )


def column_of(
    study: Study, term: Term, rad_score: FloatArray, above: BoolArray | None, clinical: pd.DataFrame
) -> FloatArray:
    """What a term's coefficient is multiplied with (n,)."""
    if term.kind == "rad-score":
        return rad_score
    if term.kind == "risk-group":
        assert above is not None
        return above.astype(np.float64)
    return np.array([term.value(float(x)) for x in _covariate(clinical, term.name, study)])


def parameters(study: Study, reference: ReferenceCohort | None) -> tuple[FloatArray, FloatArray]:
    """Means and SDs (k,) of a z-scored signature: the card's, else those of the reference cohort."""
    assert study.signature is not None
    pairs = []
    for feature in study.signature.features:
        if feature.mean is not None and feature.sd is not None:
            pairs.append((feature.mean.value, feature.sd.value))
        else:
            assert reference is not None  # check_parameters has made sure
            pairs.append((reference.features[feature.name].mean, reference.features[feature.name].sd))
    means, sds = np.array(pairs).T
    return means, sds


def _harmonised(study: Study, model: Combat, x: FloatArray, clinical: pd.DataFrame) -> FloatArray:
    """The features (n, k) of rows whose scanner or centre is among the clinical variables, by name or as a number."""
    batch = study.covariates[model.column]
    if model.column not in clinical:
        raise InputError(
            f"{study.id} harmonises its features: give the table a column “{model.column}” that says which of "
            f"{', '.join(model.batches)} a patient is from, and name it with --clinical."
        )
    batches = [batch.describe(batch.check(value)) for value in clinical[model.column]]
    kept = [_covariate(clinical, name, study) for name in model.covariates]
    return model.apply(x, batches, np.column_stack(kept) if kept else None)


def _covariate(clinical: pd.DataFrame, name: str, study: Study) -> FloatArray:
    if name not in clinical:
        raise InputError(
            f"{study.id} needs the clinical variable “{name}”: give the table a column of this name, and name it with "
            "--clinical."
        )
    return clinical[name].to_numpy(dtype=np.float64)


def _strata(study: Study, above: BoolArray | None, clinical: pd.DataFrame) -> IntArray | None:
    """How many factors are adverse in each patient."""
    if study.strata is None or study.signature is None or study.signature.cutoff is None or above is None:
        return None
    count = np.zeros(len(above), dtype=np.int64)
    cutoff = study.signature.cutoff
    for factor in study.strata.factors:
        if factor.kind == "risk-group":
            groups = np.where(above, cutoff.above.id, cutoff.below.id)
            count += np.isin(groups, factor.adverse)
        else:
            count += np.isin(_covariate(clinical, factor.name, study), factor.adverse)
    return count
