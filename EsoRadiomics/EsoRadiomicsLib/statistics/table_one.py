"""Table 1: a cohort's variables in two or more groups, with the tests that clinical papers use."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ..core.errors import InputError, UsageError
from .fisher import fisher_exact
from .inputs import FloatArray, IntArray

_LEAST_EXPECTED = 5
_NORMAL_P = 0.05


@dataclass(frozen=True)
class Comparison:
    """A test of no difference between groups, by name, with its statistic (Fisher's has none) and p."""

    test: str
    statistic: float | None
    p: float


@dataclass(frozen=True)
class TableRow:
    """One line: a variable, a ``level`` of it (categories) or "" (numbers), a cell for each group, and the test.

    Only the first line of a variable has a ``comparison``.
    """

    variable: str
    level: str
    cells: tuple[str, ...]
    comparison: Comparison | None


def table_one(
    variables: pd.DataFrame, groups: Sequence[object] | pd.Series, categorical: Collection[str] = ()
) -> tuple[TableRow, ...]:
    """Describe and compare ``variables`` (n, v) between ``groups`` (n,); text columns are always categorical.

    Missing values are counted on a line of their own and left out of percentages and tests.
    """
    labels, member = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    if len(member) != len(variables):
        raise UsageError(f"There are {len(member)} group labels for {len(variables)} patients.")
    if len(labels) < 2:
        raise InputError(f"Table 1 compares at least two groups; all patients are in '{labels[0]}'.")
    rows: list[TableRow] = []
    for name in variables.columns:
        column = variables[name].reset_index(drop=True)
        known = column.notna().to_numpy()
        parts = [column[known & (member == group)] for group in range(len(labels))]
        if empty := [label for label, part in zip(labels, parts, strict=True) if part.empty]:
            raise InputError(f"'{name}' is missing in all patients of the group '{empty[0]}'; leave the column out.")
        if name in categorical or not pd.api.types.is_numeric_dtype(column):
            rows.extend(_categories(str(name), parts))
        else:
            rows.append(_numbers(str(name), [part.to_numpy(dtype=np.float64) for part in parts]))
        if not known.all():
            missing = tuple(str(int((~known & (member == group)).sum())) for group in range(len(labels)))
            rows.append(TableRow(str(name), "missing", missing, None))
    return tuple(rows)


def compare_counts(table: IntArray, yates: bool = False) -> Comparison:
    """χ² of a table (r, c) of counts; Fisher's exact test where an expected count is below 5.

    ``yates`` applies the continuity correction that R, unlike SPSS, makes for 2 × 2 tables.
    """
    if (table.sum(axis=0) == 0).any() or (table.sum(axis=1) == 0).any():
        raise UsageError("A row or column of the table is empty; leave it out.")
    chi2, p, _, expected = stats.chi2_contingency(table, correction=yates)
    if expected.min() < _LEAST_EXPECTED:
        return Comparison("Fisher", None, fisher_exact(table))
    return Comparison("χ² (Yates)" if yates and table.shape == (2, 2) else "χ²", float(chi2), float(p))


def compare_numbers(*groups: FloatArray) -> Comparison:
    """Two groups: Student's t if Shapiro–Wilk finds both normal (p > 0.05), else Mann–Whitney; more: Kruskal–Wallis."""
    if len(groups) > 2:
        h, p = stats.kruskal(*groups)
        return Comparison("Kruskal–Wallis", float(h), float(p))
    if all(is_normal(group) for group in groups):
        t, p = stats.ttest_ind(*groups)
        return Comparison("t", float(t), float(p))
    u, p = stats.mannwhitneyu(*groups, method="asymptotic")
    return Comparison("Mann–Whitney", float(u), float(p))


def is_normal(values: FloatArray) -> bool:
    """Shapiro–Wilk does not reject at 0.05; fewer than three or all equal values are not normal."""
    return len(values) > 2 and bool(np.ptp(values) > 0) and float(stats.shapiro(values).pvalue) > _NORMAL_P


def _categories(name: str, parts: list[pd.Series]) -> list[TableRow]:
    # Of a pandas categorical, only the levels that occur.
    levels = sorted({value for part in parts for value in part.unique()}, key=lambda value: (str(type(value)), value))
    counts = np.array([[int((part == level).sum()) for part in parts] for level in levels])
    comparison = compare_counts(counts) if len(levels) > 1 else None
    return [
        TableRow(
            name,
            f"{level:g}" if isinstance(level, float) else str(level),
            tuple(f"{count} ({100 * count / len(part):.1f} %)" for count, part in zip(row, parts, strict=True)),
            comparison if position == 0 else None,
        )
        for position, (level, row) in enumerate(zip(levels, counts, strict=True))
    ]


def _numbers(name: str, groups: list[FloatArray]) -> TableRow:
    comparison = compare_numbers(*groups)
    # Two significant digits of the spread set the decimals of everything on the line.
    spread = float(np.concatenate(groups).std())
    decimals = max(0, 1 - math.floor(math.log10(spread))) if spread > 0 else 0

    def shown(value: float) -> str:
        return f"{round(float(value), decimals) + 0.0:.{decimals}f}"

    if comparison.test == "t":
        cells = [f"{shown(group.mean())} ± {shown(group.std(ddof=1))}" for group in groups]
    else:
        quartiles = [np.quantile(group, [0.25, 0.5, 0.75]) for group in groups]
        cells = [f"{shown(median)} ({shown(low)}–{shown(high)})" for low, median, high in quartiles]
    return TableRow(name, "", tuple(cells), comparison)
