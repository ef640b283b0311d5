"""Rows of a cohort's table that cannot be used: without a clinical value, or over before the landmark."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ..core.errors import InputError, UsageError
from ..core.formatting import some

_MOST_MISSING = 0.5


def complete_cases(table: pd.DataFrame, clinical: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """The rows that have all ``clinical`` variables, and a sentence on those that have not.

    Raises:
        InputError: more than half of the rows lack a variable.
    """
    check_gaps(table, clinical)
    remarks = []
    for name in clinical:
        missing = table[name].isna()
        if missing.any():
            remarks.append(
                f"{int(missing.sum())} of {len(table)} patients have no “{name}” and were left out (complete cases): "
                f"{some(table.index[missing])}. If they differ from the others, so would the model."
            )
    return table[table[clinical].notna().all(axis=1)], remarks


def check_gaps(table: pd.DataFrame, clinical: Iterable[str]) -> None:
    """Raise InputError when more than half of the rows lack one of the ``clinical`` variables."""
    for name in clinical:
        missing = table[name].isna()
        if missing.mean() > _MOST_MISSING:
            raise InputError(
                f"“{name}” is empty for {int(missing.sum())} of {len(table)} patients ({some(table.index[missing])}). "
                "Fill it in, or leave the variable out."
            )


def after_landmark(
    table: pd.DataFrame, time: str, landmark: float, unit: str, factor: float
) -> tuple[pd.DataFrame, str]:
    """Those still followed at the ``landmark``, their clock started there, and a sentence on the others.

    ``landmark`` is in ``unit``; the table's times × ``factor`` are, too.

    Raises:
        UsageError: the landmark is before the table's start.
        InputError: nobody was followed beyond it.
    """
    if landmark < 0:
        raise UsageError(f"The landmark is {landmark:g} {unit}; give a time after the table's start.")
    followed = table[time] * factor > landmark
    if not followed.any():
        raise InputError(f"Nobody was followed beyond the landmark of {landmark:g} {unit}. Check its unit.")
    sentence = (
        f"Landmark analysis: the clock starts {landmark:g} {unit} after the table's, and all times count from there; "
        f"{int((~followed).sum())} of {len(table)} patients with the event or the last visit before were left out."
    )
    return table[followed].assign(**{time: table[time] - landmark / factor}), sentence
