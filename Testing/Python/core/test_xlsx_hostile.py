"""Excel files that lie about their size, are damaged or are bombs: all rows that are there, or a sentence."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from EsoRadiomicsLib.core import sheet
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.core.sheet import read_sheet

openpyxl = pytest.importorskip("openpyxl", reason="Excel files need openpyxl")
SHEET = "xl/worksheets/sheet1.xml"


def rewritten(path: Path, change: Callable[[bytes], bytes], part: str = SHEET) -> Path:
    """An Excel file with four cases, one part of which is changed."""
    book = openpyxl.Workbook()
    for line in (("case", "image", "mask"), *((f"P{i}", "ct.nrrd", "gtv.nrrd") for i in range(4))):
        book.active.append(line)
    book.save(path)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, change(content) if name == part else content)
    return path


@pytest.mark.parametrize("size", [b"A1:C3", b"A1", b"A1:XFD1048576", b"B2:B2"])
def test_the_size_that_a_sheet_says_it_has_is_not_believed(size: bytes, tmp_path: Path) -> None:
    path = rewritten(tmp_path / "m.xlsx", lambda content: content.replace(b'ref="A1:C5"', b'ref="' + size + b'"'))
    found = read_sheet(path)
    assert found.columns == ("case", "image", "mask")
    assert [row["case"] for _, row in found.rows] == ["P0", "P1", "P2", "P3"]


def test_a_header_line_without_end_is_refused_at_once(tmp_path: Path) -> None:
    names = ",".join(f"c{i}" for i in range(300_000))
    (tmp_path / "m.csv").write_text(f"case,image,mask,{names}\nA,ct.nrrd,gtv.nrrd\n")
    with pytest.raises(InputError, match="300,003 columns"):
        read_sheet(tmp_path / "m.csv")


def cut(content: bytes) -> bytes:
    return content[:400]


def laughing(content: bytes) -> bytes:
    entities = b'<!ENTITY a "' + b"ha" * 50 + b'">'
    entities += b"".join(b'<!ENTITY %c "%s">' % (97 + i, b"&%c;" % (96 + i) * 50) for i in range(1, 10))
    return b"<!DOCTYPE x [" + entities + b"]>" + content.replace(b"P1", b"&j;")


def no_sheets(content: bytes) -> bytes:
    return re.sub(rb"<sheets>.*</sheets>", b"<sheets/>", content)


@pytest.mark.parametrize(("change", "part"), [(cut, SHEET), (laughing, SHEET), (no_sheets, "xl/workbook.xml")])
def test_a_damaged_file_is_a_sentence(change: Callable[[bytes], bytes], part: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"m\.xlsx (cannot be read as an Excel file|has no sheet)"):
        read_sheet(rewritten(tmp_path / "m.xlsx", change, part))


def test_what_unpacks_to_more_than_can_be_meant_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = rewritten(tmp_path / "m.xlsx", lambda content: content + b" " * (1 << 20))
    monkeypatch.setattr(sheet, "_MOST_UNPACKED", 1 << 20)
    with pytest.raises(InputError, match="unpacks to more"):
        read_sheet(path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b'<row r="3"', b'<row r="2"', "row 2 comes after row 2"),
        (b'<row r="3"', b'<row r="9"', "row 9 is called A3"),
        (b'r="B3"', b'r="A3"', "row 3 is called A3"),
        (b'r="B3"', b'r="B2"', "row 3 is called B2"),
    ],
)
def test_rows_and_cells_out_of_order_are_refused_not_lost(old: bytes, new: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        read_sheet(rewritten(tmp_path / "m.xlsx", lambda content: content.replace(old, new)))


def test_rows_and_cells_without_numbers_are_counted(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "m.xlsx", lambda content: re.sub(rb' r="[A-Z]*[0-9]+"', b"", content))
    assert [row["case"] for _, row in read_sheet(path).rows] == ["P0", "P1", "P2", "P3"]
