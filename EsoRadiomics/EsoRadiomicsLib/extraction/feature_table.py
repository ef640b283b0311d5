"""Feature tables: one row a case, PyRadiomics' names as columns, with the settings and software of each row.

Columns: ``case``, ``image_sha256``, ``mask_sha256``, ``roi_cm3`` (as drawn), ``settings`` (fingerprint), one
``software:<package>`` column each, then features. Numbers are written with all their digits, and a feature without a
value has an empty cell and its reason in the column ``failed``.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.formatting import counted, some
from ..core.output import safe_cell, write_text
from ..core.places import read_bytes
from ..core.sheet import Sheet, is_xlsx, read_sheet
from ..core.strict_json import parse_json
from ..imaging.case import Case
from .engines import classes, is_feature
from .features import Features
from .ibex.ibex_table import is_ibex_table, read_ibex_table
from .roi import step
from .settings import ExtractionSettings

if TYPE_CHECKING:
    import pandas as pd

SOFTWARE = "software:"
ROI_VOLUME = "roi_cm3"
"""Column of the ROI's volume as drawn."""
SETTINGS_CHANGED = "settings_changed"
"""Column that names the settings that are not the study's, in tables of single cases."""
SETTINGS_UNKNOWN = (
    "The table does not say with which settings its features were measured, so they could not be checked against the "
    "study's."
)
HARMONISED = "harmonised"
"""Column that names the model whose harmonisation a row has been through."""


