"""Agreement of repeated segmentations: which features are alike between readers and between sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.formatting import counted, some
from .agreement_table import check_table, feature_parts
from .icc import MIN_CASES, Icc, icc
from .kept_features import KeptFeatures, Rule
from .reading_pairs import Plan, plan_comparisons

KEPT, DROPPED, NOT_COMPUTED = "kept", "dropped", "not computed"
_COLUMNS = ["feature", "image", "class", "n_cases", "icc", "lower", "upper", "verdict", "reason"]


@dataclass(frozen=True)
class Comparison:
    """The readings held against each other, and the ICC of every feature.

    Attributes:
        name: ``inter-observer``, or ``intra-observer (A)`` for the sessions of reader A.
        raters: readers, or sessions of the one reader.
        cases: cases that have all readings.
        ratings: (cases, raters, features); NaN where a cell is missing.
        table: one row per feature: ``feature, image, class, n_cases, icc, lower, upper, verdict, reason``;
            the verdict is ``kept``, ``dropped`` or ``not computed``, and the reason says why.
    """

    name: str
    raters: tuple[str, ...]
    cases: tuple[str, ...]
    ratings: NDArray[np.float64]
    table: pd.DataFrame


@dataclass(frozen=True)
class Agreement:
    """Result of an agreement study.

    Attributes:
        rule: what a feature had to pass.
        comparisons: one or more; a feature is kept if it passes each.
        table: as in :class:`Comparison`, each row from the comparison where the feature does worst, which the
            column ``comparison`` names.
        settings, versions: of the extraction, as far as the table says.
        warnings: what the user should know, as sentences; may name cases.
    """

    rule: Rule
    comparisons: tuple[Comparison, ...]
    table: pd.DataFrame
    settings: dict[str, str]
    versions: dict[str, tuple[str, ...]]
    warnings: tuple[str, ...]

    @property
    def kept(self) -> KeptFeatures:
        """The features that passed, ready for :func:`agreement.kept_features.save_kept`."""
        facts = ({"name": c.name, "raters": list(c.raters), "n_cases": len(c.cases)} for c in self.comparisons)
        return KeptFeatures(
            features=tuple(self.table.loc[self.table["verdict"] == KEPT, "feature"]),
            rule=self.rule,
            n_features=len(self.table),
            comparisons=tuple(facts),
            settings=self.settings,
            versions=self.versions,
        )

    @property
    def counts(self) -> pd.DataFrame:
        """One row per image and class: ``image, class, n, kept, share, median_icc``."""
        marked = self.table.assign(is_kept=self.table["verdict"] == KEPT)
        groups = marked.groupby(["image", "class"], sort=False)
        counts = groups.agg(n=("feature", "size"), kept=("is_kept", "sum"), share=("is_kept", "mean"))
        return counts.assign(median_icc=groups["icc"].median()).reset_index()


def agreement(
    table: pd.DataFrame,
    rule: Rule,
    *,
    case: str = "case",
    reader: str = "reader",
    session: str = "session",
    features: Sequence[str] | None = None,
) -> Agreement:
    """ICC of every feature of a long table, and which features the rule keeps.

    :func:`agreement.plan.plan_comparisons` says what is compared with what. Cases without all readings are left out of
    a comparison and named in the warnings.

    Args:
        table: one row per case, reader and session.
        rule: threshold, form of the ICC and which comparisons count.
        case, reader, session, features: column names, as in :func:`agreement.table.check_table`.

    Raises:
        InputError: fewer than two readings or three complete cases, the same mask given twice, or a table
            that :func:`agreement.table.check_table` refuses.
        UsageError: a column that is asked for is not there.
    """
    readings = check_table(table, case, reader, session, features)
    comparisons, warnings = [], list(readings.warnings)
    for plan in plan_comparisons(readings.keys, rule.observers):
        if plan.left_out:
            lacking = some(f"{case} (no {plan.column} {rater})" for case, rater in plan.left_out)
            warnings.append(
                f"{plan.name}: {counted(len(plan.cases), 'case')} with all {len(plan.raters)} readings used, "
                f"{len(plan.left_out)} left out: {lacking}."
            )
        ratings = readings.values[plan.rows]
        result = icc(ratings, rule.form)
        _refuse_copies(plan, ratings[:, :, ~result.constant])
        holes = np.flatnonzero(result.n_cases < len(plan.cases))
        if len(holes):
            fewer = some(f"{readings.features[i]} ({result.n_cases[i]})" for i in holes)
            warnings.append(
                f"{plan.name}: {counted(len(holes), 'feature')} with missing values, computed from fewer than the "
                f"{len(plan.cases)} cases: {fewer}."
            )
        judged = _judged(readings.features, ratings, result, rule)
        comparisons.append(Comparison(plan.name, plan.raters, plan.cases, ratings, judged))
    worst = _worst(comparisons, rule)
    return Agreement(rule, tuple(comparisons), worst, readings.settings, readings.versions, tuple(warnings))


def _refuse_copies(plan: Plan, ratings: NDArray[np.float64]) -> None:
    """Refuse cases where two raters agree in every digit of every feature: one mask given twice."""
    for a, b in combinations(range(len(plan.raters)), 2):
        first, second = ratings[:, a], ratings[:, b]
        unlike = (first != second) & ~(np.isnan(first) & np.isnan(second))
        alike = np.flatnonzero(unlike.sum(axis=1) == 0)
        copies = [plan.cases[c] for c in alike.tolist() if _has_many_digits(first[c])]
        if copies:
            raise InputError(
                f"{plan.name}: {plan.column}s {plan.raters[a]} and {plan.raters[b]} have the same value in every "
                f"feature of {counted(len(copies), 'case')} ({some(copies)}). It seems the same mask was given twice, "
                "which would fake an ICC of 1. Give each reading its own mask, or leave these cases out."
            )


def _has_many_digits(values: NDArray[np.float64]) -> bool:
    """Whether a value has more than four digits; coarser ones (a diameter in mm) may be equal by chance."""
    return any(float(f"{value:.4g}") != value for value in values[~np.isnan(values)])


def _judged(features: Sequence[str], ratings: NDArray[np.float64], result: Icc, rule: Rule) -> pd.DataFrame:
    rows = []
    for i, name in enumerate(features):
        n, value, lower, upper = (x[i].item() for x in (result.n_cases, result.value, result.lower, result.upper))
        if np.isnan(value):
            verdict, reason = NOT_COMPUTED, _why_not_computed(ratings[:, :, i], result, i)
        elif rule.passes(value, lower):
            verdict, reason = KEPT, _why_exactly_one(result) if lower == 1 else ""
        else:
            verdict, reason = DROPPED, rule.shortfall(value, lower)
        rows.append((name, *feature_parts(name), n, value, lower, upper, verdict, reason))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _why_not_computed(ratings: NDArray[np.float64], result: Icc, i: int) -> str:
    if result.n_cases[i] < MIN_CASES:
        return f"{counted(result.n_cases[i], 'case')} with a value in every reading; three are needed"
    if result.constant[i]:
        return f"constant: every reading is {np.nanmedian(ratings):.6g}"
    return f"{result.form.label} is not defined: readings of one case differ as much as different cases do"


def _why_exactly_one(result: Icc) -> str:
    consistency = result.form.model == 3
    return "readings differ by a constant at most" if consistency else "all readings of each case are equal"


def _worst(comparisons: Sequence[Comparison], rule: Rule) -> pd.DataFrame:
    """For each feature the row of the comparison where it does worst; no ICC is the worst of all."""
    column = "lower" if rule.lower_bound else "icc"
    judged = np.stack([np.where(c.table["icc"].isna(), -np.inf, c.table[column]) for c in comparisons])
    worst = judged.argmin(axis=0)
    rows = [c.table[worst == i].assign(comparison=c.name) for i, c in enumerate(comparisons)]
    return pd.concat(rows).sort_index()
