"""Harmonising a feature table: fit on its training rows or apply a fitted model, and show before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...cohort.cohort_scores import read_rows
from ...core.errors import InputError, UsageError
from ...core.numbers import finite
from ...core.output import write_text
from ...extraction.engines import is_feature
from ...extraction.feature_table import HARMONISED, write_rows
from ...statistics.combat import Combat, batch_share, fit_combat
from ..figures.style import to_svg
from .cohort_figures import batches_figure
from .cohort_page import cards, page, paragraph, picture, section, table


@dataclass(frozen=True)
class FeatureTable:
    """A feature table in memory: its cells as text, and its features as numbers (rows, features; NaN if empty)."""

    rows: tuple[Mapping[str, str], ...]
    features: tuple[str, ...]
    values: NDArray[np.float64]

    def column(self, name: str) -> list[str]:
        """The cells of a column.

        Raises:
            UsageError: there is no such column.
        """
        if name not in self.rows[0]:
            others = [column for column in self.rows[0] if not is_feature(column)]
            raise UsageError(f"The table has no column “{name}”. Its columns are: {', '.join(others)}.")
        return [row[name].strip() for row in self.rows]

    def of(self, features: Sequence[str]) -> NDArray[np.float64]:
        """The values of some features.

        Raises:
            InputError: the table lacks one.
        """
        missing = [name for name in features if name not in self.features]
        if missing:
            raise InputError(
                f"The table lacks {len(missing)} of the harmonisation's features ({missing[0]} …). Measure all of them."
            )
        place = {name: position for position, name in enumerate(self.features)}
        return self.values[:, [place[name] for name in features]]


def read_features(path: Path) -> FeatureTable:
    """Read a feature table.

    Raises:
        InputError: no feature table, no rows, cells that are no numbers, or a table that is harmonised already.
    """
    rows = tuple(read_rows(path))
    if not rows:
        raise InputError(f"{path} has no rows. Give the table of a cohort run.")
    if HARMONISED in rows[0]:
        raise InputError(f"{path} is harmonised already. Give the table as it was measured.")
    features = tuple(name for name in rows[0] if is_feature(name))
    try:
        values = [[finite(row[name]) if row[name] else math.nan for name in features] for row in rows]
    except ValueError as error:
        raise InputError(f"{path} holds a feature that is no number ({error}). Give the table as written.") from error
    return FeatureTable(rows, features, np.array(values))


def fit_table(features: FeatureTable, column: str, train: tuple[str, str] | None) -> tuple[Combat, list[str]]:
    """Fit ComBat over the batches of ``column`` on the rows whose column ``train[0]`` is ``train[1]``, or on all.

    Returns:
        The model, and the features left out.

    Raises:
        UsageError: no such column, or no training rows.
        InputError: too few rows or batches; see :func:`EsoRadiomicsLib.statistics.combat.fit_combat`.
    """
    batches = features.column(column)
    chosen = [True] * len(batches) if train is None else [cell == train[1] for cell in features.column(train[0])]
    if train is not None and not any(chosen):
        raise UsageError(f"No row has {train[0]}={train[1]}. Check --train.")
    values = features.values[np.array(chosen)]
    return fit_combat(
        values, [name for name, use in zip(batches, chosen, strict=True) if use], features.features, column
    )


def write_harmonised(features: FeatureTable, model: Combat, out: Path, left_out: Sequence[str] = ()) -> None:
    """Write the harmonised table, and beside it a page with before and after.

    Raises:
        InputError: a batch or feature that does not fit the model.
        OutputError: it cannot be written.
    """
    batches = features.column(model.column)
    before = features.of(model.features)
    after = model.apply(before, batches)
    rows: list[dict[str, Any]] = []
    for row, values in zip(features.rows, after, strict=True):
        new: dict[str, Any] = {name: cell for name, cell in row.items() if not is_feature(name)} | {
            HARMONISED: model.fingerprint
        }
        new |= {name: finite(row[name]) if row[name] else None for name in features.features}
        new |= {name: None if math.isnan(v) else float(v) for name, v in zip(model.features, values, strict=True)}
        rows.append(new)
    write_rows(out, rows)
    write_text(page_of(out), _page(model, before, after, batches, left_out))


def page_of(out: Path) -> Path:
    """The page that goes with a harmonised table."""
    return out.with_name(f"{out.stem}.html" if out.suffix != ".html" else f"{out.name}.html")


def _page(
    model: Combat,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    batches: Sequence[str],
    left_out: Sequence[str],
) -> str:
    complete = np.isfinite(before).all(axis=1)  # a row with a missing feature has no place among the components
    known = [batches[row] for row in np.flatnonzero(complete).tolist()]
    shares = [batch_share(values[complete], known) for values in (before, after)]
    figure = batches_figure(before[complete], after[complete], known)
    facts = [
        ("before", f"{100 * shares[0]:.1f} %", f"of the features' variance lies between {model.column}s"),
        ("after", f"{100 * shares[1]:.1f} %", f"of the features' variance lies between {model.column}s"),
        ("harmonised", str(len(model.features)), f"features; {len(left_out)} left out"),
    ]
    learned = sum(batch.rows for batch in model.batches.values())
    rows = [(name, str(batch.rows), str(list(batches).count(name))) for name, batch in model.batches.items()]
    note = (
        "ComBat also removes differences between patients where batches differ in their patients. Compare the clinical "
        "columns of the batches before trusting it."
    )
    return page(
        f"Harmonisation over {model.column}",
        f"ComBat (Johnson 2007), model {model.fingerprint}, fitted on {learned} training rows",
        [
            cards(facts),
            picture(to_svg(figure), f"Principal components before and after, by {model.column}."),
            section("Batches", table((model.column, "training rows", "rows here"), rows)),
            section("Left out: missing or constant values", table(("feature",), [(name,) for name in left_out])),
            section("To bear in mind", paragraph(note), "warnings"),
        ],
    )