def feature_row(case: Case, features: Features, wanted: ExtractionSettings | None = None) -> dict[str, Any]:
    """One case's row; what differs from the settings ``wanted`` is named in a column of its own."""
    changes = wanted.differences(features.settings) if wanted else {}
    changed = "; ".join(f"{name}={json.dumps(used)}" for name, (_, used) in changes.items())
    return {
        "case": case.name,
        "image_sha256": case.image_sha256,
        "mask_sha256": case.mask_sha256,
        ROI_VOLUME: step("drawn", case.mask).cm3,
        "settings": features.settings.fingerprint,
        **({SETTINGS_CHANGED: changed} if changed else {}),
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


def read_table(
    path: str | Path, text_columns: Iterable[str] = ("case", "reader", "session", "settings")
) -> pd.DataFrame:
    """Table from a CSV or XLSX file as :func:`feature_sheet` reads it, numbers to their last digit.

    A JSON file of the same name beside it (``table.json``) may hold ``{"settings": {…}, "versions": {…}}`` of
    the whole table; they become columns, unless the table has them.

    Args:
        path: the file.
        text_columns: columns that stay text, so that case ``007`` keeps its zeros and case ``NA`` is one.

    Raises:
        InputError: missing, empty or no table, or a sidecar that is no JSON.
    """
    import pandas as pd
    from pandas._libs.parsers import STR_NA_VALUES

    path = Path(path)
    if is_result_file(path):
        return read_ibex_table(path)
    sheet = feature_sheet(path)
    plain = io.StringIO()
    writer = csv.writer(plain, lineterminator="\n")
    writer.writerow(sheet.columns)
    writer.writerows([row[name] for name in sheet.columns] for _, row in sheet.rows)
    plain.seek(0)
    text = set(text_columns)
    missing = {name: [""] if name in text else sorted(STR_NA_VALUES) for name in sheet.columns}
    table = pd.read_csv(
        plain,
        dtype={name: str for name in sheet.columns if name in text},
        float_precision="round_trip",
        keep_default_na=False,
        na_values=missing,
        skip_blank_lines=False,
    )
    table.attrs["remarks"] = sheet.remarks
    sidecar = path.with_name(path.name.removesuffix(".gz")).with_suffix(".json")
    if not sidecar.is_file():
        return table
    try:
        facts = parse_json(read_bytes(sidecar).decode("utf-8-sig"))
    except ValueError as error:
        raise InputError(f"{sidecar}, beside the table, is no JSON ({error}). Mend or remove it.") from error
    # A reference cohort or a result of the same name is no account of this table, though it holds settings, too.
    facts = facts if isinstance(facts, dict) and facts.keys() <= {"settings", "versions"} else {}
    new = [key for key in ("settings", "versions") if key in facts and key not in table.columns]
    return table.assign(**{key: json.dumps(facts[key], sort_keys=True) for key in new})


def is_result_file(path: Path) -> bool:
    """Whether a table is what an engine's own software writes: rows of features, whatever its columns are called.

    Raises:
        InputError: no such file, or an Excel file that is none.
    """
    return is_xlsx(path) and is_ibex_table(path)


def table_lines(path: Path) -> Iterator[list[str]]:
    """The header and the rows of a table as text cells, before anything is made of them.

    Raises:
        InputError: it cannot be read as a table.
    """
    sheet = feature_sheet(path)
    yield list(sheet.columns)
    yield from ([row[name] for name in sheet.columns] for _, row in sheet.rows)


def feature_sheet(path: Path) -> Sheet:
    """A table as people save it (see :func:`core.sheet.read_sheet`), its features under their own names.

    R writes ``wavelet-HLL_glcm_Idn`` as ``wavelet.HLL_glcm_Idn`` and ``45-7…`` as ``X45.7…``; an engine's own result
    file is read by that engine.

    Raises:
        InputError: missing, empty or no table.
    """
    if is_result_file(path):
        table = read_ibex_table(path)
        cells = table.astype(object).where(table.notna(), "").astype(str).to_dict("records")
        return Sheet(tuple(table.columns), tuple(enumerate(cells, start=1)), table.attrs["remarks"])
    sheet = read_sheet(path)
    names = {name: _own_name(name, sheet.columns) for name in sheet.columns}
    changed = [name for name, own in names.items() if own != name]
    if not changed:
        return sheet
    rows = tuple((line, {names[name]: cell for name, cell in row.items()}) for line, row in sheet.rows)
    remark = (
        f"{counted(len(changed), 'column')} named as R writes names {'was' if len(changed) == 1 else 'were'} taken for "
        f"the features meant ({changed[0]} for {names[changed[0]]}{', …' if len(changed) > 1 else ''})."
    )
    return Sheet(tuple(names.values()), rows, (*sheet.remarks, remark))


def _own_name(name: str, others: Sequence[str]) -> str:
    """The feature that R's ``make.names`` made ``name`` of; ``name`` itself where there is none."""
    if "." not in name or is_feature(name):
        return name
    for candidate in (name.replace(".", "-"), name.removeprefix("X").replace(".", "-")):
        if is_feature(candidate) and candidate not in others:
            return candidate
    return name


def unused_columns(columns: Iterable[object], known: Collection[str] = ()) -> list[str]:
    """A sentence on columns that look like features and are none that any engine here measures, nor ``known``."""
    kinds = {kind.lower() for kind in classes()}
    others = [
        name
        for name in map(str, columns)
        if name not in known and not is_feature(name) and kinds & set(re.split(r"[^a-z0-9]+", name.lower()))
    ]
    if not others:
        return []
    return [
        "Columns that look like features but are not named as any engine here names them were not used "
        f"({len(others)}: {some(others)}). Rename them (image_class_Feature) if they are meant."
    ]


def read_tables(paths: Iterable[Path], text: Sequence[str] = ()) -> pd.DataFrame:
    """Read feature tables and put their rows below each other; ``attrs["remarks"]`` are the sentences of all.

    The columns ``text`` stay text, as ``case`` and ``settings`` do.

    Raises:
        InputError: a file cannot be read as a CSV table.
    """
    import pandas as pd

    tables = [read_table(path, ("case", "settings", *text)) for path in paths]
    whole = pd.concat(tables, ignore_index=True)
    whole.attrs["remarks"] = tuple(dict.fromkeys(text for table in tables for text in table.attrs.get("remarks", ())))
    return whole


def table_software(table: pd.DataFrame) -> dict[str, str]:
    """The software versions that a table's rows tell; several versions are listed."""
    found = {}
    for column in table.columns:
        if str(column).startswith(SOFTWARE):
            found[str(column)[len(SOFTWARE) :]] = ", ".join(sorted(set(table[column].dropna().astype(str))))
    return found
