"""Competing events: cumulative incidence where another event (death before local failure) makes the first impossible.

One minus Kaplan–Meier with the other event as censored answers a question about a world without it, and is too high in
this one. The incidence is Aalen and Johansen's (R: ``survfit`` of a factor, cmprsk ``cuminc``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..core.errors import InputError, UsageError
from .cox import Baseline, CoxModel
from .estimate import Interval, sums_of_patients, wald_interval, z_value
from .inputs import FloatArray, IntArray, Survival, numbers
from .kaplan_meier import kaplan_meier, surprises


@dataclass(frozen=True)
class Competing:
    """Follow-up of n patients: ``time`` (n,) > 0 and ``cause`` (n,): 0 censored, 1 the event, 2 … what competes."""

    time: FloatArray
    cause: IntArray

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: npt.NDArray[np.generic]) -> Competing:
        return Competing(self.time[rows], self.cause[rows])

    def cause_specific(self, cause: int = 1) -> Survival:
        """Follow-up for a cause-specific Cox model: other events censor."""
        return Survival(self.time, self.cause == cause)

    @property
    def any_event(self) -> Survival:
        """Follow-up to whatever comes first."""
        return Survival(self.time, self.cause > 0)


def causes(outcome: Survival) -> Competing:
    """The follow-up by cause: 1 the event, 2 what competes with it."""
    competed = np.zeros(len(outcome)) if outcome.competed is None else 2 * outcome.competed
    return Competing(outcome.time, (outcome.event + competed).astype(np.int64))


def event_free(outcome: Survival, times: npt.ArrayLike) -> FloatArray:
    """Observed probability of not having had the event by ``times``: Kaplan–Meier's, or 1 − Aalen–Johansen's.

    The latter where events compete. NaN beyond the last follow-up.
    """
    return (
        kaplan_meier(outcome).at(times)
        if outcome.competed is None
        else 1 - cumulative_incidence(causes(outcome)).at(times)
    )


def log_hazard(free: FloatArray) -> FloatArray:
    """ln(−ln P) (n,) of the probabilities of not having had the event: the scale of a linear predictor."""
    return np.log(-np.log(np.clip(free, 1e-12, 1 - 1e-12)))


def event_free_at(outcome: Survival, time: float, clusters: npt.ArrayLike | None = None) -> tuple[float, float]:
    """:func:`event_free` at one time, with its standard error; ``clusters`` (n,) say whose row each is."""
    if outcome.competed is not None:
        curve = cumulative_incidence(causes(outcome), clusters=clusters)
        return 1 - float(curve.at(time)[0]), float(curve.se_at(time)[0])
    alive = kaplan_meier(outcome, clusters=clusters)
    free = float(alive.at(time)[0])
    return free, free * float(alive.standard_error(time)[0]) if free > 0 else 0.0


@dataclass(frozen=True)
class CumulativeIncidence:
    """Probability of the event by each of K distinct ``time`` (K,), with its standard error and limits, all (K,)."""

    time: FloatArray
    incidence: FloatArray
    se: FloatArray
    lower: FloatArray
    upper: FloatArray
    level: float

    def at(self, times: npt.ArrayLike) -> FloatArray:
        """Incidence at ``times``; NaN beyond the last follow-up."""
        return self._read(self.incidence, times)

    def se_at(self, times: npt.ArrayLike) -> FloatArray:
        """Standard error at ``times``."""
        return self._read(self.se, times)

    def band(self, times: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Lower and upper limits at ``times``."""
        return self._read(self.lower, times), self._read(self.upper, times)

    def _read(self, values: FloatArray, times: npt.ArrayLike) -> FloatArray:
        asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
        read = np.append(0.0, values)[np.searchsorted(self.time, asked, side="right")]
        return np.where(asked > self.time[-1], np.nan, read)


def competing(time: npt.ArrayLike, cause: npt.ArrayLike) -> Competing:
    """Check follow-up times and causes; raise InputError for what cannot be used."""
    times, causes = numbers(time, "the follow-up time"), numbers(cause, "the cause of the event")
    if len(times) != len(causes):
        raise UsageError(f"There are {len(times)} follow-up times but {len(causes)} causes.")
    if (times <= 0).any():
        raise InputError("The follow-up time must be greater than 0 in every patient.")
    if (causes != np.round(causes)).any() or (causes < 0).any():
        raise InputError("Code causes as 0 = censored, 1 = the event, 2 … = what competes with it.")
    if not (causes == 1).any():
        raise InputError("No patient had the event (cause 1), so nothing can be estimated.")
    return Competing(times, causes.astype(np.int64))


