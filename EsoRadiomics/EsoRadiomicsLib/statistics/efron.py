"""Cox's partial likelihood with Efron's treatment of ties: its maximum, derivatives and each patient's part in them.

R's ``coxph`` without R's formula language. lifelines fits the same model, but takes ten to twenty times as
long, and a protocol is repeated in hundreds of samples; the tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..core.errors import InputError
from .inputs import FloatArray, Survival

_MAX_STEPS = 50
_SINGULAR = 1e12
# ln HR per SD: an error of this size means that the likelihood has no maximum, not that the sample is small.
_DIVERGED = 10.0


@dataclass(frozen=True)
class EfronPoint:
    """The likelihood at one coefficient vector (p,).

    ``log_likelihood``; its ``gradient`` (p,) and ``information`` (p, p), the negative second derivative; ``scores``
    (n, p) are the patients' parts of the gradient (R: ``residuals(type = "score")``).
    """

    log_likelihood: float
    gradient: FloatArray
    information: FloatArray
    scores: FloatArray


class EfronLikelihood:
    """Of the variables ``x`` (n, p) for one outcome.

    At a time with d events the risk set loses l/d of the dying before the l-th of them, l = 0 … d − 1: each such step
    has its own sum and mean over the risk set.
    """

    def __init__(self, x: FloatArray, outcome: Survival) -> None:
        order = np.argsort(-outcome.time, kind="stable")
        self._back = np.argsort(order)
        self._x = x[order]
        self._died = outcome.event[order]
        descending = -outcome.time[order]
        times, self._time_of = np.unique(descending, return_inverse=True)
        deaths = np.bincount(self._time_of, self._died).astype(np.int64)
        # One step for each death, with the index of its time and its share of the dying that has left.
        self._step_time = np.repeat(np.arange(len(times)), deaths)
        first = np.cumsum(deaths) - deaths
        self._gone = (np.arange(deaths.sum()) - first[self._step_time]) / deaths[self._step_time]
        self._last = np.searchsorted(descending, times, side="right") - 1
        self._deaths = np.maximum(deaths, 1)

    def __call__(self, beta: FloatArray) -> EfronPoint:
        eta = self._x @ beta
        shift = float(eta.max())
        relative = np.exp(eta - shift)
        weighted = relative[:, None] * self._x
        at_risk, of_risk = np.cumsum(relative)[self._last], np.cumsum(weighted, axis=0)[self._last]
        dying = np.bincount(self._time_of, relative * self._died)
        of_dying = self._by_time(weighted * self._died[:, None])
        total = at_risk[self._step_time] - self._gone * dying[self._step_time]
        total = np.maximum(total, np.finfo(float).tiny)
        mean = of_risk[self._step_time] - self._gone[:, None] * of_dying[self._step_time]
        mean /= total[:, None]

        # Each patient's expected events: the steps at which it was at risk, less the share by which it had left.
        hazard, drift = self._summed(1 / total[:, None]), self._summed(mean / total[:, None])
        expected = relative * hazard[:, 0]
        scores = (self._died - expected)[:, None] * self._x + relative[:, None] * drift
        average = self._by_step(mean) / self._deaths[:, None]
        scores -= self._died[:, None] * average[self._time_of]

        log_likelihood = float(eta[self._died].sum() - np.log(total).sum()) - shift * len(total)
        information = self._x.T @ (expected[:, None] * self._x) - mean.T @ mean
        return EfronPoint(log_likelihood, scores.sum(axis=0), information, scores[self._back])

    def maximum(self, names: tuple[str, ...]) -> tuple[FloatArray, EfronPoint]:
        """The coefficients (p,) of z-scored variables that fit best, by Newton's method.

        Raise InputError where there are none, because a variable separates the patients with the event.
        """
        beta: FloatArray = np.zeros(self._x.shape[1])
        here = self(beta)
        for _ in range(_MAX_STEPS):
            worst = int(np.argmin(np.diag(here.information)))
            if np.linalg.cond(here.information) > _SINGULAR:
                break
            covariance = np.linalg.inv(here.information)
            worst = int(np.argmax(np.diag(covariance)))
            if covariance[worst, worst] > _DIVERGED**2:
                break
            step = covariance @ here.gradient
            if np.abs(step).max() < 1e-10:
                return beta, here
            there = self(beta + step)
            while there.log_likelihood < here.log_likelihood - 1e-10 * abs(here.log_likelihood):
                step = step / 2
                there = self(beta + step)
            beta, here = beta + step, there
        raise InputError(
            f"The Cox model has no finite hazard ratio for '{names[worst]}': all events, or none, fall on one side of "
            "it. Leave it out or merge its categories."
        )

    def _by_time(self, values: FloatArray) -> FloatArray:
        """Sums (K, p) of patients' ``values`` (n, p) at each time."""
        return np.add.reduceat(values, np.append(0, self._last[:-1] + 1), axis=0)

    def _by_step(self, values: FloatArray) -> FloatArray:
        """Sums (K, p) of the steps' ``values`` at each time."""
        return np.column_stack([np.bincount(self._step_time, column, len(self._last)) for column in values.T])

    def _summed(self, values: FloatArray) -> FloatArray:
        """For each patient (n, p), ``values`` of the steps up to its time, weighted by its part in each risk set."""
        up_to = np.cumsum(self._by_step(values)[::-1], axis=0)[::-1]
        had_left = self._by_step(self._gone[:, None] * values)
        return up_to[self._time_of] - self._died[:, None] * had_left[self._time_of]
