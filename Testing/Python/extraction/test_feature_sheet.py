"""One reader for every table: whatever way people save it, the same numbers come out, or a sentence."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from EsoRadiomicsLib.cohort.cohort_scores import read_rows
from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.core.sheet import read_sheet
from EsoRadiomicsLib.extraction.feature_table import read_table, table_lines

TABLE = pd.DataFrame(
    {
        "case": ["NA", "007", "Müller"],
        "months": [12.5, 0.1234567890123457, 1e-17],
        "wavelet-HLL_glcm_Idn": [0.1, 1234.5678, -3.25e-5],
        "original_firstorder_Mean": [1.0, None, 3.0],
        "stage": [1, 2, 3],
    }
)


def plain(path: Path) -> Path:
    TABLE.to_csv(path, index=False)
    return path


def semicolons(path: Path) -> Path:
    TABLE.to_csv(path, index=False, sep=";", decimal=",")
    return path


def unicode_text_of_excel(path: Path) -> Path:
    TABLE.to_csv(path, index=False, sep="\t", encoding="utf-16")
    return path


def windows(path: Path) -> Path:
    TABLE.to_csv(path, index=False, encoding="cp1252", lineterminator="\r\n")
    return path


def byte_order_mark(path: Path) -> Path:
    TABLE.to_csv(path, index=False, encoding="utf-8-sig")
    return path


def empty_rows(path: Path) -> Path:
    path.write_text(plain(path).read_text().replace("\n007", "\n,,,,\n\n007") + ",,,,\n\n , ,,,\n")
    return path


def zipped(path: Path) -> Path:
    path.write_bytes(gzip.compress(plain(path).read_bytes()))
    return path


def excel(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.append(list(TABLE.columns))
    for row in TABLE.astype(object).where(TABLE.notna(), None).to_numpy().tolist():
        book.active.append(row)
    book.save(path)
    return path


def r_row_names(path: Path) -> Path:
    lines = plain(path).read_text().splitlines()
    path.write_text("\n".join(f'"{i or ""}",{line}' for i, line in enumerate(lines)))
    return path


def r_names(path: Path) -> Path:
    path.write_text(plain(path).read_text().replace("wavelet-HLL_glcm_Idn", "wavelet.HLL_glcm_Idn"))
    return path


def separator_told(path: Path) -> Path:
    path.write_text("sep=;\n" + semicolons(path).read_text())
    return path


def bars(path: Path) -> Path:
    TABLE.to_csv(path, index=False, sep="|")
    return path


def full_width(path: Path) -> Path:
    """As a Chinese input method writes separators and digits; a real minus sign, too."""
    wide = str.maketrans("0123456789.,", "０１２３４５６７８９．，")
    head, *lines = plain(path).read_text().replace("-3.25e-05", "−3.25e-05").splitlines()
    names, rest = zip(*(line.split(",", 1) for line in lines), strict=True)
    lines = [f"{name},{line}".replace(",", "，") for name, line in zip(names, rest, strict=True)]
    lines[0] = "NA，" + rest[0].translate(wide)
    path.write_text("\n".join([head.replace(",", "，"), *lines]))
    return path


WAYS = (
    *(plain, semicolons, unicode_text_of_excel, windows, byte_order_mark, empty_rows, zipped, excel),
    *(r_row_names, r_names, separator_told, bars, full_width),
)


@pytest.mark.parametrize("way", WAYS)
def test_a_table_is_the_same_however_it_is_saved(way: Callable[[Path], Path], tmp_path: Path) -> None:
    path = way(tmp_path / "table.csv")
    table = read_table(path)
    pd.testing.assert_frame_equal(table[list(TABLE.columns)], TABLE, check_exact=True)
    assert [line[list(table.columns).index("case")] for line in table_lines(path)][1:] == ["NA", "007", "Müller"]
    assert [row["case"] for row in read_rows(path)] == ["NA", "007", "Müller"]
    assert all(float(row["wavelet-HLL_glcm_Idn"]) for row in read_rows(path))


def test_how_a_table_had_to_be_read_is_told(tmp_path: Path) -> None:
    assert "Decimal commas in column “months”" in read_table(semicolons(tmp_path / "a.csv")).attrs["remarks"][0]
    assert "not UTF-8" in read_table(windows(tmp_path / "b.csv")).attrs["remarks"][0]
    assert "1 column named as R writes names was taken" in read_table(r_names(tmp_path / "c.csv")).attrs["remarks"][0]


def test_a_table_of_chinese_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("case,生存时间\n张喆,12.5\n㛃,3\n", encoding="gb18030")
    table = read_table(path)
    assert table.to_dict("list") == {"case": ["张喆", "㛃"], "生存时间": [12.5, 3.0]}
    assert "it was read as GB18030 (Chinese)" in table.attrs["remarks"][0]


def test_of_several_sheets_the_first_with_cells_is_read_and_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title in ("values", "notes"):
        for row in (["case", "x"], [title, 1]):
            (book[title] if title in book.sheetnames else book.create_sheet(title)).append(row)
    book.save(tmp_path / "t.xlsx")
    table = read_table(tmp_path / "t.xlsx")
    assert table["case"].tolist() == ["values"]
    assert "which has 2 sheets, the first with cells was read (“values”)" in table.attrs["remarks"][0]


def test_names_that_r_changed_more_than_once_come_back(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("case,ibex_glcm25_45.7Contrast,wavelet.LLL_glrlm_RunPercentage,my.column\nA,1,2,3\n")
    names = ["case", "ibex_glcm25_45-7Contrast", "wavelet-LLL_glrlm_RunPercentage", "my.column"]
    assert list(read_table(path).columns) == names


def test_a_name_that_is_there_already_is_not_taken_twice(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("case,wavelet.HLL_glcm_Idn,wavelet-HLL_glcm_Idn\nA,1,2\n")
    assert list(read_table(path).columns) == ["case", "wavelet.HLL_glcm_Idn", "wavelet-HLL_glcm_Idn"]


@pytest.mark.parametrize("cell", ["1,234", "1,234,567", "1,234.5", "1.234.567,5", "1'234", "1’234’567.25"])
def test_thousands_separators_are_refused(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'case,volume\nA,"{cell}"\nB,17\n')
    with pytest.raises(InputError, match="thousands separators"):
        read_sheet(path)


def test_a_comma_in_a_table_with_semicolons_is_a_decimal_one(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("case;volume\nA;1,234\nB;0,5\n")
    assert [row["volume"] for _, row in read_sheet(path).rows] == ["1.234", "0.5"]
    path.write_text("case;volume\nA;1.234,5\n")
    with pytest.raises(InputError, match="thousands separators"):
        read_sheet(path)
