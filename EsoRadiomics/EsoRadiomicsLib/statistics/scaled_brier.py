"""Brier scores beside the null model's: how much of the error of knowing nothing a model removes (IPA).

IPA = 1 − Brier / Brier of the null model, which gives everybody the same risk: Kaplan–Meier's (Aalen–Johansen's where
events compete), or the rate (Kattan &
Gerds, Diagn Progn Res 2018; R: riskRegression ``IPA``). 0 is no better than the null model; below 0 is worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .competing import event_free
from .discrimination import brier, integrated_brier
from .estimate import Estimate, estimate_share
from .inputs import FloatArray, Survival, binary, numbers


@dataclass(frozen=True)
class ScaledBrier:
    """The Brier score of the ``model`` and of the ``null`` model in the same patients."""

    model: Estimate
    null: Estimate

    @property
    def ipa(self) -> float:
        """Index of prediction accuracy; larger is better, 1 is perfect."""
        return 1 - self.model.value / self.null.value


@dataclass(frozen=True)
class IntegratedBrier:
    """The Brier scores of the ``model`` and of the ``null`` model averaged over time, from the first to the last."""

    model: float
    null: float

    @property
    def ipa(self) -> float:
        """Index of prediction accuracy over that time."""
        return 1 - self.model / self.null


def scaled_brier(outcome: Survival, survival: npt.ArrayLike, time: float, level: float = 0.95) -> ScaledBrier:
    """Of the predicted ``survival`` (n,) at ``time``; see :func:`.discrimination.brier`."""
    everybody = np.full(len(outcome), float(event_free(outcome, time)[0]))
    return ScaledBrier(brier(outcome, survival, time, level), brier(outcome, everybody, time, level))


def scaled_integrated_brier(outcome: Survival, survival: FloatArray, times: npt.ArrayLike) -> IntegratedBrier:
    """Of the predicted ``survival`` (n, T) at ``times`` (T,), increasing."""
    everybody = np.broadcast_to(event_free(outcome, times), survival.shape)
    return IntegratedBrier(integrated_brier(outcome, survival, times), integrated_brier(outcome, everybody, times))


def binary_brier(outcome: npt.ArrayLike, probability: npt.ArrayLike, level: float = 0.95) -> ScaledBrier:
    """Of the predicted ``probability`` (n,) of an ``outcome`` (n,) coded 0/1."""
    event = binary(outcome)
    predicted = numbers(probability, "the predicted probability", len(event))

    def score(of: FloatArray) -> Estimate:
        error = (of - event) ** 2
        return estimate_share(float(error.mean()), (error - error.mean()) / len(event), level)

    return ScaledBrier(score(predicted), score(np.full(len(event), float(event.mean()))))
