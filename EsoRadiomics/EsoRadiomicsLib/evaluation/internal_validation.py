"""The honest numbers of a fit without other patients: the whole protocol repeated in bootstrap samples (.632+).

Every step that looked at the outcome is repeated in each sample, the selection of features included, and the sample's
model is held against the patients it left out; anything less would flatter the model. The simple models that the
Rad-score has to beat go through the same samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..core.errors import InputError
from ..core.progress import Progress
from ..modelling.card_outcome import quantity
from ..modelling.completed import IN_A_RESAMPLE, imputed
from ..modelling.fitted_model import Choices, FittedModel, NothingSelectedError
from ..modelling.model_cohort import Cohort
from ..modelling.protocol_plan import Plan
from ..modelling.protocol_run import fit_protocol
from ..statistics.calibration import calibration_model
from ..statistics.competing import event_free
from ..statistics.discrimination import brier, harrell
from ..statistics.estimate import Estimate, clustered
from ..statistics.inputs import FloatArray
from ..statistics.logistic import fit_logistic
from ..statistics.optimism import no_information_brier, no_information_survival_brier, point632plus
from ..statistics.roc import auc
from .markers import Marker, fitted_markers, rivals
from .resampled_runs import bootstrap_sample, repeated, silent

SLOPE, BRIER = "calibration slope", "Brier"
ELSEWHERE = "expected elsewhere (.632+)"
Key = tuple[str, str, str]
"""Model, kind of its outcome, metric."""


@dataclass(frozen=True)
class Corrected:
    """One measure of one model of a survival or logistic ``kind``: apparent, out of bag, and to expect elsewhere.

    ``value`` is the .632+ estimate; of the calibration slope the median out of bag. ``lower`` and ``upper`` are the
    apparent 95 % limits moved by the optimism (Noma et al., Stat Med 2021), None where there are none. ``time`` is the
    horizon of a Brier score, ``no_information`` what useless predictions give.
    """

    model: str
    kind: str
    metric: str
    time: float | None
    apparent: float
    out_of_bag: float
    value: float
    lower: float | None
    upper: float | None
    no_information: float


@dataclass(frozen=True)
class InternalValidation:
    """What ``n_samples`` bootstrap samples say.

    Attributes:
        corrected: the measures of all models, the card's first.
        n_failed: samples in which no model could be built (too few events …).
        sizes: number of features that each other sample selected, 0 where it selected none.
        frequency: share of these samples in which a feature was selected, the most frequent first.
    """

    corrected: tuple[Corrected, ...]
    n_samples: int
    n_failed: int
    sizes: tuple[int, ...]
    frequency: Mapping[str, float]

    @property
    def n_nothing(self) -> int:
        """Samples that selected no feature; there the model ranks nobody, and its C-index is 0.5."""
        return self.sizes.count(0)

    def find(self, metric: str, model: str | None = None) -> Corrected | None:
        """A measure of a model (default: the first that has it)."""
        return next((c for c in self.corrected if c.metric == metric and model in (None, c.model)), None)


def performance_rows(internal: InternalValidation) -> list[dict[str, Any]]:
    """What to expect elsewhere, as a card writes it beside what was measured."""
    rows = []
    for c in internal.corrected:
        limits = None if c.lower is None or c.upper is None else (c.lower, c.upper)
        row: dict[str, Any] = {"model": c.model, "cohort": ELSEWHERE, "metric": c.metric}
        if c.time is not None:
            row["time"] = c.time
        rows.append({**row, "value": quantity(c.value, f"{internal.n_samples} bootstrap samples", limits)})
    return rows


@dataclass(frozen=True)
class _Sample:
    """Features selected in one bootstrap sample, and what its models give in the patients that it left out."""

    selected: tuple[str, ...]
    values: Mapping[Key, float]


def internal_validation(
    plan: Plan, real: FittedModel, *, n: int, pool: Executor | None = None, progress: Progress = silent
) -> InternalValidation:
    """Repeat ``plan`` in ``n`` bootstrap samples of the patients of the ``real`` run, whole patients at a time.

    A patient drawn twice is in one fold only, so that cross-validation stays honest.
    """
    training, time = real.training, _middle(real)
    predicted = training.complete
    own = fitted_markers(real, predicted)
    specs = tuple((marker.name, marker.kind, len(_metrics(marker, time)) > 1) for marker in own)
    run = partial(_sample_run, plan, training, real.choices.kept, time, specs)
    found = repeated(run, n, real.choices.seed, "bootstrap", pool, progress)
    samples = [sample for sample in found if sample is not None]
    rows = []
    for marker in _markers(plan, real, predicted):
        for metric in _metrics(marker, time):
            key = marker.name, marker.kind, metric
            if values := [sample.values[key] for sample in samples if key in sample.values]:
                rows.append(_corrected(marker, metric, predicted, time, np.array(values)))
    counted = Counter(name for sample in samples for name in sample.selected)
    return InternalValidation(
        corrected=tuple(rows),
        n_samples=n,
        n_failed=n - len(samples),
        sizes=tuple(len(sample.selected) for sample in samples),
        frequency={name: count / len(samples) for name, count in counted.most_common()},
    )


def _corrected(marker: Marker, metric: str, training: Cohort, time: float | None, values: FloatArray) -> Corrected:
    """The apparent measure and those out of bag (B,) as what to expect elsewhere."""
    apparent = _measure(marker, metric, training, time)
    if metric == SLOPE:
        middle = float(np.median(values))
        return Corrected(marker.name, marker.kind, metric, None, apparent, middle, middle, None, None, 0.0)
    out_of_bag = float(values.mean())
    if metric == BRIER:
        useless = _useless_brier(marker, training, time)
        value = point632plus(apparent, out_of_bag, useless).value
        at = None if marker.kind == "logistic" else time
        return Corrected(marker.name, marker.kind, metric, at, apparent, out_of_bag, value, None, None, useless)
    estimate = _area(marker, training)
    value = point632plus(apparent, out_of_bag, 0.5).value
    drop = apparent - value
    low, high = max(0.0, estimate.lower - drop), min(1.0, estimate.upper - drop)
    return Corrected(marker.name, marker.kind, metric, None, apparent, out_of_bag, value, low, high, 0.5)


def _useless_brier(marker: Marker, training: Cohort, time: float | None) -> float:
    if marker.kind == "logistic":
        assert training.binary is not None and marker.probability is not None
        return no_information_brier(training.binary, marker.probability)
    assert training.survival is not None and time is not None
    return no_information_survival_brier(training.survival, marker.survival[time], time)


def _area(marker: Marker, cohort: Cohort) -> Estimate:
    """AUC of a logistic model, Harrell's C of a survival model."""
    if marker.kind == "logistic":
        assert cohort.binary is not None
        found = auc(cohort.binary, marker.risk)
    else:
        assert cohort.survival is not None
        found = harrell(cohort.survival, marker.risk)
    return found if cohort.clusters is None else clustered(found, cohort.clusters)


