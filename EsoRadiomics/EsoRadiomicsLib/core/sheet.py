"""Spreadsheets as people save them: CSV of any common encoding and separator, or XLSX, as rows of text."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError
from .optional import require

_SEPARATORS = ",;\t"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


@dataclass(frozen=True)
class Sheet:
    """A table of text cells: ``rows`` are (line, {column: cell}); ``remarks`` tell how it had to be read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    remarks: tuple[str, ...]


def read_sheet(path: Path) -> Sheet:
    """Read a CSV (comma, semicolon or tab; UTF-8, UTF-16 or Windows-1252) or the first sheet of an XLSX.

    Cells are stripped; a decimal comma becomes a decimal point; lines without any text are left out.

    Raises:
        InputError: no such file, not a table, no header line, or two columns of one name.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}. Check the spelling of the path.")
    remarks: list[str] = []
    lines = list(_xlsx_lines(path) if path.suffix.lower() == ".xlsx" else _csv_lines(path, remarks))
    filled = [(number, cells) for number, cells in enumerate(lines, start=1) if any(cells)]
    if not filled:
        raise InputError(f"{path} is empty. Give a table with a header line and one line a case.")
    columns = tuple(filled[0][1])
    while columns and not columns[-1]:
        columns = columns[:-1]  # Excel keeps columns that were once used
    twice = sorted({name or "(no name)" for name in columns if columns.count(name) > 1})
    if twice or "" in columns:
        raise InputError(
            f"The header line of {path} names {', '.join(twice) or 'a column'} "
            f"{'more than once' if twice else 'with nothing'}. Give each column a name of its own."
        )
    commas: dict[str, int] = {}
    rows = []
    for number, cells in filled[1:]:
        row = dict(zip(columns, [*cells, *[""] * len(columns)], strict=False))
        if any(cells[len(columns) :]):
            raise InputError(
                f"Line {number} of {path} has more cells than the header line. Put text that holds the separator into "
                "quotation marks."
            )
        for name, cell in row.items():
            if _DECIMAL_COMMA.fullmatch(cell):
                row[name] = cell.replace(",", ".")
                commas[name] = commas.get(name, 0) + 1
        rows.append((number, row))
    remarks += [
        f"Decimal commas in column “{name}” were read as decimal points (cells: {n})." for name, n in commas.items()
    ]
    return Sheet(columns, tuple(rows), tuple(remarks))


def _csv_lines(path: Path, remarks: list[str]) -> Iterator[list[str]]:
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
        remarks.append(
            f"{path.name} is not UTF-8; it was read as Windows-1252 (Western Europe). Check the names with accents, or "
            "save it as “CSV UTF-8”."
        )
    if "\0" in text:
        raise InputError(f"{path} is not a text table. Give a CSV or XLSX file.")
    header = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=header.count)
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            yield [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(f"{path} cannot be read as a CSV table ({error}). Save it again as CSV UTF-8.") from error


def _xlsx_lines(path: Path) -> Iterator[list[str]]:
    yield from next(iter(xlsx_sheets(path).values()))


def xlsx_sheets(path: Path) -> dict[str, list[list[str]]]:
    """All sheets of an Excel file by name, in its order: lines of stripped text cells, as wide as the sheet.

    Raises:
        InputError: no such file, no Excel file, or openpyxl is not installed.
    """
    openpyxl = require("openpyxl", "cohort", f"The Excel file {path}, unlike a CSV,")
    try:
        # data_only: of a formula the value that Excel last showed; nothing is computed here.
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises what zipfile, XML and its own checks raise
        raise InputError(f"{path} cannot be read as an Excel file ({error}). Save it again as XLSX or CSV.") from error
    try:
        return {
            sheet.title: [[_cell_text(cell) for cell in cells] for cells in sheet.iter_rows(values_only=True)]
            for sheet in book.worksheets
        }
    finally:
        book.close()


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Excel has no whole numbers: label 1 is stored as 1.0
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value).strip()
