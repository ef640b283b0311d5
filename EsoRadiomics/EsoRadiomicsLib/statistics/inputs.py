"""Outcomes and features as the statistics take them, checked once at the door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..core.errors import InputError, UsageError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Survival:
    """Right-censored follow-up of n patients: ``time`` (n,) > 0, all in one unit, and ``event`` (n,), True = event.

    ``competed`` (n,): whose follow-up ended with a competing event, where one is told apart. It censors the hazard of
    the event, as in a cause-specific Cox model, but not its risk: who had it will not have the event.
    """

    time: FloatArray
    event: BoolArray
    competed: BoolArray | None = None

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: IntArray | BoolArray) -> Survival:
        """The patients of ``rows``; an index may repeat, as in a bootstrap sample."""
        return Survival(self.time[rows], self.event[rows], None if self.competed is None else self.competed[rows])

    @property
    def n_events(self) -> int:
        return int(self.event.sum())

    @property
    def ended(self) -> Survival:
        """Follow-up to whatever comes first, the event or what competes with it."""
        return self if self.competed is None else Survival(self.time, self.event | self.competed)


def survival(time: npt.ArrayLike, event: npt.ArrayLike) -> Survival:
    """Check follow-up times and events; raise InputError naming the rows that cannot be used."""
    times, events = numbers(time, "the follow-up time"), indicator(event, "the event")
    if len(times) != len(events):
        raise UsageError(f"There are {len(times)} follow-up times but {len(events)} events.")
    if bad := _labels(time, times <= 0):
        raise InputError(
            f"The follow-up time must be greater than 0, but is not in {bad}. Correct the dates of these patients "
            "or leave them out."
        )
    if not events.any():
        raise InputError("No patient had the event, so nothing can be estimated; check the event column (1 = event).")
    return Survival(times, events)


def binary(outcome: npt.ArrayLike) -> BoolArray:
    """Check a binary outcome coded 0/1 (1 = event) with both classes present; raise InputError otherwise."""
    checked = indicator(outcome, "the outcome")
    if checked.all() or not checked.any():
        raise InputError(f"All {len(checked)} patients have the same outcome; a model needs patients of both kinds.")
    return checked


def numbers(values: npt.ArrayLike, what: str, n: int | None = None) -> FloatArray:
    """A column of finite numbers, ``n`` of them if given; raise InputError naming the rows that are not."""
    try:
        given = np.asarray(values)
        if given.dtype.kind not in "biuf" and any(map(_no_number, given.ravel())):
            raise ValueError
        column = given.astype(np.float64)
    except (TypeError, ValueError):
        cells = pd.Series(np.asarray(values, dtype=object).ravel())
        text = pd.to_numeric(cells, errors="coerce").isna() | cells.map(_no_number)
        found = str(cells[text].iloc[0])[:40]
        raise InputError(
            f"Numbers are needed for {what}, but there is none in {_labels(values, text.to_numpy())} (but “{found}”)."
        ) from None
    if column.ndim != 1 or not len(column):
        raise UsageError(f"One column of numbers is needed for {what}, not an array of shape {column.shape}.")
    if bad := _labels(values, ~np.isfinite(column)):
        raise InputError(f"A number is missing or infinite for {what} in {bad}; fill it in or leave the patients out.")
    if n is not None and len(column) != n:
        raise UsageError(f"There are {len(column)} values of {what} for {n} patients.")
    return column


def _no_number(value: object) -> bool:
    """Whether it is text that only a programming language takes for a number (1_000), or digits of another script."""
    return isinstance(value, str) and ("_" in value or not value.isascii())


def feature_matrix(features: pd.DataFrame, n_outcomes: int) -> tuple[tuple[str, ...], FloatArray]:
    """Names (p,) and values (n, p) of finite, non-constant columns, one row for each of ``n_outcomes`` patients."""
    names = tuple(str(name) for name in features.columns)
    if len(set(names)) < len(names):
        repeated = sorted(name for name, count in Counter(names).items() if count > 1)
        raise InputError(f"The column {_few(repeated)} occurs more than once; give each feature its own name.")
    if not names:
        raise UsageError("The table has no feature column.")
    if len(features) != n_outcomes:
        raise UsageError(f"There are {len(features)} rows of features but {n_outcomes} outcomes.")
    columns = [numbers(features[name], f"'{name}'") for name in features.columns]
    values = np.column_stack(columns)
    # A column of one value repeated can have a tiny spread from rounding, so the range decides, not the SD.
    if constant := [name for name, column in zip(names, columns, strict=True) if np.ptp(column) == 0]:
        raise InputError(
            f"The column {_few(constant)} has the same value in all {n_outcomes} patients and cannot be used; drop it."
        )
    return names, values


def select_columns(features: pd.DataFrame, names: Sequence[str]) -> FloatArray:
    """The columns (n, p) a model needs of other patients; raise InputError for one that is missing or incomplete."""
    if missing := [name for name in names if name not in features.columns]:
        raise InputError(f"The table has no column {_few(missing)}, which the model needs.")
    return np.column_stack([numbers(features[name], f"'{name}'") for name in names])


def check_independent(names: Sequence[str], x: FloatArray) -> None:
    """Raise InputError naming the columns of ``x`` (n, p) that the columns before them already determine."""
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    diagonal = np.abs(np.diag(np.linalg.qr(scaled, mode="r")))
    determined = [*(diagonal < 1e-8 * np.sqrt(len(x))), *[True] * (x.shape[1] - len(diagonal))]
    if dependent := [name for name, is_determined in zip(names, determined, strict=True) if is_determined]:
        which = "The column" if len(dependent) == 1 else "Each of the columns"
        raise InputError(
            f"{which} {_few(dependent)} follows exactly from the columns before it (a copy, or a sum of them), so "
            "no model can tell them apart; leave it out."
        )


def check_same_time_unit(first: Survival, second: Survival) -> None:
    """Raise InputError when two cohorts' median follow-up differs as days, months and years do."""
    medians = sorted([float(np.median(first.time)), float(np.median(second.time))])
    if medians[1] > 10 * medians[0]:
        raise InputError(
            f"The median follow-up is {medians[0]:g} in one cohort and {medians[1]:g} in the other: give both in the "
            "same unit (days, months or years)."
        )


def indicator(values: npt.ArrayLike, what: str) -> BoolArray:
    """A column of 0 and 1; raise InputError for anything else."""
    column = numbers(values, what)
    found = sorted({float(value) for value in column})
    if set(found) <= {0.0, 1.0}:
        return column == 1
    hint = ""
    if found == [1.0, 2.0]:
        hint = " It looks like R's coding 1 = censored, 2 = event: subtract 1."
    elif found == [0.0, 1.0, 2.0]:
        hint = (
            " If 2 is a competing event, say what it is (--competing death), or decide whether it counts as the event "
            "(1) or as censored (0)."
        )
    raise InputError(f"Code {what} as 1 = yes, 0 = no; the values found are {_few([f'{v:g}' for v in found])}.{hint}")


def _labels(values: object, bad: BoolArray) -> str:
    """The rows that are ``bad``, by a pandas index if there is one, else counted from 1; empty if none is."""
    rows = np.flatnonzero(bad)
    if not len(rows):
        return ""
    names = values.index if isinstance(values, pd.Series) else np.arange(1, len(bad) + 1)
    return f"row {_few([str(names[row]) for row in rows])}"


def _few(names: Sequence[str], shown: int = 5) -> str:
    """The first names of a list, for a message."""
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest
