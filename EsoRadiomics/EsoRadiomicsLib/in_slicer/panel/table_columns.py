"""The columns of a cohort's table that are no features, and which of them probably hold outcome and clinical data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...core.errors import InputError
from ...extraction.engines import is_feature
from ...extraction.feature_table import ROI_VOLUME, SETTINGS_CHANGED, SOFTWARE, table_lines
from ...studies.study import Study
from ..language import tr as _

_OURS = ("case", "reader", "session", "image_sha256", "mask_sha256", ROI_VOLUME, "settings", "failed", SETTINGS_CHANGED)
_TIME = re.compile(r"time|month|day|year|follow|survival", re.IGNORECASE)
_EVENT = re.compile(r"event|^status$|vital|progress|recur|relap|death|dead|died|\b[a-z]{0,3}[pdrfo]s\b", re.IGNORECASE)
_OUTCOME = re.compile(r"outcome|resp|control|recur|relap|progress|metasta", re.IGNORECASE)
_SPLIT = re.compile(r"train|valid|test|development|derivation", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A column's name, whether all its cells are numbers (empty ones aside), and its different cells (at most 20)."""

    name: str
    numeric: bool
    values: frozenset[str]

    @property
    def binary(self) -> bool:
        """Whether it is coded with two numbers."""
        return self.numeric and len(self.values) == 2


@dataclass(frozen=True)
class TableColumns:
    """What a table offers to choose from: ``columns`` that are no features, and the number of features."""

    columns: tuple[Column, ...]
    n_features: int
    n_rows: int

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


@dataclass(frozen=True)
class Proposal:
    """Likely columns; empty where none looks like it."""

    time: str = ""
    event: str = ""
    outcome: str = ""
    split: str = ""
    clinical: tuple[str, ...] = ()


def table_columns(path: str) -> TableColumns:
    """The columns of a CSV file, read again only when it was written.

    Raises:
        InputError: it cannot be read as a table.
    """
    try:
        return _columns(path, Path(path).stat().st_mtime_ns)
    except OSError as error:
        raise InputError(
            _("The table {path} cannot be read: {strerror}. Choose another.").format(path=path, strerror=error.strerror)
        ) from error


def propose(table: TableColumns, study: Study) -> Proposal:
    """Columns by likely names and values, those with the endpoint's abbreviation first (``escc-lpfs-ccrt``: lpfs)."""
    steps = study.card["protocol"]["steps"]
    printed = [name for step in steps if step["step"] == "clinical" for name in step["variables"]]
    covariates = {name.casefold() for name in (study.covariates or printed)}
    clinical = tuple(column.name for column in table.columns if column.name.casefold() in covariates)
    endpoint = set(study.id.split("-"))
    others = [column for column in table.columns if column.name not in clinical]
    others.sort(key=lambda column: not endpoint & set(re.split(r"[\W_]+", column.name.lower())))
    return Proposal(
        time=_first(c.name for c in others if c.numeric and not c.binary and _TIME.search(c.name)),
        event=_first(c.name for c in others if c.binary and _EVENT.search(c.name)),
        outcome=_first(c.name for c in others if c.binary and _OUTCOME.search(c.name)),
        split=_first(c.name for c in others if len(c.values) == 2 and all(map(_SPLIT.match, c.values))),
        clinical=clinical,
    )


def _first(names: Iterable[str]) -> str:
    return next(iter(names), "")


@lru_cache(maxsize=4)
def _columns(path: str, modified: int) -> TableColumns:
    lines = table_lines(Path(path))
    header = next(lines, [])
    features = [name for name in header if is_feature(name)]
    own = [
        i
        for i, name in enumerate(header)
        if name and name not in _OURS and not name.startswith(SOFTWARE) and not is_feature(name)
    ]
    numeric, values = dict.fromkeys(own, True), {i: set[str]() for i in own}
    n_rows = 0
    for row in lines:
        n_rows += 1
        for i in own:
            cell = row[i].strip() if i < len(row) else ""
            numeric[i] &= not cell or _is_number(cell)
            if cell and len(values[i]) < 20:
                values[i].add(cell)
    columns = (Column(header[i], numeric[i] and bool(values[i]), frozenset(values[i])) for i in own)
    return TableColumns(tuple(columns), len(features), n_rows)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
