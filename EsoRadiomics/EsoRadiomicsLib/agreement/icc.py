"""Intraclass correlation of many features at once, with 95 % confidence intervals.

Sources: Shrout & Fleiss, Psychol Bull 1979;86:420 (the forms); McGraw & Wong, Psychol Methods 1996;1:30 with
its correction 1996;1:390 (names, intervals). Same numbers as R's ``psych::ICC(lmer = FALSE)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtri

from ..core.errors import UsageError

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
MIN_CASES = 3
MIN_RATERS = 2
# Readings closer together than this, relative to the largest, differ by rounding only.
ROUNDING = 1e-10


@dataclass(frozen=True)
class Form:
    """One of the six ICCs.

    Attributes:
        model: 1 = one-way random (each case may have its own raters), 2 = two-way random, absolute agreement,
            3 = two-way mixed, consistency (a constant shift between raters is no disagreement).
        average: reliability of the mean of all k readings rather than of a single reading.
    """

    model: int
    average: bool

    @property
    def name(self) -> str:
        """Shrout & Fleiss's short name: ``2,1`` or ``2,k``."""
        return f"{self.model},{'k' if self.average else '1'}"

    @property
    def label(self) -> str:
        """``ICC(2,1)``."""
        return f"ICC({self.name})"

    @property
    def mcgraw_wong(self) -> str:
        """McGraw & Wong's name: ``ICC(A,1)`` for absolute agreement, ``ICC(C,1)`` for consistency."""
        return f"ICC({('', 'A,', 'C,')[self.model - 1]}{'k' if self.average else '1'})"

    @property
    def meaning(self) -> str:
        """What the form measures, in words for figures and reports."""
        model = ("one-way random", "two-way random, absolute agreement", "two-way mixed, consistency")
        return f"{model[self.model - 1]}, {'mean of all readings' if self.average else 'single reading'}"


FORMS = {form.name: form for form in (Form(m, average) for average in (False, True) for m in (1, 2, 3))}
_LABELS = {label.upper(): form for form in FORMS.values() for label in (form.label, form.mcgraw_wong)}


def parse_form(text: str) -> Form:
    """The form called ``2,1``, ``ICC(2,1)`` (Shrout & Fleiss) or ``A,1``, ``ICC(A,1)`` (McGraw & Wong).

    Raises:
        UsageError: no such form.
    """
    name = text.upper().replace(" ", "").removeprefix("ICC").strip("()")
    form = _LABELS.get(f"ICC({name})")
    if form is None:
        raise UsageError(
            f"“{text}” is no form of the ICC; choose from "
            f"{', '.join(f'{known.name} (= {known.mcgraw_wong})' for known in FORMS.values())}."
        )
    return form


@dataclass(frozen=True)
class MeanSquares:
    """Two-way analysis of variance, in units of a feature's largest reading squared; arrays are (features,).

    Attributes:
        n_cases: cases with a reading by every rater.
        n_raters: readings of each case (k).
        cases: between cases (MSB, n − 1 degrees of freedom).
        raters: between raters (MSJ, k − 1).
        residual: residual (MSE, (n − 1)(k − 1)).
        within: within cases (MSW, n(k − 1)).
        constant: whether all readings are equal, up to rounding.
    """

    n_cases: NDArray[np.int64]
    n_raters: int
    cases: Floats
    raters: Floats
    residual: Floats
    within: Floats
    constant: NDArray[np.bool_]


@dataclass(frozen=True)
class Icc:
    """ICC of each feature; all arrays have the shape (features,).

    Attributes:
        form: which ICC.
        value: point estimate; NaN where there is none: fewer than three complete cases, all readings equal,
            or an average form where the readings of a case differ so much that it is not defined.
        lower, upper: 95 % confidence limits.
        n_cases: complete cases the numbers rest on.
        n_raters: readings of each case (k).
        constant: whether all readings of the feature are equal, up to rounding.
    """

    form: Form
    value: Floats
    lower: Floats
    upper: Floats
    n_cases: NDArray[np.int64]
    n_raters: int
    constant: NDArray[np.bool_]


