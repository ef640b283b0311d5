"""A card on other patients: how good it is there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..core.errors import InputError, UsageError
from ..modelling.model_cohort import Cohort, study_unit
from ..modelling.predictions import Prediction, predict
from ..modelling.scale_checks import scale_warnings
from ..statistics.inputs import Survival
from ..studies.reference_cohort import ReferenceCohort
from ..studies.study import Study
from .beyond_training import Beyond, beyond_training
from .card_rivals import rival_markers
from .evaluate_binary import evaluate_binary
from .evaluate_survival import evaluate_survival
from .markers import VOLUME, card_markers, volume_marker
from .measures import Evaluation

_DEFAULT_HORIZONS = (12.0, 24.0, 36.0)


@dataclass(frozen=True)
class Validation:
    """A card, a cohort, what the card predicts there and how good that is (survival and/or binary outcome).

    ``beyond`` are the patients outside what the card was built on, ``missing`` sentences on rivals that cannot be
    applied.
    """

    study: Study
    cohort: Cohort
    prediction: Prediction
    evaluations: tuple[Evaluation, ...]
    reference: ReferenceCohort | None
    beyond: Beyond | None
    missing: tuple[str, ...]


def validate(study: Study, cohort: Cohort, label: str, reference: ReferenceCohort | None = None) -> Validation:
    """Evaluate a card on a cohort it was not built from.

    Raises:
        ScoreError: the card cannot be scored (no coefficients, no means and SDs).
        InputError, UsageError: the cohort lacks a feature, a covariate or the outcome.
    """
    _check_competing(study, cohort)
    cohort = replace(cohort, warnings=(*cohort.warnings, *scale_warnings(study, cohort, reference)))
    prediction = predict(study, cohort.features, cohort.clinical, reference)
    own = card_markers(study, prediction, cohort)
    kinds = {marker.kind for marker in own}
    simple, missing = rival_markers(study, cohort)
    if not any(marker.name == VOLUME for marker in simple):
        simple += volume_marker(study, cohort)
    markers = own + tuple(marker for marker in simple if marker.kind in kinds)
    evaluations = []
    logistic = [marker for marker in markers if marker.kind == "logistic"]
    if cohort.binary is not None and logistic:
        above = prediction.above if study.outcome is None or study.outcome.kind == "survival" else None
        evaluations.append(evaluate_binary(label, cohort.binary, logistic, above, clusters=cohort.clusters))
    survival = [marker for marker in markers if marker.kind == "survival"]
    if cohort.survival is not None and survival:
        name = f"{label}, follow-up" if evaluations else label
        horizons = horizons_of(study, cohort.survival)
        evaluations.append(
            evaluate_survival(
                name,
                cohort.survival,
                survival,
                horizons,
                prediction.above,
                clusters=cohort.clusters,
                competes=cohort.competes,
            )
        )
    if not evaluations:
        needed = "--outcome (coded 0/1)" if study.card["task"] == "classification" else "--time and --event"
        raise UsageError(f"{study.id} predicts {study.endpoint}: name the outcome's column with {needed}.")
    beyond = beyond_training(study, cohort, prediction)
    return Validation(study, cohort, prediction, tuple(evaluations), reference, beyond, missing)


def _check_competing(study: Study, cohort: Cohort) -> None:
    """Raise UsageError where card and cohort differ in whether something competes with the event."""
    competing = study.outcome.competing if study.outcome else None
    if cohort.survival is None or (competing is None) == (cohort.survival.competed is None):
        return
    if competing is None:
        raise UsageError(
            f"{study.id} predicts {study.endpoint} without a competing event, so its predictions cannot be held "
            f"against an incidence beside {cohort.competes}. Leave --competing out, and code the event as the endpoint "
            "has it."
        )
    raise UsageError(
        f"{study.id} predicts the incidence of {study.endpoint} where {competing.event} can come first: say with "
        f"--competing who had that, as a column or as code 2 of the event. Taken as censored they would make every "
        "observed risk too high."
    )


def horizons_of(study: Study, outcome: Survival) -> tuple[float, ...]:
    """The card's horizons, else 12, 24 and 36 months; those within the follow-up."""
    own = study.outcome.baseline if study.outcome else ()
    times = tuple(float(time) for time, _ in own) or _DEFAULT_HORIZONS
    reached = tuple(time for time in times if time < outcome.time.max())
    if not reached:
        raise InputError(
            f"The longest follow-up is {outcome.time.max():g} {study_unit(study)}, before the first horizon "
            f"({times[0]:g}). Check the unit of the times (--time-unit)."
        )
    return reached
