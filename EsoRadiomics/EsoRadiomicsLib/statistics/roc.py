"""ROC curve, AUC with DeLong's error, Youden's cut-off, and the counts behind sensitivity and specificity (R's pROC).

A higher score always means the outcome is more likely; a marker for which the opposite holds has an AUC below 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from .estimate import Estimate, estimate_share
from .inputs import BoolArray, FloatArray, binary, numbers


@dataclass(frozen=True)
class RocCurve:
    """``sensitivity`` and ``specificity`` (T,) of "score > threshold", midway between observed scores."""

    thresholds: FloatArray
    sensitivity: FloatArray
    specificity: FloatArray

    @property
    def youden(self) -> int:
        """Index of the threshold with the largest sensitivity + specificity; the lowest such threshold."""
        return int(np.argmax(np.round(self.sensitivity + self.specificity, 12)))


@dataclass(frozen=True)
class Classification:
    """What a yes/no rule gets right; NaN where nobody is in the denominator."""

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def sensitivity(self) -> float:
        return _ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def specificity(self) -> float:
        return _ratio(self.true_negative, self.true_negative + self.false_positive)

    @property
    def ppv(self) -> float:
        """Positive predictive value."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def npv(self) -> float:
        """Negative predictive value."""
        return _ratio(self.true_negative, self.true_negative + self.false_negative)

    @property
    def accuracy(self) -> float:
        right = self.true_positive + self.true_negative
        return _ratio(right, right + self.false_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of sensitivity and positive predictive value."""
        return _ratio(2 * self.true_positive, 2 * self.true_positive + self.false_positive + self.false_negative)


def auc(outcome: npt.ArrayLike, score: npt.ArrayLike, level: float = 0.95) -> Estimate:
    """Area under the curve with DeLong's variance (DeLong, DeLong & Clarke-Pearson, Biometrics 1988).

    ``outcome`` (n,) coded 0/1, and ``score`` (n,); ``paired_difference`` of two estimates is DeLong's paired test.
    """
    event = binary(outcome)
    values = numbers(score, "the score", len(event))
    cases, controls = values[event], values[~event]
    m, n = len(cases), len(controls)
    ranks = rankdata(np.concatenate([cases, controls]))
    # Placements: the share of controls below each case, and of cases above each control; ties count one half.
    of_cases = (ranks[:m] - rankdata(cases)) / n
    of_controls = 1 - (ranks[m:] - rankdata(controls)) / m
    value = float(of_cases.mean())
    influence = np.empty(m + n)
    # With one patient of a kind its sample variance is unknown: NaN, and so is the error.
    influence[event] = (of_cases - value) / np.sqrt(m * (m - 1)) if m > 1 else np.nan
    influence[~event] = (of_controls - value) / np.sqrt(n * (n - 1)) if n > 1 else np.nan
    return estimate_share(value, influence, level)


def roc_curve(outcome: npt.ArrayLike, score: npt.ArrayLike) -> RocCurve:
    """The curve of ``score`` (n,) for ``outcome`` (n,) coded 0/1, from "all positive" to "none positive"."""
    event = binary(outcome)
    values = numbers(score, "the score", len(event))
    observed = np.unique(values)
    thresholds = np.concatenate([[-np.inf], (observed[:-1] + observed[1:]) / 2, [np.inf]])
    cases, controls = np.sort(values[event]), np.sort(values[~event])
    return RocCurve(
        thresholds,
        1 - np.searchsorted(cases, thresholds) / len(cases),
        np.searchsorted(controls, thresholds) / len(controls),
    )


def classification(outcome: BoolArray, positive: BoolArray) -> Classification:
    """Count the agreement of a rule's ``positive`` (n,) with ``outcome`` (n,)."""
    return Classification(
        true_positive=int((outcome & positive).sum()),
        false_positive=int((~outcome & positive).sum()),
        true_negative=int((~outcome & ~positive).sum()),
        false_negative=int((outcome & ~positive).sum()),
    )


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
