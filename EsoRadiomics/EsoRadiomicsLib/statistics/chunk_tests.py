"""Does a group of variables add anything? The likelihood-ratio test of nested models, Wald's test of coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ..core.errors import UsageError
from .cox import CoxModel
from .fine_gray import FineGrayModel
from .logistic import LogisticModel


@dataclass(frozen=True)
class ChunkTest:
    """χ² with its degrees of freedom and p."""

    chi2: float
    df: int
    p: float


def likelihood_ratio(smaller: CoxModel | LogisticModel, larger: CoxModel | LogisticModel) -> ChunkTest:
    """Test that the variables of ``larger`` that ``smaller`` lacks add nothing (R: ``anova(smaller, larger)``).

    Both are fitted to the same independent patients. Raise UsageError for models that are not nested, of other
    patients, or of clustered rows, whose likelihood counts every row as a patient: use :func:`wald_chunk` there.
    """
    if larger.n_clusters is not None or smaller.n_clusters is not None:
        raise UsageError("Rows that belong together have no likelihood-ratio test; use Wald's with the robust errors.")
    if type(smaller) is not type(larger) or not set(smaller.names) < set(larger.names):
        raise UsageError(f"{', '.join(smaller.names)} is not a smaller model of {', '.join(larger.names)}.")
    if (smaller.n, smaller.n_events) != (larger.n, larger.n_events):
        raise UsageError(
            f"Nested models are fitted to the same patients, not to {smaller.n} with {smaller.n_events} events and "
            f"{larger.n} with {larger.n_events}."
        )
    # Both models have the same null, so the difference of their own χ² is the test.
    chi2 = max(larger.likelihood_ratio[0] - smaller.likelihood_ratio[0], 0.0)
    df = len(larger.names) - len(smaller.names)
    return ChunkTest(chi2, df, float(stats.chi2.sf(chi2, df)))


def wald_chunk(model: CoxModel | FineGrayModel | LogisticModel, names: Sequence[str]) -> ChunkTest:
    """Test that the coefficients of ``names``, such as the levels of a factor, are all 0 (rms ``anova``)."""
    if unknown := [name for name in names if name not in model.names]:
        raise UsageError(f"The model has no variable {', '.join(unknown)}.")
    at = [model.names.index(name) for name in names]
    covariance = model.covariance[1:, 1:] if isinstance(model, LogisticModel) else model.covariance
    beta = model.coefficients[at]
    chi2 = float(beta @ np.linalg.solve(covariance[np.ix_(at, at)], beta))
    return ChunkTest(chi2, len(at), float(stats.chi2.sf(chi2, len(at))))
