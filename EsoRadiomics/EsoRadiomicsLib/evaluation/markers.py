"""The models that are compared in the same patients: the card's own, and the simple ones that it has to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy.special import expit

from ..core.errors import InputError
from ..extraction.engines import volumes
from ..modelling.completed import cox, logistic
from ..modelling.curved_terms import CurvedTerms
from ..modelling.fitted_model import RAD_SCORE, FittedModel
from ..modelling.model_cohort import Cohort
from ..modelling.predictions import Prediction
from ..statistics.competing import causes, log_hazard
from ..statistics.cox import CoxModel
from ..statistics.fine_gray import FineGrayModel, fit_fine_gray
from ..statistics.inputs import FloatArray
from ..statistics.logistic import LogisticModel
from ..studies.study import Study

CLINICAL, VOLUME, BOTH = "clinical only", "volume only", "clinical + volume"
VOLUMES = (*volumes(), "VoxelVolume.original", "MeshVolume.original")


@dataclass(frozen=True)
class Marker:
    """One model's predictions for n patients.

    Attributes:
        kind: ``survival`` or ``logistic``, the outcome it is held against.
        risk: (n,) higher means the event is earlier, or the outcome coded 1 more likely; log odds of a logistic model.
            Where events compete ln(−ln(1 − incidence)) at the last horizon, of a model that predicts one.
        survival: horizon → predicted survival (n,), where the model gives one; 1 − incidence where events compete.
        probability: of the outcome coded 1 (n,), where the model gives one.
        over_time: survival (n, T) at any T times up to the last horizon, where the model knows it in between, too.
    """

    name: str
    kind: str
    risk: FloatArray
    survival: Mapping[float, FloatArray] = field(default_factory=dict)
    probability: FloatArray | None = None
    over_time: Callable[[FloatArray], FloatArray] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Rival:
    """A simple model fitted to the training patients, for comparison; of ``curved`` variables as the card's own."""

    name: str
    fit: CoxModel | FineGrayModel | LogisticModel
    columns: tuple[str, ...]
    curved: CurvedTerms

    def marker(self, cohort: Cohort, horizons: tuple[float, ...]) -> Marker:
        """Its predictions for any patients."""
        table = self.curved.expanded(cohort.known[list(self.columns)])
        risk = self.fit.linear_predictor(table)
        if isinstance(self.fit, LogisticModel):
            return Marker(self.name, "logistic", risk, probability=expit(risk))
        survival = self.fit.survival(risk, horizons)
        known = {time: survival[:, k] for k, time in enumerate(horizons) if not np.isnan(survival[:, k]).any()}
        return Marker(self.name, "survival", risk, known, over_time=partial(self.fit.survival, risk))


def volume_column(cohort: Cohort) -> str | None:
    """The name of the GTV's volume, if the table has it: as a feature, or as the volume as drawn."""
    drawn = None if cohort.volume is None else str(cohort.volume.name)
    return next((name for name in VOLUMES if name in cohort.features.columns), drawn)


def candidate_columns(training: Cohort) -> dict[str, tuple[str, ...]]:
    """The columns of the clinical-only, the volume-only and the combined model; those that are not there are left out.

    The first two are always named: without columns where the table has none.
    """
    volume = volume_column(training)
    found: dict[str, tuple[str, ...]] = {
        CLINICAL: tuple(training.clinical.columns),
        VOLUME: (volume,) if volume else (),
    }
    return found | ({BOTH: found[CLINICAL] + found[VOLUME]} if all(found.values()) else {})


