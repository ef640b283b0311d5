"""Effects that are no straight line: a restricted cubic spline of a variable, or an effect for each of its levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BETWEEN = 100


@dataclass(frozen=True)
class Curve:
    """``at(x)`` takes the place of x in a linear predictor.

    With ``knots`` it is a spline, straight beyond the outer ones (Hmisc ``rcspline.eval``): ``coefficients`` of x and
    of its cubic terms, 0 at the ``centre``. With ``levels`` it is the coefficient of the level that x is; 0 for one
    that is not known.
    """

    coefficients: tuple[float, ...]
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    centre: float = 0.0

    @property
    def kind(self) -> str:
        """What it is called."""
        return "factor" if self.levels else "spline"

    def at(self, x: float) -> float:
        return sum(beta * column for beta, column in zip(self.betas, self.columns(x), strict=True))

    @property
    def betas(self) -> tuple[float, ...]:
        """The coefficients of the ``columns``: those of all levels but the first, or all of a spline."""
        return self.coefficients[1:] if self.levels else self.coefficients

    @property
    def offset(self) -> float:
        """What is taken off the sum of a spline's own coefficients and columns, so that it is 0 at the centre."""
        if self.levels:
            return 0.0
        return sum(beta * column for beta, column in zip(self.coefficients, self._basis(self.centre), strict=True))

    def columns(self, x: float) -> list[float]:
        """An indicator for each further level; or x and the cubic terms of a spline, less those at the centre."""
        if self.levels:
            return [float(x == level) for level in self.levels[1:]]
        return [here - there for here, there in zip(self._basis(x), self._basis(self.centre), strict=True)]

    def between(self, low: float, high: float) -> list[float]:
        """Values at which the least and the largest effect from ``low`` to ``high`` are looked for."""
        if self.levels:
            return [*self.levels]
        return [*(low + (high - low) * k / _BETWEEN for k in range(_BETWEEN + 1)), *self.knots]

    def _basis(self, x: float) -> list[float]:
        *inner, before_last, last = self.knots
        unit, ends = (last - self.knots[0]) ** 2, last - before_last

        def cubed(knot: float) -> float:
            return max(x - knot, 0.0) ** 3 / unit

        cubic = [
            cubed(knot) + ((before_last - knot) * cubed(last) - (last - knot) * cubed(before_last)) / ends
            for knot in inner
        ]
        return [x, *cubic]


def read_curve(node: Mapping[str, Any]) -> Curve:
    knots, levels = (tuple(node.get(name, ())) for name in ("knots", "levels"))
    return Curve(tuple(node["coefficients"]), knots, levels, node.get("centre", 0.0))
