"""IBEX's own result tables: an Excel file whose sheet “Result” names category and feature in two header rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import InputError
from ...core.sheet import xlsx_sheets
from .ibex_names import IBEX_CATEGORIES, name_from_table

if TYPE_CHECKING:
    import pandas as pd

RESULT, INFO = "Result", "Feature Info."
_CASE = ("case", "MRN", "Image", "Index")
"""Columns that may tell the cases apart, the best first; the last is IBEX's own numbering."""
_READING = ("reader", "session")
"""Columns that tell the readings of one case apart, where they were typed beside IBEX's."""


def is_ibex_table(path: Path) -> bool:
    """Whether an Excel file is a result table of IBEX's: it has the sheet “Result” with IBEX's own numbering.

    Raises:
        InputError: no such file, or no Excel file.
    """
    return any(line[:1] == ["Index"] for line in xlsx_sheets(path).get(RESULT, []))


def read_ibex_table(path: Path) -> pd.DataFrame:
    """One row an ROI: the features under our names, all other columns under their own, numbers where all cells are.

    Outcome and clinical variables, reader and session may stand beside IBEX's columns, each with its name in the lower
    header row. Empty cells stay empty. ``attrs["remarks"]`` are sentences on the settings that the file says IBEX had.

    Raises:
        InputError: no such file, no table of IBEX's, or the same feature twice (from several feature sets).
    """
    import pandas as pd

    sheets = xlsx_sheets(path)
    lines = sheets.get(RESULT, [])
    at = next((i for i, line in enumerate(lines) if line[:1] == ["Index"]), 0)
    if at == 0:
        raise InputError(
            f"{path} is an Excel file, but no result table of IBEX (a sheet “{RESULT}” with two header rows, of which "
            "the lower begins with “Index”). Save other tables as CSV."
        )
    columns = [_name(upper, lower) for upper, lower in zip_longest(lines[at - 1], lines[at], fillvalue="")]
    for name, n in Counter(columns).items():
        if n > 1 and name:
            raise InputError(
                f"{path} has the column “{name}” {n} times; IBEX writes one for each of its feature sets. Which is "
                "meant cannot be known: delete the others."
            )
    rows = [dict(zip(columns, row, strict=False)) for row in lines[at + 1 :] if any(row)]
    cells = {name: [row.get(name, "") for row in rows] for name in columns if name}
    readings = [cells[name] for name in _READING if name in cells]
    case = next((name for name in _CASE if all(cells.get(name, [""])) and _distinct(cells[name], *readings)), None)
    if case is None:
        raise InputError(f"{path} has no column (case, MRN, Image or Index) that tells its rows apart.")
    values = {name: found if name in _READING else _numbers(found) for name, found in cells.items()}
    table = pd.DataFrame({"case": cells[case]} | {name: column for name, column in values.items() if name != "case"})
    table.attrs["remarks"] = tuple(_settings(sheets.get(INFO, [])))
    return table


def _distinct(*columns: Sequence[str]) -> bool:
    """Whether no two rows are the same in all columns."""
    rows = list(zip(*columns, strict=True))
    return len(set(rows)) == len(rows)


def _name(upper: str, lower: str) -> str:
    """Ours for a feature of ours, IBEX's with its feature set for another, the lower one alone for all else."""
    return name_from_table(upper, lower) or f"{upper} {lower}".strip()


def _numbers(cells: Sequence[str]) -> list[float] | list[str | None]:
    try:
        return [float(cell) if cell else float("nan") for cell in cells]
    except ValueError:
        return [cell or None for cell in cells]


def _settings(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    """A sentence for each feature set of a category of ours."""
    heads = [i for i, line in enumerate(lines) if line[:1] == ["Category"]]
    for head in heads:
        category, parameters, *_, step, of_step = (
            (*lines[head + 1], *[""] * 6)[:6] if head + 1 < len(lines) else [""] * 6
        )
        if category in IBEX_CATEGORIES.values():
            before = f", after {step} ({of_step.strip('; ')})" if step else ""
            yield f"The table says of IBEX's {category}: {parameters.strip('; ') or 'no parameters'}{before}."
