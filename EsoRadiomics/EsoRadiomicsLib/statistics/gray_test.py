"""Gray's test: do groups differ in the incidence of an event with which others compete? (cmprsk ``cuminc``)"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from ..core.errors import InputError, UsageError
from .chunk_tests import ChunkTest
from .competing import Competing
from .inputs import FloatArray


def gray_test(outcome: Competing, groups: npt.ArrayLike) -> ChunkTest:
    """Compare the incidence of cause 1 in ``groups`` (n,), any labels (Gray, Ann Stat 1988;16:1141, with ρ = 0).

    The score of group k is Σ dN₁ₖ − dN₁·Rₖ/R with Rₖ = Yₖ(1 − F₁ₖ)/Sₖ, those at risk of the subdistribution. Its
    variance follows from the martingales of both causes, with one F₁ for all groups.
    Raise InputError where all patients are in one group.
    """
    codes, labels = pd.factorize(np.asarray(groups), sort=True)
    if len(codes) != len(outcome):
        raise UsageError(f"There are {len(codes)} group labels for {len(outcome)} patients.")
    if len(labels) < 2:
        raise InputError(f"Gray's test compares at least two groups; all patients are in '{labels[0]}'.")
    times = np.unique(outcome.time[outcome.cause > 0])
    member = np.eye(len(labels))[codes]
    at_risk = (outcome.time >= times[:, None]).astype(np.float64) @ member
    now = outcome.time == times[:, None]
    own, other = ((now & (outcome.cause == 1)) @ member, (now & (outcome.cause > 1)) @ member)

    here = at_risk > 0
    share = np.divide(1.0, at_risk, out=np.zeros_like(at_risk), where=here)
    free_after = np.cumprod(1 - (own + other) * share, axis=0)
    free = _before(free_after, 1.0)
    incidence = _before(np.cumsum(free * own * share, axis=0), 0.0)
    # A group in which everybody has had an event has nobody at risk; its R is then 0.
    per_free = np.divide(at_risk, free, out=np.zeros_like(at_risk), where=here & (free > 0))
    subdistribution = per_free * (1 - incidence)
    events = own.sum(axis=1)
    part = subdistribution / subdistribution.sum(axis=1, keepdims=True)
    score = (own - events[:, None] * part).sum(axis=0)

    total = per_free.sum(axis=1)
    pooled_step = events / total
    pooled_after = np.cumsum(pooled_step)
    pooled = pooled_after - pooled_step
    variance = np.zeros((len(labels), len(labels)))
    for r in range(len(labels)):
        weight = (np.eye(len(labels))[r] - per_free / total[:, None]) * per_free[:, [r]]
        steps = weight * (pooled_step / (1 - pooled))[:, None]
        later = np.cumsum(steps[::-1], axis=0)[::-1] - steps
        # At a group's last event nobody may be left, and nothing of it is to come.
        lost = np.divide(1 - pooled_after, free_after[:, r], out=np.zeros(len(times)), where=free_after[:, r] > 0)
        per_event = (free * share)[:, [r]]
        of_other = -lost[:, None] * later * per_event
        of_own = (weight + later) * per_event + of_other
        # Under the hypothesis the event's own hazard in the group is that of the pooled incidence.
        expected = np.divide(pooled_step * at_risk[:, r], free[:, r], out=np.zeros(len(times)), where=free[:, r] > 0)
        expected = expected * _tied(events, total * free[:, r])
        of_others = other[:, r] * _tied(other[:, r], at_risk[:, r])
        variance += of_own.T @ (expected[:, None] * of_own) + of_other.T @ (of_others[:, None] * of_other)
    difference, df = score[:-1], len(labels) - 1
    chi2 = float(difference @ np.linalg.pinv(variance[:-1, :-1]) @ difference)
    return ChunkTest(chi2, df, float(stats.chi2.sf(chi2, df)))


def _tied(events: FloatArray, at_risk: FloatArray) -> FloatArray:
    """What ties take off the variance (K,) of drawing ``events`` of those ``at_risk`` without replacement."""
    several = (events > 1) & (at_risk > 1)
    return 1 - np.divide(events - 1, at_risk - 1, out=np.zeros(len(events)), where=several)


def _before(curve: FloatArray, start: float) -> FloatArray:
    """A curve (K, G) just before each time."""
    return np.vstack([np.full((1, curve.shape[1]), start), curve[:-1]])
