"""Spreadsheets as people save them: CSV of any common encoding and separator, or XLSX, as rows of text."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import iterparse

from .errors import InputError
from .optional import require
from .places import read_bytes, require_regular
from .unnamed_encoding import CHINESE, WESTERN, decoded

MOST_COLUMNS = 50_000
_SEPARATORS = ",;\t|，"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(
    r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?|[+-]?[1-9]\d{0,2}(\.\d{3})+,\d*|[+-]?[1-9]\d{0,2}(['’]\d{3})+(\.\d*)?"
)
_SEPARATOR_TOLD = re.compile(r"sep=(.)\r?(?=\n)")
"""Excel's own first line of a CSV."""
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_WIDE = str.maketrans({chr(0xFF01 + i): chr(0x21 + i) for i in range(94)} | {"−": "-"})
"""Full-width characters, as Chinese input methods write them, and the minus sign."""
_READ_AS = {
    CHINESE: "GB18030 (Chinese). Check the names",
    WESTERN: "Windows-1252 (Western Europe). Check the names with accents",
}
_MOST_BYTES = 1 << 30
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_MOST_REMARKS = 5
_MOST_UNPACKED, _MOST_CELLS = 1 << 30, 20_000_000  # of an Excel file


@dataclass(frozen=True)
class Sheet:
    """A table of text cells: ``rows`` are (line, {column: cell}); ``remarks`` tell how it had to be read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    remarks: tuple[str, ...]


def read_sheet(path: Path) -> Sheet:
    """Read a CSV (any common separator; UTF-8, UTF-16, GB18030 or Windows-1252) or the first sheet of an XLSX.

    Cells are stripped; a decimal comma becomes a decimal point; lines without any text are left out. A CSV may be
    gzipped.

    Raises:
        InputError: no such file, not a table, no header line, two columns of one name, or thousands separators.
    """
    require_regular(path)
    remarks: list[str] = []
    separator = ""
    if is_xlsx(path):
        lines = _xlsx_lines(path, remarks)
    else:
        text = _text(path, remarks)
        hint = _SEPARATOR_TOLD.match(text)
        separator = hint[1] if hint else max(_SEPARATORS, key=text.split("\n", 1)[0].count)
        lines = list(_csv_lines(path, text[hint.end() :] if hint else text, separator))
    filled = [(number, cells) for number, cells in enumerate(lines, start=1) if any(cells)]
    if not filled:
        raise InputError(f"{path} is empty. Give a table with a header line and one line a case.")
    columns = tuple(filled[0][1])
    while columns and not columns[-1]:
        columns = columns[:-1]  # Excel keeps columns that were once used
    if columns and not columns[0] and "row" not in columns:
        # R and pandas write the names of rows into a first column without a name.
        columns = ("row" if "case" in columns else "case", *columns[1:])
        if columns[0] == "case":
            remarks.append(f"The first column of {path.name}, which has no name, was taken for the case.")
    if len(columns) > MOST_COLUMNS:
        raise InputError(f"{path} has {len(columns):,} columns; at most {MOST_COLUMNS:,} are read. Leave some out.")
    twice = sorted(name or "(no name)" for name, n in Counter(columns).items() if n > 1)
    if twice or "" in columns:
        raise InputError(
            f"The header line of {path} names {', '.join(twice) or 'a column'} "
            f"{'more than once' if twice else 'with nothing'}. Give each column a name of its own."
        )
    commas: dict[str, int] = {}
    decimals: set[str] = set()  # columns in which a comma can be nothing but a decimal one
    thousands: dict[str, tuple[int, str]] = {}
    rows = []
    for number, cells in filled[1:]:
        row = dict(zip(columns, [*cells, *[""] * len(columns)], strict=False))
        if any(cells[len(columns) :]):
            raise InputError(
                f"Line {number} of {path} has more cells than the header line. Put text that holds the separator into "
                "quotation marks, give every column a name, and remove titles above the header line."
            )
        for name, cell in row.items():
            if not cell.isascii() and _NUMBER.fullmatch(plain := cell.translate(_WIDE)):
                row[name] = cell = plain
            if "," not in cell and "'" not in cell and "’" not in cell:
                continue
            if _THOUSANDS.fullmatch(cell) and (name not in commas or not _DECIMAL_COMMA.fullmatch(cell)):
                thousands.setdefault(name, (number, cell))
            if _DECIMAL_COMMA.fullmatch(cell):
                row[name] = cell.replace(",", ".")
                commas[name] = commas.get(name, 0) + 1
                if separator == ";" or not _THOUSANDS.fullmatch(cell):
                    decimals.add(name)
        rows.append((number, row))
    for name, (number, cell) in thousands.items():
        if name not in decimals or not _DECIMAL_COMMA.fullmatch(cell):
            raise InputError(
                f"Line {number} of {path} has “{cell}” in column “{name}”, which looks like a number with thousands "
                "separators. Save the table without them."
            )
    told = [f"in column “{name}” were read as decimal points (cells: {n})." for name, n in commas.items()]
    if len(told) > _MOST_REMARKS:
        told = [f"in {len(told)} columns were read as decimal points (cells: {sum(commas.values())})."]
    remarks += [f"Decimal commas {text}" for text in told]
    return Sheet(columns, tuple(rows), tuple(remarks))


def is_xlsx(path: Path) -> bool:
    """Whether a file is an Excel workbook, by its ending or, whatever that says, by its content."""
    return path.suffix.lower() == ".xlsx" or read_bytes(path, 4) == b"PK\x03\x04"


def _text(path: Path, remarks: list[str]) -> str:
    content = _content(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path} is not a text table: it begins as UTF-16 does and does not go on so. Save it as CSV UTF-8."
            ) from error
    else:
        text, encoding = decoded(content)
        if encoding in _READ_AS:
            remarks.append(f"{path.name} is not UTF-8; it was read as {_READ_AS[encoding]}, or save it as “CSV UTF-8”.")
    if _NO_TEXT.search(text):
        raise InputError(f"{path} is not a text table. Give a CSV or XLSX file.")
    return text


def _csv_lines(path: Path, text: str, separator: str) -> Iterator[list[str]]:
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            yield [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(f"{path} cannot be read as a CSV table ({error}). Save it again as CSV UTF-8.") from error


def _content(path: Path) -> bytes:
    content = read_bytes(path)
    if not content.startswith(b"\x1f\x8b"):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged: it does not unpack ({error}). Copy or export it again.") from error
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path} unpacks to more than {_MOST_BYTES >> 20} MiB. Split the table.")
    return content


def _xlsx_lines(path: Path, remarks: list[str]) -> list[list[str]]:
    sheets = {title: lines for title, lines in xlsx_sheets(path).items() if any(map(any, lines))}
    if not sheets:
        raise InputError(f"{path} has no sheet with cells. Give a table with a header line and one line a case.")
    first = next(iter(sheets))
    if len(sheets) > 1:
        remarks.append(f"Of {path.name}, which has {len(sheets)} sheets, the first with cells was read (“{first}”).")
    return sheets[first]


def xlsx_sheets(path: Path) -> dict[str, list[list[str]]]:
    """All sheets of an Excel file by name, in its order: lines of stripped text cells, as wide as the sheet.

    Raises:
        InputError: no such file, no Excel file, or openpyxl is not installed.
    """
    openpyxl = require("openpyxl", "cohort", f"The Excel file {path}, unlike a CSV,")
    content = io.BytesIO(read_bytes(path))
    try:
        with zipfile.ZipFile(content) as parts:
            if sum(part.file_size for part in parts.infolist()) > _MOST_UNPACKED:
                raise ValueError("it unpacks to more than can be meant")
            for name in parts.namelist():
                if name.lower().endswith(".xml"):
                    with parts.open(name) as part:
                        _require_rising(part)
        # data_only: of a formula the value that Excel last showed; nothing is computed here.
        with closing(openpyxl.load_workbook(content, read_only=True, data_only=True)) as book:
            return {sheet.title: _sheet_lines(sheet) for sheet in book.worksheets}
    except (zipfile.BadZipFile, KeyError) as error:
        raise InputError(f"{path} is no XLSX file (an older or another format). Save it as XLSX or CSV.") from error
    except Exception as error:  # openpyxl raises what zipfile, XML and its own checks raise
        raise InputError(f"{path} cannot be read as an Excel file ({error}). Save it again as XLSX or CSV.") from error


def _require_rising(part: IO[bytes]) -> None:
    """Refuse rows and cells of a sheet that are not in the order of their numbers: openpyxl leaves such rows out."""
    row = column = 0
    for event, element in iterparse(part, ("start", "end")):
        kind = element.tag.rpartition("}")[2]
        if event == "end":
            element.clear()
        elif kind == "row":
            before, row, column = row, int(element.get("r") or row + 1), 0
            if row <= before:
                raise ValueError(f"its row {row} comes after row {before}")
        elif kind == "c" and row:
            place = re.fullmatch(r"([A-Z]{1,3})([0-9]{1,7})", element.get("r") or "")
            before = column
            column = reduce(lambda n, letter: 26 * n + ord(letter) - 64, place[1], 0) if place else column + 1
            if column <= before or (place and int(place[2]) != row):
                raise ValueError(f"a cell of its row {row} is called {element.get('r')}")


def _sheet_lines(sheet: Any) -> list[list[str]]:
    """The cells that are there, whatever size the sheet says it has; lines with text are of one width."""
    sheet.reset_dimensions()
    lines: list[list[str]] = []
    cells = 0
    for row in sheet.iter_rows(values_only=True):
        lines.append([_cell_text(cell) for cell in row] if any(cell is not None for cell in row) else [])
        cells += len(lines[-1]) + 1
        if cells > _MOST_CELLS:
            raise ValueError(f"it has more than {_MOST_CELLS:,} cells")
    width = max(map(len, lines), default=0)
    return [line + [""] * (width - len(line)) if line else line for line in lines]


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Excel has no whole numbers: label 1 is stored as 1.0
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value).strip()
