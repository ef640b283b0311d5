"""Kaplan–Meier curves with R's confidence limits, medians, numbers at risk, and the log-rank test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from ..core.errors import InputError, UsageError
from .estimate import sums_of_patients, z_value
from .inputs import BoolArray, FloatArray, IntArray, Survival

Limits = Literal["log", "log-log", "plain"]


@dataclass(frozen=True)
class KaplanMeier:
    """A survival curve at its K distinct follow-up times; every array is (K,).

    ``se_log`` is Greenwood's standard error of ln S, or that of whole patients. The confidence limits hold at ``level``
    on the scale ``limits`` ("log" is R's default, "log-log" that of most Python packages); they are NaN where the
    survival is 0.
    """

    time: FloatArray
    at_risk: IntArray
    events: IntArray
    censored: IntArray
    survival: FloatArray
    se_log: FloatArray
    lower: FloatArray
    upper: FloatArray
    limits: Limits
    level: float

    def at(self, times: npt.ArrayLike) -> FloatArray:
        """Survival at ``times``; NaN beyond the last follow-up, unless nobody was left."""
        return self._read(self.survival, 1.0, times)

    def band(self, times: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Lower and upper confidence limits at ``times``."""
        return self._read(self.lower, 1.0, times), self._read(self.upper, 1.0, times)

    def standard_error(self, times: npt.ArrayLike) -> FloatArray:
        """Standard error of ln S at ``times``."""
        return self._read(self.se_log, 0.0, times)

    def quantile(self, survival: float = 0.5) -> tuple[float, float, float]:
        """Time at which ``survival`` is reached (0.5: the median) with its limits; NaN where it is not reached.

        Where a curve runs level at exactly ``survival``, the middle of that stretch, as R's ``quantile.survfit``.
        """
        median, lower, upper = (self._crossing(curve, survival) for curve in (self.survival, self.lower, self.upper))
        return median, lower, upper

    def _read(self, values: FloatArray, at_start: float, times: npt.ArrayLike) -> FloatArray:
        asked = np.atleast_1d(np.asarray(times, dtype=np.float64))
        read = np.append(at_start, values)[np.searchsorted(self.time, asked, side="right")]
        if self.survival[-1] > 0:
            read[asked > self.time[-1]] = np.nan
        return read

    def _crossing(self, curve: FloatArray, survival: float) -> float:
        rounding = 1e-10
        reached = np.flatnonzero(curve < survival + rounding)
        if not len(reached):
            return float("nan")
        first = reached[0]
        below = np.flatnonzero(curve < survival - rounding)
        level_stretch = curve[first] > survival - rounding
        end = self.time[below[0]] if len(below) else self.time[first]
        return float((self.time[first] + end) / 2 if level_stretch else self.time[first])


def kaplan_meier(
    outcome: Survival, limits: Limits = "log", level: float = 0.95, clusters: npt.ArrayLike | None = None
) -> KaplanMeier:
    """The curve of all patients of ``outcome``.

    ``clusters`` (n,) say which rows are of one patient: the curve stays, its errors become the grouped jackknife's
    (R: ``survfit(cluster = )``).
    """
    time, group = np.unique(outcome.time, return_inverse=True)
    events = np.bincount(group, outcome.event).astype(np.int64)
    leaving = np.bincount(group)
    at_risk = np.cumsum(leaving[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - events / at_risk, dtype=np.float64)
        se_log = np.sqrt(np.cumsum(events / (at_risk * (at_risk - events))))
        if clusters is not None:
            parts = np.cumsum(
                surprises(group, outcome.event, at_risk.astype(np.float64), events.astype(np.float64)), axis=1
            )
            se_log = np.sqrt((sums_of_patients(parts, clusters) ** 2).sum(axis=0))
        reach = z_value(level) * se_log
        if limits == "log":
            lower, upper = survival * np.exp(-reach), survival * np.exp(reach)
        elif limits == "log-log":
            reach = reach / np.log(survival)
            lower, upper = survival ** np.exp(-reach), survival ** np.exp(reach)
        elif limits == "plain":
            lower, upper = survival * (1 - reach), survival * (1 + reach)
        else:
            raise UsageError(f"Confidence limits are 'log', 'log-log' or 'plain'; '{limits}' was given.")
    lower, upper = np.clip(lower, 0, 1), np.clip(upper, 0, 1)
    before_first_event, nobody_left = se_log == 0, survival == 0
    for curve in (lower, upper):
        curve[before_first_event] = 1
        curve[nobody_left] = np.nan
    return KaplanMeier(
        time, at_risk, events, leaving - events, survival, se_log, lower, upper, limits=limits, level=level
    )


def surprises(group: IntArray, event: BoolArray, at_risk: FloatArray, events: FloatArray) -> FloatArray:
    """What each row adds to −ln S at each of the K times (n, K): event less what was expected, of those who stay.

    ``group`` (n,) is the place of a row's time among the K, ``at_risk`` and ``events`` (K,) are counts.
    """
    there = np.arange(len(at_risk))[None, :] <= group[:, None]
    own = (np.arange(len(at_risk))[None, :] == group[:, None]) & event[:, None]
    staying = at_risk - events
    return (own - there * (events / at_risk)) / np.where(staying > 0, staying, np.nan)


def follow_up(outcome: Survival) -> KaplanMeier:
    """The reverse curve, of censoring; its median is the median follow-up (Schemper & Smith 1996)."""
    return kaplan_meier(Survival(outcome.time, ~outcome.ended.event))


def numbers_at_risk(outcome: Survival, times: npt.ArrayLike) -> IntArray:
    """How many patients were still followed at each of ``times``, for the row under a figure."""
    return np.array([(outcome.time >= time).sum() for time in np.atleast_1d(times)], dtype=np.int64)


@dataclass(frozen=True)
class LogRank:
    """Log-rank test of G groups: events ``observed`` and ``expected`` (G,), their ``variance`` (G, G), χ², df and p."""

    groups: tuple[str, ...]
    observed: FloatArray
    expected: FloatArray
    variance: FloatArray
    chi2: float
    df: int
    p: float


def logrank(outcome: Survival, groups: npt.ArrayLike) -> LogRank:
    """Compare the survival of ``groups`` (n,), any labels (``survdiff``)."""
    codes, labels = pd.factorize(np.asarray(groups), sort=True)
    if len(codes) != len(outcome):
        raise UsageError(f"There are {len(codes)} group labels for {len(outcome)} patients.")
    if (codes < 0).any():
        raise InputError("A patient has no group; the log-rank test needs one for each.")
    if len(labels) < 2:
        raise InputError(f"The log-rank test compares at least two groups; all patients are in '{labels[0]}'.")
    member = np.eye(len(labels))[codes]
    deaths, spread, share = risk_shares(outcome, member)
    observed, expected = outcome.event @ member, deaths @ share
    variance = np.diag(spread @ share) - (spread[:, None] * share).T @ share
    # The groups' differences add up to 0, so one of them carries no information of its own.
    difference = (observed - expected)[:-1]
    chi2 = float(difference @ np.linalg.pinv(variance[:-1, :-1]) @ difference)
    df = len(labels) - 1
    names = tuple(str(label) for label in labels)
    return LogRank(names, observed, expected, variance, chi2, df, float(stats.chi2.sf(chi2, df)))


def risk_shares(outcome: Survival, member: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What a log-rank test needs at the K event times, for 0/1 columns ``member`` (n, G).

    Deaths d (K,), the hypergeometric spread d·(n − d)/(n − 1) (K,), and each column's share of those at risk (K, G).
    """
    order = np.argsort(-outcome.time, kind="stable")
    descending = -outcome.time[order]
    times, group = np.unique(descending, return_inverse=True)
    deaths = np.bincount(group, outcome.event[order]).astype(np.float64)
    last = np.searchsorted(descending, times, side="right") - 1
    last, deaths = last[deaths > 0], deaths[deaths > 0]
    at_risk = last + 1.0
    spread = deaths * (at_risk - deaths) / np.maximum(at_risk - 1, 1)
    return deaths, spread, np.cumsum(member[order], axis=0)[last] / at_risk[:, None]
