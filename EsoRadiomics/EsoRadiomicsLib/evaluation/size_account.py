"""What the number of patients bears: events for each candidate, and the model that Riley's criteria would allow."""

from __future__ import annotations

from ..core.errors import EsoRadiomicsError
from ..core.formatting import counted
from ..modelling.model_cohort import Cohort
from ..modelling.protocol_plan import Plan
from ..statistics.competing import event_free
from ..statistics.sample_size import SampleSize, development_binary, development_survival, events_per_parameter

_C_INDEX = 0.7
_MOST = 100


def size_sentence(training: Cohort, plan: Plan) -> str:
    """One sentence for the report, and for the user before the resampling starts.

    Candidates are the features that could enter the model, and the clinical variables, a spline or factor counted by
    its coefficients.

    Riley et al., Stat Med 2019 and BMJ 2020;368:m441, assuming a C-index of 0.70.
    """
    n = len(set(training.patients))
    events = int(training.event.sum())
    if training.binary is not None:
        events = min(events, len(training) - events)
    n_features, horizons = plan.n_published_features, plan.horizons
    n_clinical = plan.curved(training).expanded(training.clinical).shape[1] if training.clinical.shape[1] else 0
    candidates = (training.features.shape[1] if n_features is None else n_features) + n_clinical
    what = (
        "events" if training.binary is None else "patients of the rarer outcome" if n == len(training) else "ROIs of it"
    )
    share = events_per_parameter(events, candidates)
    found = f"Sample size: {events} {what} for {candidates} candidate variables, {share:.2g} each"
    try:
        needed = _needed(training, horizons, candidates).n
        # The first criterion, of overfitting, is the one that grows with the number of variables.
        borne = max((k for k in range(1, _MOST) if _needed(training, horizons, k).criteria[0].n <= n), default=0)
    except EsoRadiomicsError:  # nobody, or everybody, has the event by the horizon
        return f"{found}."
    if needed <= n:
        return f"{found}: enough by Riley's criteria for a C-index of {_C_INDEX:.1f}."
    how = "choosing among" if n_features is None else "weighing"
    return (
        f"{found}. By Riley's criteria (C-index {_C_INDEX:.1f} assumed) {n} patients bear "
        f"{counted(borne, 'variable')} named beforehand without overfitting; {how} {candidates} would need about "
        f"{float(f'{needed:.2g}'):,.0f} patients."
    )


def _needed(training: Cohort, horizons: tuple[float, ...], parameters: int) -> SampleSize:
    if training.binary is not None:
        return development_binary(parameters, float(training.binary.mean()), c_index=_C_INDEX)
    assert training.survival is not None
    reached = [time for time in horizons if time < training.survival.time.max()] or [training.survival.time.mean()]
    time = float(reached[len(reached) // 2])
    risk = 1 - float(event_free(training.survival, time)[0])
    return development_survival(parameters, risk, time, float(training.survival.time.mean()), c_index=_C_INDEX)
