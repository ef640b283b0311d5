"""IBEX's own result tables: Excel files with two header rows, read as feature tables to fit and validate with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from EsoRadiomicsLib.core.errors import InputError
from EsoRadiomicsLib.extraction.feature_table import read_table, table_lines
from EsoRadiomicsLib.extraction.ibex.ibex_names import IBEX_CATEGORIES, ibex_names
from EsoRadiomicsLib.in_slicer.panel.table_columns import table_columns
from EsoRadiomicsLib.shell.cli import main
from EsoRadiomicsLib.studies.study import load_study

openpyxl = pytest.importorskip("openpyxl")

PARAMETERS = " AdaptLimitLevel=0; GrayLimits=0  2100; NumLevels=100; "


def written(path: Path, upper: Sequence[str], lower: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    """A result file as IBEX writes it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Result"
    blank = [" "] * (len(lower) - 2)
    for line in (
        ["DataSet File: ", r"D:\x.mat", *blank],
        ["FeatureSet File: ", r"D:\y.mat", *blank],
        upper,
        lower,
        *rows,
    ):
        sheet.append(list(line))
    info = book.create_sheet("Feature Info.")
    for line in (
        ["FeatureItem-1"],
        ["Category", "Parameters", "Feature", "Parameters", "Preprocess", "Parameters"],
        ["GrayLevelCooccurenceMatrix25", PARAMETERS, "Contrast", " ", "Threshold_Image_Mask", " ThresholdLow=850; "],
    ):
        info.append(line)
    book.save(path)
    return path


CARRYING = ("ibex_histogram_Kurtosis", "ibex_glcm25_45-7InverseVariance")
HEAD = (["Index", "Image", "ROI ", "MRN "], [" "] * 4)


def small(path: Path, *rows: Sequence[Any], more: Sequence[tuple[str, str]] = ()) -> Path:
    columns = [("F1-Shape", "Volume"), ("F2-GrayLevelCooccurenceMatrix25", "45-7Contrast"), *more]
    return written(path, [*HEAD[1], *(u for u, _ in columns)], [*HEAD[0], *(low for _, low in columns)], rows)


def test_ibexs_own_tables_are_read_to_their_last_digit(shared_data: Path) -> None:
    folder = shared_data / "ibex_example"
    if not folder.is_dir():
        pytest.skip("IBEX's example data are not there")
    table = read_table(folder / "ExampleMR_Result.xlsx")
    assert list(table["case"]) == ["ExpampleMR^Import^^", "ExampleMR2^Import^^Cor"]  # both have the same MRN
    assert list(read_table(folder / "ExampleCT_Result.xlsx")["case"]) == ["D1", "D2"]
    assert len([name for name in table.columns if name.startswith("ibex_")]) == 19 + 60
    assert table["ibex_glcm25_45-7Correlation"].iloc[0] == 0.3869269007483589
    assert table["ibex_histogram_5PercentileArea"].iloc[1] == 1317.5538643113446
    assert "F1-IntensityDirect Kurtosis" in table
    assert any("AdaptLimitLevel=1" in remark for remark in table.attrs["remarks"])


def test_the_medical_record_number_names_the_case_where_it_can(tmp_path: Path) -> None:
    path = small(tmp_path / "r.xlsx", ["D1", "a", "GTV", "007", 1.5, 2], ["D2", "a", "GTV", "008", 2.5, 3])
    assert list(read_table(path)["case"]) == ["007", "008"]
    twice = small(tmp_path / "s.xlsx", ["D1", "a", "GTV", 7, 1.5, 2], ["D2", "b", "GTV", 7, 2.5, 3])
    assert list(read_table(twice)["case"]) == ["a", "b"]


def test_readings_of_one_case_are_told_apart_by_reader_and_session(tmp_path: Path) -> None:
    rows = [
        [f"D{i}", f"image {i}", "GTV", 700 + case, 1.5 + case + 0.01 * i, 2.0, case, reader, 1]
        for i, (case, reader) in enumerate((case, reader) for case in range(4) for reader in "AB")
    ]
    more = [(" ", name) for name in ("case", "reader", "session")]
    path = small(tmp_path / "r.xlsx", *rows, more=more)
    assert read_table(path)["case"].tolist() == ["0", "0", "1", "1", "2", "2", "3", "3"]
    assert read_table(path)["session"].tolist() == ["1"] * 8
    assert main(["icc", str(path), "--threshold", "0.9", "--out", str(tmp_path / "icc")]) == 0
    found = pd.read_csv(tmp_path / "icc" / "icc.csv").set_index("feature")
    assert found.loc["ibex_shape_Volume", "verdict"] == "kept"


def test_missing_cells_stay_missing_and_are_named_when_a_model_needs_them(tmp_path: Path) -> None:
    path = small(tmp_path / "r.xlsx", ["D1", "a", "GTV", "x", " ", 2.0], ["D2", "b", "GTV", "y", 2.5, "NaN"])
    table = read_table(path)
    assert table["ibex_shape_Volume"].isna().tolist() == [True, False]
    assert table["ibex_glcm25_45-7Contrast"].isna().tolist() == [False, True]


def test_columns_beside_ibexs_keep_their_names(tmp_path: Path) -> None:
    more = [(" ", "recurred"), (" ", "stage"), ("F9-IntensityDirect", "GlobalMean")]
    path = small(
        tmp_path / "r.xlsx",
        ["D1", "a", "GTV", "x", 1, 2, 1, "II", 7],
        ["D2", "b", "GTV", "y", 3, 4, 0, "III", 8],
        more=more,
    )
    table = read_table(path)
    assert table["recurred"].tolist() == [1, 0] and table["stage"].tolist() == ["II", "III"]
    assert "F9-IntensityDirect GlobalMean" in table
    assert next(table_lines(path)) == list(table.columns)
    offered = table_columns(str(path))
    assert offered.n_features == 2 and offered.n_rows == 2
    assert {"recurred", "stage"} <= set(offered.names)


