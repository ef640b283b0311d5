"""What an evaluation consists of: measures, contrasts between models, and a sentence for what cannot be computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..core.errors import EsoRadiomicsError
from ..statistics.calibration import Calibration, CalibrationGroups
from ..statistics.decision_curve import DecisionCurve
from ..statistics.discrimination import AucOverTime
from ..statistics.estimate import Estimate, Interval, clustered, paired_difference
from ..statistics.inputs import BoolArray, FloatArray, Survival
from ..statistics.roc import RocCurve
from ..statistics.scaled_brier import IntegratedBrier, ScaledBrier
from ..statistics.smooth_calibration import SmoothCalibration

RISK_GROUPS, ABOVE, BELOW = "risk groups", "above the cut-off", "below the cut-off"
NULL = "null model"
"""The one that gives everybody the same risk: Kaplan–Meier's, or the rate."""
T = TypeVar("T")


@dataclass(frozen=True)
class Measure:
    """One number of one model in one cohort, with 95 % limits where there are any; ``time`` is None or a horizon."""

    model: str
    metric: str
    time: float | None
    value: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Contrast:
    """A measure of ``model`` minus that of ``rival`` in the same patients, with 95 % limits and p."""

    model: str
    rival: str
    metric: str
    time: float | None
    value: float
    lower: float
    upper: float
    p: float


@dataclass(frozen=True)
class Evaluation:
    """Everything measured in one ``cohort`` (training, validation …); the first model is the card's own.

    ``calibration`` holds groups by horizon, ``smooth`` curves of observed against predicted risk (by None for a binary
    outcome), ``curves`` decision curves by model at ``decision_time`` (None for a binary outcome), ``roc`` and
    ``auc_over_time`` curves by model; ``missing`` are sentences on what could not be computed. ``apparent``: these are
    the patients that the model was built from, so that every number flatters it and no test means anything.
    ``competes`` is what ended the follow-up of ``n_competing`` before the event, "" where nothing is told apart.
    ``n_patients`` where the n rows belong to fewer patients; intervals then count patients.
    """

    cohort: str
    n: int
    n_events: int
    follow_up: float | None
    measures: tuple[Measure, ...]
    contrasts: tuple[Contrast, ...]
    calibration: Mapping[float, CalibrationGroups]
    smooth: Mapping[float | None, SmoothCalibration]
    curves: Mapping[str, DecisionCurve]
    decision_time: float | None
    roc: Mapping[str, RocCurve]
    auc_over_time: Mapping[str, AucOverTime]
    missing: tuple[str, ...]
    apparent: bool = False
    n_patients: int | None = None
    competes: str = ""
    n_competing: int = 0

    @property
    def stem(self) -> str:
        """The cohort's name as part of a file name."""
        return file_stem(self.cohort)

    def find(self, metric: str, time: float | None = None, model: str | None = None) -> Measure | None:
        """A measure of a model (default: the first), None where it could not be computed."""
        wanted = model or (self.measures[0].model if self.measures else "")
        return next((m for m in self.measures if (m.model, m.metric, m.time) == (wanted, metric, time)), None)


def file_stem(cohort: str) -> str:
    """A cohort's name as it ends the names of its figures."""
    return cohort.replace(", ", "-").replace(" ", "-")


class Collector:
    """Measures as they come, and a sentence for each that cannot be computed."""

    def __init__(
        self, outcome: Survival | BoolArray, apparent: bool = False, clusters: Sequence[str] | None = None
    ) -> None:
        self.outcome, self.apparent, self.clusters = outcome, apparent, clusters
        self.measures: list[Measure] = []
        self.contrasts: list[Contrast] = []
        self.missing: list[str] = []

    def attempt(self, what: str, compute: Callable[..., T], *arguments: Any) -> T | None:
        """What ``compute`` gives of the arguments, or None and a sentence."""
        try:
            return compute(*arguments)
        except EsoRadiomicsError as error:
            self.missing.append(f"{what}: {error}")
            return None

    def compared(
        self,
        metric: str,
        time: float | None,
        predictions: Mapping[str, FloatArray],
        estimate: Callable[..., Estimate],
        *arguments: Any,
        among: int = 1,
    ) -> None:
        """``estimate(outcome, prediction, …)`` of every model, and its difference from the first unless apparent.

        The first ``among`` models are compared with each other, too.
        """
        what = metric if time is None else f"{metric} at {time:g}"
        earlier: list[tuple[str, Estimate]] = []
        for k, (model, prediction) in enumerate(predictions.items()):
            found = self.attempt(f"{what} of {model}", estimate, self.outcome, prediction, *arguments)
            if found is None:
                continue
            if self.clusters is not None:
                found = clustered(found, self.clusters)
            self.measures.append(Measure(model, metric, time, found.value, found.lower, found.upper))
            rivals = earlier if k < among else earlier[:1]
            for other, its_estimate in () if self.apparent else rivals:
                d = paired_difference(its_estimate, found)
                self.contrasts.append(Contrast(other, model, metric, time, d.value, d.lower, d.upper, d.p))
            earlier.append((model, found))

    def beside_null(self, model: str, time: float | None, found: ScaledBrier) -> None:
        """The model's IPA, and once the null model's Brier score; no IPA where nobody had the event by then."""
        if found.null.value > 0:
            self.measures.append(Measure(model, "IPA", time, found.ipa))
        if not any((m.model, m.time) == (NULL, time) for m in self.measures):
            self.measures.append(Measure(NULL, "Brier", time, found.null.value))

    def over_time(self, model: str, how: str, time: float, found: IntegratedBrier) -> None:
        """The Brier score ``integrated`` up to a time, or the ``mean`` over horizons, with its IPA and the null one."""
        self.measures.append(Measure(model, f"{how} Brier", time, found.model))
        if found.null > 0:
            self.measures.append(Measure(model, f"{how} IPA", time, found.ipa))
        if not any((m.model, m.metric) == (NULL, f"{how} Brier") for m in self.measures):
            self.measures.append(Measure(NULL, f"{how} Brier", time, found.null))

    def smoothly(self, model: str, time: float | None, curve: SmoothCalibration) -> None:
        """The mean distance of observed from predicted risk."""
        self.measures.append(Measure(model, "ICI", time, curve.ici))

    def calibrated(self, model: str, time: float | None, fitted: Calibration, *, with_slope: bool) -> None:
        """Slope (the same at all times), intercept and observed/expected with their limits."""
        named: list[tuple[str, float | None, Interval]] = [
            ("calibration intercept", time, fitted.intercept),
            ("observed/expected", time, fitted.observed_expected),
        ]
        if with_slope:
            named.insert(0, ("calibration slope", None, fitted.slope))
        self.measures += [Measure(model, name, at, i.value, i.lower, i.upper) for name, at, i in named]
