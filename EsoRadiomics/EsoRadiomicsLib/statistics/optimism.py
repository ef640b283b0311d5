"""How good a model is outside the patients it was built from: the .632+ estimate from bootstrap samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .discrimination import brier
from .inputs import FloatArray, Survival, binary, numbers


@dataclass(frozen=True)
class Point632:
    """The .632+ ``value``: ``weight`` × out-of-bag + (1 − weight) × apparent; ``overfitting`` from 0 (none) to 1."""

    value: float
    weight: float
    overfitting: float


def point632plus(apparent: float, out_of_bag: float, no_information: float) -> Point632:
    """Efron & Tibshirani, J Am Stat Assoc 1997;92:548, for a measure of which more, or less, is better.

    ``out_of_bag`` is the mean, over bootstrap samples, of a sample's own model in the patients that it left out;
    ``no_information`` what a model gives whose predictions have nothing to do with the outcome (0.5 for a C-index).
    The overfitting rate lies between 0 and 1; the out-of-bag value itself is not cut off at ``no_information`` as it
    is in the paper: that would lift the mean over models of noise above what chance gives.
    """
    room = apparent - no_information
    overfitting = float(np.clip((apparent - out_of_bag) / room, 0, 1)) if room else 0.0
    weight = 0.632 / (1 - 0.368 * overfitting)
    return Point632((1 - weight) * apparent + weight * out_of_bag, weight, overfitting)


def no_information_brier(outcome: npt.ArrayLike, probability: npt.ArrayLike) -> float:
    """Brier score of each ``probability`` (n,) against everybody's ``outcome`` (n,) coded 0/1."""
    event = binary(outcome)
    predicted = numbers(probability, "the predicted probability")
    return _everybody(float(event.mean()), float((~event).mean()), 1 - predicted)


def no_information_survival_brier(outcome: Survival, survival: npt.ArrayLike, time: float) -> float:
    """Brier score at ``time`` of each predicted ``survival`` (n,) against everybody's ``outcome``."""
    predicted = numbers(survival, "the predicted survival")
    # The score of survival 1 for all is the (weighted) share with the event, of survival 0 the share without.
    n = len(outcome)
    return _everybody(brier(outcome, np.ones(n), time).value, brier(outcome, np.zeros(n), time).value, predicted)


def _everybody(with_event: float, without: float, survival: FloatArray) -> float:
    return float(with_event * np.mean(survival**2) + without * np.mean((1 - survival) ** 2))