def test_a_feature_of_two_feature_sets_is_refused(tmp_path: Path) -> None:
    path = small(
        tmp_path / "r.xlsx",
        ["D1", "a", "GTV", "x", 1, 2, 3],
        more=[("F7-GrayLevelCooccurenceMatrix25", "45-7Contrast")],
    )
    with pytest.raises(InputError, match="“ibex_glcm25_45-7Contrast” 2 times"):
        read_table(path)


def test_an_excel_file_that_is_not_ibexs_is_read_as_any_table_is(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["case", "original_glcm_Idn"])
    book.active.append(["NA", 0.1])
    book.save(tmp_path / "other.xlsx")
    assert read_table(tmp_path / "other.xlsx").to_dict("list") == {"case": ["NA"], "original_glcm_Idn": [0.1]}
    (tmp_path / "broken.xlsx").write_bytes(b"PK not a zip")
    with pytest.raises(InputError, match="is no XLSX file"):
        read_table(tmp_path / "broken.xlsx")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Generated patients of whom IBEX measured some features; two of them carry the outcome."""
    rng = np.random.default_rng(11)
    names = dict.fromkeys([*ibex_names()[::12], *CARRYING, "ibex_shape_Mass", "ibex_shape_Volume"])
    features = pd.DataFrame(rng.normal(size=(190, len(names))), columns=list(names))
    stage = rng.integers(0, 3, 190)
    logit = (
        1.4 * features["ibex_histogram_Kurtosis"]
        - 1.4 * features["ibex_glcm25_45-7InverseVariance"]
        + 0.6 * (stage - 1)
    )
    outcome = (rng.uniform(size=190) < 1 / (1 + np.exp(-logit))).astype(int)
    return features.assign(recurred=outcome, stage=stage)


def as_ibex_writes(frame: pd.DataFrame, path: Path) -> Path:
    upper, lower = [*HEAD[1]], [*HEAD[0]]
    for name in frame.columns:
        _, category, printed = name.split("_") if name.startswith("ibex_") else ("", "", name)
        upper.append(f"F1-{IBEX_CATEGORIES[category]}" if category else " ")
        lower.append(printed)
    rows = [
        [f"D{i}", f"image {i}", "GTV", 1000 + i, *map(float, row)]
        for i, row in zip(frame.index, frame.to_numpy(), strict=True)
    ]
    return written(path, upper, lower, rows)


def test_a_group_with_ibexs_tables_fits_validates_and_builds_a_reference(
    cohort: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = as_ibex_writes(cohort.iloc[:130], tmp_path / "first.xlsx")
    second = as_ibex_writes(cohort.iloc[130:], tmp_path / "second.xlsx")
    out = tmp_path / "model"
    outcome = ["--outcome", "recurred", "--clinical", "stage"]
    call = [
        "fit",
        str(first),
        "--protocol",
        "escc-early-recurrence",
        *outcome,
        "--no-validation",
    ]
    call += ["--permutations", "0", "--bootstrap", "0", "--jobs", "1", "--progress", "none", "--out", str(out)]
    assert main(call) == 0
    card = load_study(out / "card.json")
    assert card.signature is not None and {"ibex_histogram_Kurtosis"} <= set(card.signature.names)
    assert not card.table_only
    assert any("NumLevels=100" in sentence for sentence in card.card["limitations"])
    assert any("Threshold_Image_Mask" in sentence for sentence in card.card["limitations"])
    check = tmp_path / "validation"
    assert main(["validate", str(out / "card.json"), str(second), *outcome, "--out", str(check)]) == 0
    gap = cohort.iloc[130:].copy()
    gap.loc[133, "ibex_histogram_Kurtosis"] = float("nan")
    scores = tmp_path / "scores.csv"
    third = as_ibex_writes(gap, tmp_path / "gap.xlsx")
    assert main(["cohort", "score", str(third), "--study", str(out / "card.json"), "--out", str(scores)]) == 0
    lines = pd.read_csv(scores, dtype={"case": str}).set_index("case")
    expected = pd.read_csv(check / "tables/predictions.csv", dtype={"case": str}).set_index("case")["Rad-score"]
    assert lines["rad_score"].drop("1133").to_dict() == pytest.approx(expected.drop("1133").to_dict())
    assert "ibex_histogram_Kurtosis" in lines.loc["1133", "not_scored"]
    assert lines["warnings"].drop("1133").str.startswith("The table does not say with which settings").all()
    reference = ["reference", "build", str(first), str(second), "--study", "escc-early-recurrence"]
    assert main([*reference, "--label", "IBEX's", "--out", str(tmp_path / "reference.json")]) == 0
    capsys.readouterr()


def test_a_missing_cell_of_a_feature_is_named_by_the_fit(
    cohort: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = cohort.copy()
    frame.loc[4, "ibex_shape_Mass"] = float("nan")
    path = as_ibex_writes(frame, tmp_path / "gap.xlsx")
    call = ["fit", str(path), "--protocol", "escc-early-recurrence", "--outcome", "recurred", "--no-validation"]
    assert main([*call, "--progress", "none", "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "ibex_shape_Mass" in said and "1004" in said