def icc(ratings: ArrayLike, form: str | Form = "2,1") -> Icc:
    """ICC with its 95 % confidence interval for every feature.

    With F = 1 the formula of a form gives the point estimate, with F the 97.5 % and 2.5 % quantile of the F
    distribution its confidence limits (McGraw & Wong, tables 4 and 7). The average forms are the single ones
    stepped up by Spearman–Brown. For ICC(2,·) and a negative estimate the interval is only nominal.

    Args:
        ratings: (cases, raters, features). A cell that is not finite takes its case out of that
            feature only.
        form: a :class:`Form` or a name that :func:`parse_form` knows.

    Raises:
        UsageError: not three dimensions, fewer than three cases or two raters, or no such form.
    """
    form = form if isinstance(form, Form) else parse_form(form)
    ms = mean_squares(ratings)
    n, k = ms.n_cases, ms.n_raters
    noise = ms.within if form.model == 1 else ms.residual
    shift = k * (ms.raters - ms.residual) / np.maximum(n, 1) if form.model == 2 else np.zeros_like(noise)

    def single(f: Floats | float) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            signal = ms.cases / f
            return (signal - noise) / (signal + (k - 1) * noise + shift)

    freedom = _degrees_of_freedom(form, ms, single(1.0))
    tail = (1 - CONFIDENCE) / 2
    estimates = [single(f) for f in (1.0, fdtri(n - 1, freedom, 1 - tail), fdtri(n - 1, freedom, tail))]
    if form.average:
        estimates = [_step_up(estimate, k) for estimate in estimates]
    undefined = ms.constant | (n < MIN_CASES) | np.isneginf(estimates[0])
    value, lower, upper = (np.where(undefined, np.nan, estimate) for estimate in estimates)
    return Icc(form, value, lower, upper, n, k, ms.constant)


def mean_squares(ratings: ArrayLike) -> MeanSquares:
    """Mean squares of the complete cases of each feature; for ``ratings`` and errors see :func:`icc`."""
    x = np.asarray(ratings, dtype=np.float64)
    if x.ndim != 3:
        raise UsageError(f"The readings have {x.ndim} dimensions; give cases × raters × features.")
    if x.shape[1] < MIN_RATERS:
        raise UsageError(f"An ICC needs at least two readings of each case; there is {x.shape[1]}.")
    if x.shape[0] < MIN_CASES:
        raise UsageError(f"An ICC needs at least three cases; there are {x.shape[0]}.")
    k = x.shape[1]
    complete: NDArray[np.bool_] = np.all(np.isfinite(x), axis=1)
    used = np.broadcast_to(complete[:, None, :], x.shape)
    n = complete.sum(axis=0)
    rows = np.maximum(n, 1)

    # An ICC has no unit: at a largest reading of 1 no square over- or underflows.
    largest = np.max(np.abs(x), axis=(0, 1), where=used, initial=0.0)
    x = np.where(used, x, 0.0) / np.where(largest == 0, 1.0, largest)
    spread = np.max(x, (0, 1), where=used, initial=-1.0) - np.min(x, (0, 1), where=used, initial=1.0)

    grand = x.sum(axis=(0, 1)) / (rows * k)
    case_effect = np.where(complete, x.mean(axis=1) - grand, 0.0)
    rater_effect = x.sum(axis=0) / rows - grand
    rest = np.where(used, x - grand - case_effect[:, None, :] - rater_effect, 0.0)
    ss_raters = n * np.square(rater_effect).sum(axis=0)
    ss_rest = np.square(rest).sum(axis=(0, 1))
    df = np.maximum(n - 1, 1)
    return MeanSquares(
        n_cases=n,
        n_raters=k,
        cases=k * np.square(case_effect).sum(axis=0) / df,
        raters=ss_raters / (k - 1),
        residual=ss_rest / (df * (k - 1)),
        within=(ss_raters + ss_rest) / (rows * (k - 1)),
        constant=spread <= ROUNDING,
    )


def _degrees_of_freedom(form: Form, ms: MeanSquares, single: Floats) -> Floats:
    """Denominator degrees of freedom of F; for model 2 Satterthwaite's, at the single-reading estimate."""
    n, k = ms.n_cases, ms.n_raters
    if form.model == 1:
        return np.float64(k - 1) * n
    if form.model == 3:
        return np.float64(k - 1) * (n - 1)
    a = k * single * ms.raters
    b = (n * (1 + (k - 1) * single) - k * single) * ms.residual
    spread = a**2 + b**2 / np.maximum(n - 1, 1)
    # Where all readings of each case are equal both terms are 0, and any F gives ICC = 1.
    return (k - 1) * np.where(spread > 0, (a + b) ** 2, 1.0) / np.where(spread > 0, spread, 1.0)


def _step_up(single: Floats, k: int) -> Floats:
    """Spearman–Brown: the reliability of the mean of k readings; −∞ where the single one is ≤ −1/(k − 1)."""
    whole = 1 + (k - 1) * single
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, k * single / whole, np.where(np.isnan(whole), np.nan, -np.inf))