def rivals(training: Cohort, kind: str, curved: CurvedTerms) -> tuple[tuple[Rival, ...], tuple[str, ...]]:
    """The models of clinical variables, volume, and both, of a ``kind`` of outcome; and why one of them is missing."""
    found, missing = [], []
    for name, columns in candidate_columns(training).items():
        if not columns:
            what = "clinical variables were named" if name == CLINICAL else "volume is in the table"
            missing.append(f"The {name} model was not fitted: no {what}.")
            continue
        table = training.known[list(columns)]
        try:
            if kind == "survival":
                assert training.survival is not None
                # A simple model says the risk itself, without a model of what competes with it.
                fit: CoxModel | FineGrayModel = (
                    cox(table, training, curved)
                    if training.survival.competed is None
                    else fit_fine_gray(curved.expanded(table), causes(training.survival), training.clusters)
                )
                found.append(Rival(name, fit, columns, curved))
            else:
                found.append(Rival(name, logistic(table, training, curved), columns, curved))
        except InputError as error:
            missing.append(f"The {name} model was not fitted: {error}")
    return tuple(found), tuple(missing)


def fitted_markers(model: FittedModel, cohort: Cohort) -> tuple[Marker, ...]:
    """What a fitted model gives: its outcome model, and its Rad-score as selected; named as in :func:`card_markers`."""
    final, found = model.final, []
    alone = final is not None and [term.kind for term in final.terms] == ["rad-score"]
    name = model.study.signature.name if model.study.signature else RAD_SCORE
    if final is not None:
        own = name if alone else "nomogram" if len(final.terms) > 1 else "risk group"
        risk = model.predictor(cohort)
        if final.baseline is None:
            found.append(Marker(own, "logistic", risk, probability=expit(risk)))
        else:
            free = model.event_free(cohort)
            found.append(Marker(own, "survival", _ranked(risk, free, bool(final.model)), free))
    if not alone or cohort.binary is not None:
        score = model.rad_signature.rad_score(cohort)
        if cohort.binary is None:
            found.append(Marker(name, "survival", score))
        else:
            probability = expit(score) if model.rad_signature.link == "logistic" else None
            found.append(Marker(name, "logistic", score, probability=probability))
    return tuple(found)


def card_markers(study: Study, prediction: Prediction, cohort: Cohort) -> tuple[Marker, ...]:
    """What the card itself gives: its outcome model, and its Rad-score alone where that ranks patients otherwise."""
    signature, outcome = study.signature, study.outcome
    assert signature is not None
    found = []
    of_score = outcome is not None and [term.kind for term in outcome.terms] == ["rad-score"]
    if outcome is not None and (outcome.kind == "logistic" or cohort.survival is not None):
        name = signature.name if of_score else "nomogram" if len(outcome.terms) > 1 else "risk group"
        predicted = prediction.probability if outcome.kind == "logistic" else None
        risk = _ranked(prediction.linear_predictor, prediction.survival, outcome.competing is not None)
        curve = None if outcome.curve is None else partial(outcome.curve.survival, prediction.linear_predictor)
        found.append(Marker(name, outcome.kind, risk, prediction.survival, predicted, curve))
    if signature.link == "logistic":
        if cohort.binary is not None:
            probability = expit(prediction.rad_score)
            found.append(Marker(signature.name, "logistic", prediction.rad_score, probability=probability))
    elif outcome is None or (outcome.kind == "survival" and not of_score):
        found.append(Marker(signature.name, "survival", prediction.rad_score))
    return tuple(found)


def _ranked(predictor: FloatArray, free: Mapping[float, FloatArray], competing: bool) -> FloatArray:
    """What patients are ranked by: the linear predictor (n,), or the risk itself where events compete."""
    return log_hazard(free[max(free)]) if competing and free else predictor


def volume_marker(study: Study, cohort: Cohort) -> tuple[Marker, ...]:
    """The volume as it is, for a card without a volume model of its own; nothing where the table has none."""
    volume = volume_column(cohort)
    if volume is None:
        return ()
    kind = "survival" if cohort.survival is not None and study.card["task"] == "survival" else "logistic"
    sizes = cohort.known[volume].to_numpy(dtype=np.float64)
    cutoff = study.signature.cutoff if study.signature else None
    # A larger tumour has the worse outlook, so it speaks against an outcome that is good.
    good = kind == "logistic" and cutoff is not None and cutoff.above.outlook == "better"
    return (Marker(VOLUME, kind, -sizes if good else sizes),)
