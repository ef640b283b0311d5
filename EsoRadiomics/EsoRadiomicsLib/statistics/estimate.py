"""A number measured in n patients with its error, and the difference of two such numbers in the same patients."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from ..core.errors import InputError, UsageError
from .inputs import FloatArray


@dataclass(frozen=True)
class Estimate:
    """``value`` with its standard error and normal confidence limits at ``level``.

    ``influence`` (n,) is each patient's part of the error: the squares sum to the variance, and the products with
    another estimate's in the same patients to their covariance.
    """

    value: float
    se: float
    lower: float
    upper: float
    level: float
    influence: FloatArray = field(repr=False)


@dataclass(frozen=True)
class Interval:
    """A number with its confidence limits."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Difference:
    """First minus second estimate, with confidence limits and a two-sided normal test of no difference."""

    value: float
    se: float
    lower: float
    upper: float
    z: float
    p: float


def estimate_share(value: float, influence: FloatArray, level: float) -> Estimate:
    """An estimate that lies between 0 and 1, as do its confidence limits."""
    se = float(np.linalg.norm(influence))
    reach = z_value(level) * se
    return Estimate(value, se, max(0.0, value - reach), min(1.0, value + reach), level, influence)


def clustered(estimate: Estimate, clusters: npt.ArrayLike) -> Estimate:
    """The estimate with the error it has where rows belong together, such as the nodes of a patient; (n,) labels."""
    influence = cluster_sums(estimate.influence[:, None], clusters)[:, 0]
    return estimate_share(estimate.value, influence, estimate.level)


def cluster_sums(parts: FloatArray, clusters: npt.ArrayLike) -> FloatArray:
    """Sums (G, p) of rows' ``parts`` (n, p) over the G clusters, by label in sorted order."""
    sums = sums_of_patients(parts, clusters)
    if len(sums) <= parts.shape[1]:
        raise InputError(f"{len(sums)} patients are too few for {parts.shape[1]} coefficients with robust errors.")
    return sums


def sums_of_patients(parts: FloatArray, clusters: npt.ArrayLike) -> FloatArray:
    """Sums (G, p) of rows' ``parts`` (n, p) over the G patients they are of."""
    labels, member = np.unique(np.asarray(clusters).astype(str), return_inverse=True)
    if len(member) != len(parts):
        raise UsageError(f"There are {len(member)} cluster labels for {len(parts)} rows.")
    sums = np.zeros((len(labels), parts.shape[1]))
    np.add.at(sums, member, parts)
    return sums


def paired_difference(first: Estimate, second: Estimate) -> Difference:
    """Compare two markers or models in the same patients, given in the same order."""
    if len(first.influence) != len(second.influence):
        raise UsageError(
            f"Only estimates from the same patients can be compared in pairs, not {len(first.influence)} patients with "
            f"{len(second.influence)}."
        )
    value = first.value - second.value
    se = float(np.linalg.norm(first.influence - second.influence))
    reach = z_value(first.level) * se
    # Two markers that rank all patients alike differ by nothing, and there is nothing to test.
    z = value / se if se > 0 else 0.0
    return Difference(value, se, value - reach, value + reach, z, two_sided_p(z))


def wald_interval(value: float, se: float, level: float) -> Interval:
    """Normal confidence limits."""
    reach = z_value(level) * se
    return Interval(value, value - reach, value + reach)


def z_value(level: float) -> float:
    """The normal quantile of a two-sided confidence ``level``, 1.96 for 0.95."""
    if not 0 < level < 1:
        raise UsageError(f"A confidence level lies between 0 and 1, such as 0.95; {level:g} was given.")
    return NormalDist().inv_cdf((1 + level) / 2)


def two_sided_p(z: float) -> float:
    """P(|Z| > |z|) for a standard normal Z."""
    # The complementary error function keeps the digits of a tiny p that 1 − Φ(z) would lose.
    return math.erfc(abs(z) / math.sqrt(2))
