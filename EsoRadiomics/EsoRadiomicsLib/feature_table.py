"""Feature tables: one row a case, PyRadiomics' names as columns, with the settings and software of each row.

Columns: ``case``, ``image_sha256``, ``mask_sha256``, ``settings`` (fingerprint), one ``software:<package>`` column
each,
then features. Numbers are written with all their digits, and a feature without a value has an empty cell and its
reason in the column ``failed``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .case import Case
from .features import Features
from .output import safe_cell, write_text

if TYPE_CHECKING:
    import pandas as pd

SOFTWARE = "software:"


def feature_row(case: Case, features: Features) -> dict[str, Any]:
    """One case's row."""
    return {
        "case": case.name,
        "image_sha256": case.image_sha256,
        "mask_sha256": case.mask_sha256,
        "settings": features.settings.fingerprint,
        **{f"{SOFTWARE}{name}": version for name, version in features.software.items()},
        "failed": "; ".join(f"{name}: {reason}" for name, reason in features.failed.items()),
        **features.values,
    }


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, whole or not at all; the columns are all that occur, in their first order."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([safe_cell(column) for column in columns])
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    write_text(path, text.getvalue())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return repr(float(value)) if isinstance(value, float) else safe_cell(str(value))


def read_tables(paths: Iterable[Path]) -> pd.DataFrame:
    """Read feature tables and put their rows below each other.

    Raises:
        InputError: a file cannot be read as a CSV table.
    """
    import pandas as pd

    from .agreement.table import read_table

    return pd.concat([read_table(path, ("case", "settings")) for path in paths], ignore_index=True)


def table_software(table: pd.DataFrame) -> dict[str, str]:
    """The software versions of a table's rows; several versions are listed."""
    found = {}
    for column in table.columns:
        if str(column).startswith(SOFTWARE):
            found[str(column)[len(SOFTWARE) :]] = ", ".join(sorted(set(table[column].astype(str))))
    return found
