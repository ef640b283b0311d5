"""Variables that enter a model as a spline, or as a factor with an effect for each level, and tests of the whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..core.errors import UsageError
from ..statistics.chunk_tests import ChunkTest, wald_chunk
from ..statistics.cox import CoxModel
from ..statistics.estimate import z_value
from ..statistics.fine_gray import FineGrayModel
from ..statistics.inputs import FloatArray
from ..statistics.logistic import LogisticModel
from ..statistics.splines import restricted_cubic, spline_knots
from ..studies.card_curves import Curve


@dataclass(frozen=True)
class TermTest:
    """Wald's test of a whole ``term`` and, of a spline, of what bends it (rms ``anova``).

    A spline's coefficients show no ratio, so that of the upper against the lower of the training patients'
    ``quartiles`` is there with its 95 % limits.
    """

    term: str
    whole: ChunkTest
    bend: ChunkTest | None
    quartiles: tuple[float, float] | None = None
    ratio: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class TermTests:
    """Of every curved term of the final model."""

    tests: tuple[TermTest, ...]


@dataclass(frozen=True)
class CurvedTerms:
    """By variable the ``knots`` of its spline or the ``levels`` of a factor, the first of which is the reference.

    ``labels`` name the levels.
    """

    knots: Mapping[str, FloatArray]
    levels: Mapping[str, tuple[float, ...]]
    labels: Mapping[str, Mapping[float, str]] = field(default_factory=dict)

    @classmethod
    def learned(
        cls,
        clinical: pd.DataFrame,
        splines: Mapping[str, int],
        factors: Collection[str],
        labels: Mapping[str, Mapping[float, str]] | None = None,
    ) -> CurvedTerms:
        """Knots and levels of the training patients, whose levels are called as ``labels`` has them.

        Raises:
            UsageError: a variable that is not among the ``clinical`` ones (n, c), or is both.
            InputError: a variable with too few distinct values for its knots.
        """
        for name in (*splines, *factors):
            if name not in clinical:
                known = ", ".join(map(str, clinical.columns)) or "none"
                raise UsageError(f"“{name}” is no clinical variable (--clinical); those are: {known}.")
            if name in splines and name in factors:
                raise UsageError(f"“{name}” is either a spline or a factor, not both.")
            if name in factors and clinical[name].isna().any():
                raise UsageError(f"“{name}” has gaps, and a factor is not imputed: take complete cases (--missing).")
        return cls(
            {name: spline_knots(clinical[name].dropna(), n_knots) for name, n_knots in splines.items()},
            {name: tuple(sorted({float(value) for value in clinical[name].dropna()})) for name in factors},
            labels or {},
        )

    def columns(self, name: str) -> list[str]:
        """The columns of a variable; a spline's are named as rms names them: age, age', age''."""
        if name in self.knots:
            return [name + "'" * k for k in range(len(self.knots[name]) - 1)]
        if name not in self.levels:
            return [name]
        labels = self.labels.get(name, {})
        return [f"{name} = {labels.get(level, f'{level:g}')}" for level in self.levels[name][1:]]

    def variable(self, column: str) -> str:
        """Whose column it is."""
        return next((name for name in (*self.knots, *self.levels) if column in self.columns(name)), column)

    def expanded(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with the columns of every variable in its place."""
        parts: list[FloatArray] = []
        for name in table.columns:
            values = table[name].to_numpy(dtype=np.float64)
            if name in self.knots:
                parts.append(restricted_cubic(values, self.knots[name]))
            elif name in self.levels:
                parts.append(np.column_stack([values == level for level in self.levels[name][1:]]))
            else:
                parts.append(values[:, None])
        names = [column for name in table.columns for column in self.columns(name)]
        return pd.DataFrame(np.hstack(parts).astype(np.float64), columns=names, index=table.index)

    def curve(self, name: str, model: CoxModel | FineGrayModel | LogisticModel) -> Curve | None:
        """The fitted effect of a variable, None where it is a straight line."""
        fitted = dict(zip(model.names, map(float, model.coefficients), strict=True))
        found = tuple(fitted[column] for column in self.columns(name))
        if name in self.knots:
            knots = tuple(map(float, self.knots[name]))
            # At x = 0, such as an age, a spline may be so far from every patient that no baseline could be written.
            return Curve(found, knots, centre=knots[len(knots) // 2])
        return Curve((0.0, *found), levels=self.levels[name]) if name in self.levels else None

    def offset(self, model: CoxModel | FineGrayModel | LogisticModel) -> float:
        """What the curves of a model take off its linear predictor; its baseline or intercept has to give it back."""
        columns = dict.fromkeys(self.variable(name) for name in model.names)
        curves = (self.curve(name, model) for name in columns if name in self.knots)
        return sum(curve.offset for curve in curves if curve is not None)

    def tests(self, model: CoxModel | FineGrayModel, table: pd.DataFrame) -> Iterator[TermTest]:
        """Of the curved terms of a ``model`` of the ``table``'s variables (n, p)."""
        for name in table.columns:
            columns = self.columns(name)
            if name not in self.knots and name not in self.levels:
                continue
            whole = wald_chunk(model, columns)
            if name in self.levels:
                yield TermTest(name, whole, None)
                continue
            quartiles = np.nanquantile(table[name], [0.25, 0.75])
            step = np.diff(restricted_cubic(quartiles, self.knots[name]), axis=0)[0]
            at = [model.names.index(column) for column in columns]
            log_ratio = float(step @ model.coefficients[at])
            reach = z_value(0.95) * float(np.sqrt(step @ model.covariance[np.ix_(at, at)] @ step))
            ratio = np.exp([log_ratio, log_ratio - reach, log_ratio + reach])
            low, high = map(float, quartiles)
            yield TermTest(name, whole, wald_chunk(model, columns[1:]), (low, high), (ratio[0], ratio[1], ratio[2]))


STRAIGHT = CurvedTerms({}, {})
"""No variable is curved."""
