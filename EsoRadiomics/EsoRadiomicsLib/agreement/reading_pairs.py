"""Which readings are held against each other: between readers, and between the sessions of a reader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.formatting import counted, some
from .icc import MIN_CASES


@dataclass(frozen=True)
class Plan:
    """A comparison to make.

    Attributes:
        name: ``inter-observer``, or ``intra-observer (A)`` for the sessions of reader A.
        column: what tells the raters apart: ``reader`` or ``session``.
        raters: readers, or sessions of the one reader.
        cases: cases that have all readings.
        rows: (cases, raters), the row of each reading.
        left_out: the other cases, each with a rater it lacks.
    """

    name: str
    column: str
    raters: tuple[str, ...]
    cases: tuple[str, ...]
    rows: NDArray[np.intp]
    left_out: tuple[tuple[str, str], ...]


def plan_comparisons(keys: pd.DataFrame, observers: str = "any") -> list[Plan]:
    """The comparisons that readings allow; needs no values, so it can be asked before anything is measured.

    Between readers the first session of each is compared, as the studies do; within a reader, all sessions.

    Args:
        keys: ``case, reader, session`` of each reading as text, none of them twice.
        observers: comparisons that are wanted, as in :class:`agreement.kept_features.Rule`.

    Raises:
        InputError: fewer than two readings or three complete cases for a comparison.
    """
    sessions = {reader: _in_order(rows["session"]) for reader, rows in keys.groupby("reader", sort=False)}
    plans = []
    if observers != "intra" and len(sessions) > 1:
        first = keys["reader"].map({reader: names[0] for reader, names in sessions.items()})
        plans.append(_plan(keys, (keys["session"] == first).to_numpy(), "reader", "inter-observer"))
    elif observers in ("inter", "both"):
        raise InputError(
            f"The table has one reader ({some(sessions)}); a comparison between readers needs two. Add the "
            "other reader's rows, or check the reader column."
        )
    repeated = [reader for reader, names in sessions.items() if len(names) > 1]
    if observers == "inter":
        return plans
    plans += [_plan(keys, (keys["reader"] == r).to_numpy(), "session", f"intra-observer ({r})") for r in repeated]
    if not plans and observers == "any":
        raise InputError(
            f"The table has one reader ({some(sessions)}) with one reading of each case; an ICC needs two. "
            "Add a second reader's or a second session's rows."
        )
    if not repeated and observers != "any":
        raise InputError(
            f"Each reader ({some(sessions)}) has one reading of each case; a comparison within a reader "
            "needs two. Add the other session's rows, or check the session column."
        )
    return plans


def _plan(keys: pd.DataFrame, wanted: NDArray[np.bool_], column: str, name: str) -> Plan:
    places = np.flatnonzero(wanted)
    chosen = keys.iloc[places]
    raters = _in_order(chosen[column])
    cases = list(dict.fromkeys(chosen["case"]))
    rows = np.full((len(cases), len(raters)), -1)
    rows[pd.Index(cases).get_indexer(chosen["case"]), pd.Index(raters).get_indexer(chosen[column])] = places
    present = rows >= 0
    complete = np.flatnonzero(present.all(axis=1))
    if len(complete) < MIN_CASES:
        have = some(f"{rater}: {n}" for rater, n in zip(raters, present.sum(axis=0), strict=True))
        raise InputError(
            f"{name}: {counted(len(complete), 'case')} with all readings (by {column}: {have}); an ICC needs "
            f"at least three. Add readings, or leave out the {column} with few cases."
        )
    lacking = np.flatnonzero(~present.all(axis=1))
    left_out = tuple((cases[c], raters[int(present[c].argmin())]) for c in lacking)
    return Plan(name, column, tuple(raters), tuple(cases[c] for c in complete), rows[complete], left_out)


def _in_order(names: pd.Series) -> list[str]:
    """The different names, numbers first and by size: session 2 comes before session 10."""

    def key(name: str) -> tuple[bool, float, str]:
        try:
            return False, float(name), name
        except ValueError:
            return True, 0.0, name

    return sorted(set(names), key=key)