def cumulative_incidence(
    outcome: Competing, cause: int = 1, level: float = 0.95, clusters: npt.ArrayLike | None = None
) -> CumulativeIncidence:
    """Aalen–Johansen's estimate of one cause; limits on the scale ln(−ln F).

    ``clusters`` (n,) say which rows are of one patient: the errors become the grouped jackknife's.

    The variance is the delta method's (Marubini & Valsecchi 1995), which is Greenwood's where nothing competes.
    """
    time, group = np.unique(outcome.time, return_inverse=True)
    of_cause = np.bincount(group, outcome.cause == cause)
    events = np.bincount(group, outcome.cause > 0)
    at_risk = np.cumsum(np.bincount(group)[::-1])[::-1].astype(np.float64)
    survival = np.cumprod(1 - events / at_risk)
    before = np.append(1.0, survival[:-1])
    incidence = np.cumsum(before * of_cause / at_risk)
    # At the last time everybody may leave at once; what follows is never read.
    leaving = np.divide(events, at_risk * (at_risk - events), out=np.zeros(len(time)), where=at_risk > events)
    step = before * of_cause / at_risk**2
    variance = (
        incidence**2 * np.cumsum(leaving)
        - 2 * incidence * np.cumsum(incidence * leaving + step)
        + np.cumsum(
            incidence**2 * leaving + 2 * incidence * step + before**2 * of_cause * (at_risk - of_cause) / at_risk**3
        )
    )
    if clusters is not None:
        variance = (sums_of_patients(incidence_parts(outcome, cause), clusters) ** 2).sum(axis=0)
    se = np.sqrt(np.maximum(variance, 0))
    inside = (incidence > 0) & (incidence < 1)
    lower, upper = incidence.copy(), incidence.copy()
    log = np.log(incidence[inside])
    reach = z_value(level) * se[inside] / np.abs(incidence[inside] * log)
    lower[inside], upper[inside] = np.exp(log * np.exp(reach)), np.exp(log * np.exp(-reach))
    return CumulativeIncidence(time, incidence, se, lower, upper, level)


def incidence_parts(outcome: Competing, cause: int = 1) -> FloatArray:
    """What each row adds to the incidence of a cause by each of the K times (n, K): its infinitesimal jackknife."""
    time, group = np.unique(outcome.time, return_inverse=True)
    of_cause, events = np.bincount(group, outcome.cause == cause), np.bincount(group, outcome.cause > 0)
    at_risk = np.cumsum(np.bincount(group)[::-1])[::-1].astype(np.float64)
    before = np.append(1.0, np.cumprod(1 - events / at_risk)[:-1])
    incidence = np.cumsum(before * of_cause / at_risk)
    place = np.arange(len(time))[None, :]
    own = (place == group[:, None]) & (outcome.cause == cause)[:, None]
    direct = np.cumsum(before * (own - (place <= group[:, None]) * (of_cause / at_risk)) / at_risk, axis=1)
    surprise = np.nan_to_num(surprises(group, outcome.cause > 0, at_risk, events.astype(np.float64)))
    return direct - (incidence * np.cumsum(surprise, axis=1) - np.cumsum(surprise * incidence, axis=1))


def incidence_of_causes(models: dict[int, CoxModel], features: pd.DataFrame, times: npt.ArrayLike) -> FloatArray:
    """Incidence (n, m) of cause 1 by ``times`` (m,) from cause-specific Cox models of every cause.

    ∫ S(u)·dΛ₁(u), S = exp(−Σ of all cumulative hazards), each step of a hazard spread over the time before it, so that
    no risk can exceed 1 (Benichou & Gail, Biometrics 1990).
    """
    if 1 not in models:
        raise UsageError("The incidence of cause 1 needs its own Cox model.")
    own, *others = (models[cause] for cause in sorted(models))
    return incidence_of_hazards(
        (own.baseline, own.linear_predictor(features)),
        [(model.baseline, model.linear_predictor(features)) for model in others],
        times,
    )


def incidence_of_hazards(
    own: tuple[Baseline, FloatArray], others: Sequence[tuple[Baseline, FloatArray]], times: npt.ArrayLike
) -> FloatArray:
    """:func:`incidence_of_causes` from each cause's cumulative baseline hazard and linear predictors (n,)."""
    asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
    steps = np.unique(np.concatenate([baseline.time for baseline, _ in (own, *others)]))
    n = len(own[1])

    def hazard(baseline: Baseline, predictor: FloatArray) -> FloatArray:
        level = np.append(0.0, baseline.hazard)[np.searchsorted(baseline.time, steps, side="right")]
        return np.exp(np.minimum(predictor, 500.0))[:, None] * level

    of_event = hazard(*own)
    total = of_event + sum((hazard(*other) for other in others), np.zeros_like(of_event))
    before = np.exp(-np.column_stack([np.zeros(n), total[:, :-1]]))
    own_steps, steps_of_all = np.diff(of_event, axis=1, prepend=0.0), np.diff(total, axis=1, prepend=0.0)
    share = np.divide(own_steps, steps_of_all, out=np.zeros_like(total), where=steps_of_all > 0)
    incidence = np.column_stack([np.zeros(n), np.cumsum(before * -np.expm1(-steps_of_all) * share, axis=1)])
    read = incidence[:, np.searchsorted(steps, asked, side="right")]
    read[:, asked > min(baseline.last_follow_up for baseline, _ in (own, *others))] = np.nan
    return read


def incidence_observed_expected(
    outcome: Competing, predicted: npt.ArrayLike, time: float, level: float = 0.95
) -> Interval:
    """Observed cumulative incidence at ``time`` by the mean of the ``predicted`` ones (n,), with limits."""
    expected = float(numbers(predicted, "the predicted incidence", len(outcome)).mean())
    curve = cumulative_incidence(outcome, level=level)
    observed, se = float(curve.at(time)[0]), float(curve.se_at(time)[0])
    if not observed > 0 or not expected > 0:
        raise InputError(
            f"Observed and expected events cannot be compared at time {time:g}: by then nobody had the event, nobody "
            "was followed that long, or none was predicted."
        )
    log = wald_interval(math.log(observed / expected), se / observed, level)
    return Interval(math.exp(log.value), math.exp(log.lower), math.exp(log.upper))
