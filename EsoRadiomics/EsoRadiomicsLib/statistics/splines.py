"""Restricted cubic splines: smooth in a variable, straight beyond the outer knots (Hmisc ``rcspline.eval``)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..core.errors import InputError, UsageError
from .inputs import FloatArray, numbers

_FEW = 100


def spline_knots(values: npt.ArrayLike, n_knots: int = 4) -> FloatArray:
    """Knots (n_knots,) at the quantiles Hmisc takes for 3 to 7 of them; below 100 patients the 5th from each end.

    Raise InputError where ``values`` (n,) are too alike: their knots coincide.
    """
    x = np.sort(numbers(values, "the variable of a spline"))
    if not 3 <= n_knots <= 7:
        raise UsageError(f"A restricted cubic spline has 3 to 7 knots, not {n_knots}.")
    outer = 0.1 if n_knots == 3 else 0.05 if n_knots <= 6 else 0.025
    knots: FloatArray = np.asarray(np.quantile(x, np.linspace(outer, 1 - outer, n_knots)), np.float64)
    if 10 <= len(x) < _FEW:
        knots[[0, -1]] = x[[4, -5]]
    if len(np.unique(x)) < n_knots or (np.diff(knots) <= 0).any():
        raise InputError(
            f"A spline of {n_knots} knots needs a variable with more distinct values; fewer knots do, or none."
        )
    return knots


def restricted_cubic(values: npt.ArrayLike, knots: FloatArray) -> FloatArray:
    """The columns (n, k − 1) of a spline with k ``knots``: the variable itself, then k − 2 cubic terms.

    The cubic terms are divided by (last − first knot)², so that all columns have the variable's unit.
    """
    x = numbers(values, "the variable of a spline")
    *inner, before_last, last = knots
    unit = (last - knots[0]) ** 2

    def cubed(knot: float) -> FloatArray:
        return np.maximum(x - knot, 0) ** 3 / unit

    ends = last - before_last
    columns = [
        cubed(knot) + ((before_last - knot) * cubed(last) - (last - knot) * cubed(before_last)) / ends for knot in inner
    ]
    return np.column_stack([x, *columns])