def _middle(model: FittedModel) -> float | None:
    """The middle one of the horizons that were reached: where the Brier score is measured."""
    if model.training.survival is None:
        return None
    reached = [time for time in model.horizons if time < model.training.survival.time.max()]
    return reached[len(reached) // 2] if reached else None


def _markers(plan: Plan, model: FittedModel, cohort: Cohort) -> list[Marker]:
    """The model's own predictions and those of the simple models, fitted to the same patients."""
    found = list(fitted_markers(model, cohort))
    kinds = dict.fromkeys(marker.kind for marker in found)
    return found + _rival_markers(plan, model.training, cohort, list(kinds))


def _rival_markers(plan: Plan, training: Cohort, cohort: Cohort, kinds: Sequence[str]) -> list[Marker]:
    curved = plan.curved(training)
    return [rival.marker(cohort, plan.horizons) for kind in kinds for rival in rivals(training, kind, curved)[0]]


def _metrics(marker: Marker, time: float | None) -> tuple[str, ...]:
    area = "AUC" if marker.kind == "logistic" else "C-index"
    predicts = marker.probability is not None or (time is not None and time in marker.survival)
    return (area, SLOPE, BRIER) if predicts else (area,)


def _measure(marker: Marker, metric: str, cohort: Cohort, time: float | None) -> float:
    """One measure of one model in any patients.

    Raises:
        InputError: it cannot be computed there (no pair to compare, nobody followed so long …).
    """
    if marker.kind == "logistic":
        assert cohort.binary is not None
        if metric == SLOPE:
            return float(fit_logistic(pd.DataFrame({"log odds": marker.risk}), cohort.binary).coefficients[0])
        if metric == BRIER:
            return float(np.mean((cohort.binary - np.asarray(marker.probability)) ** 2))
        return _area(marker, cohort).value
    assert cohort.survival is not None
    if metric == SLOPE:
        return float(calibration_model(cohort.survival, marker.risk).coefficients[0])
    if metric == BRIER:
        assert time is not None
        return brier(cohort.survival, marker.survival[time], time).value
    return _area(marker, cohort).value


def _sample_run(
    plan: Plan,
    training: Cohort,
    kept: Collection[str] | None,
    time: float | None,
    own: tuple[tuple[str, str, bool], ...],
    seed: int,
) -> _Sample | None:
    """One sample's model in the patients it left out; None where none could be built.

    ``own`` are the models of the protocol: name, kind, and whether they predict probabilities.
    """
    sample, left_out = bootstrap_sample(training, seed)
    left_out = left_out.complete
    try:
        model = fit_protocol(plan, sample, Choices(seed, kept=kept, explain=False))
        return _Sample(model.rad_signature.names, _values(_markers(plan, model, left_out), left_out, time))
    except NothingSelectedError:
        markers = [_same_for_all(sample, len(left_out), time, *each) for each in own]
        values = {key: value for key, value in _values(markers, left_out, time).items() if key[2] != SLOPE}
        kinds = list(dict.fromkeys(kind for _, kind, _ in own))
        sample = imputed(sample, IN_A_RESAMPLE, seed)
        return _Sample((), values | _values(_rival_markers(plan, sample, left_out, kinds), left_out, time))
    except InputError:
        return None


def _same_for_all(sample: Cohort, n: int, time: float | None, name: str, kind: str, predicts: bool) -> Marker:
    """Where nothing was selected all ``n`` patients are predicted alike: as often as the event is in the sample."""
    if kind == "logistic":
        assert sample.binary is not None
        return Marker(name, kind, np.zeros(n), probability=np.full(n, sample.binary.mean()) if predicts else None)
    assert sample.survival is not None
    if time is None or not predicts:
        return Marker(name, kind, np.zeros(n))
    return Marker(name, kind, np.zeros(n), {time: np.full(n, event_free(sample.survival, time)[0])})


def _values(markers: Sequence[Marker], cohort: Cohort, time: float | None) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for marker in markers:
        for metric in _metrics(marker, time):
            try:
                found[marker.name, marker.kind, metric] = _measure(marker, metric, cohort, time)
            except InputError:  # these few patients do not allow it
                continue
    return found
